// Threads on one heap: how many transactions a second they commit together, each on its own variables or all on one.

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { SharedHeap } from '@quorate/stm'
import type { SharedHeapHandle, SharedTVarHandle } from '@quorate/stm'

const THREAD = 'bench-stm'

interface Task {
  readonly heap: SharedHeapHandle
  readonly counter: SharedTVarHandle<number>
  readonly times: number
}

function work({ heap: handle, counter: at, times }: Task): void {
  const heap = SharedHeap.attach(handle)
  const counter = heap.open(at)
  for (let i = 0; i < times; i += 1) heap.atomicallySync((tx) => tx.update(counter, (x) => x + 1))
}

/** Transactions a second of `threads` threads, on one variable each or on the same. */
export async function benchThreads(threads: number, isShared: boolean): Promise<number> {
  const times = 100_000
  const heap = SharedHeap.make({ bytes: 100_000 })
  const one = heap.newNumber(0)
  const workers = Array.from(
    { length: threads },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: THREAD }),
  )
  const run = async (): Promise<void> => {
    const ended = workers.map((worker) => once(worker, 'message'))
    for (const worker of workers) {
      const counter = (isShared ? one : heap.newNumber(0)).handle
      worker.postMessage({ heap: heap.handle, counter, times } satisfies Task)
    }
    await Promise.all(ended)
  }
  await run()
  const began = performance.now()
  await run()
  const ms = performance.now() - began
  await Promise.all(workers.map((worker) => worker.terminate()))
  return (threads * times * 1000) / ms
}

if (!isMainThread && workerData === THREAD) {
  parentPort?.on('message', (task: Task) => {
    work(task)
    parentPort?.postMessage('done')
  })
}
