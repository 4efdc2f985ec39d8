// A thread for the tests of shared heaps: does one task on the variables it is given, and posts what came of it.

import { parentPort, workerData } from 'node:worker_threads'
import { SharedHeap } from '../shared/shared-heap.ts'
import type { SharedHeapHandle, SharedTVarHandle } from '../shared/shared-memory.ts'

/** What such a thread is to do. */
export interface HeapTask {
  readonly kind: 'transfer' | 'observe' | 'relay' | 'increment'
  readonly heap: SharedHeapHandle
  readonly variables: readonly SharedTVarHandle<number>[]
  readonly times: number
  readonly seed: number
  readonly awaits: boolean
}

const task = workerData as HeapTask
const heap = SharedHeap.attach(task.heap)
const variables = task.variables.map((each) => heap.open(each))

let random = task.seed
const next = (below: number): number => {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
  return (random >>> 8) % below
}
const pick = (): (typeof variables)[number] => variables[next(variables.length)] ?? heap.newNumber(0)

/** Moves something from one account to another, if it is there. */
async function transfer(): Promise<void> {
  const from = pick()
  const to = pick()
  const amount = next(10)
  if (!task.awaits) {
    return heap.atomicallySync((tx) => {
      if (tx.read(from) < amount) return
      tx.update(from, (x) => x - amount)
      tx.update(to, (x) => x + amount)
    })
  }
  await heap.atomically(async (tx) => {
    if (tx.read(from) < amount) return
    tx.update(from, (x) => x - amount)
    await new Promise((resolve) => setImmediate(resolve))
    tx.update(to, (x) => x + amount)
  })
}

/** The sums that attempts saw, also those that had to run again. */
const sums = new Set<number>()
function observe(): void {
  heap.atomicallySync((tx) => {
    let sum = 0
    for (const each of variables) sum += tx.read(each)
    sums.add(sum)
  })
}

/** Waits for its turn: the first variable says whose, and each passes it on. */
async function relay(): Promise<void> {
  const [turn] = variables
  if (turn === undefined) return
  const body = (tx: Parameters<Parameters<typeof heap.atomicallySync>[0]>[0]): void => {
    tx.check(tx.read(turn) % 2 === task.seed % 2)
    tx.update(turn, (x) => x + 1)
  }
  if (task.awaits) await heap.atomically(body, { timeoutMs: 20_000 })
  else heap.atomicallySync(body, { timeoutMs: 20_000 })
}

/** Each increment conflicts with those of all the other threads. */
function increment(): void {
  heap.atomicallySync((tx) => variables.forEach((each) => tx.update(each, (x) => x + 1)))
}

for (let i = 0; i < task.times; i += 1) {
  if (task.kind === 'transfer') await transfer()
  else if (task.kind === 'observe') observe()
  else if (task.kind === 'relay') await relay()
  else increment()
}
parentPort?.postMessage([...sums])
