// The thread of the feeds as the replica's loop sees it. It is started when it is asked, given up when nobody has asked
// for a while (an engine of its own takes memory), and replaced when it is lost: feeds must never stop the replica.

import type { Worker } from 'node:worker_threads'
import type { FeedAnswer } from '../feed/entry.ts'
import type { FeedRequest } from './messages.ts'
import { workerOf } from './threads.ts'

/** Blocks waiting for the thread at once. */
export const FEED_BLOCKS_QUEUED_MAX = 64
/** Far more than the longest block takes to be repeated. A thread that is silent for so long is replaced. */
export const FEED_SILENCE_MS_MAX = 60_000
/** How long the thread stays when it has nothing to do. */
const IDLE_MS = 60_000

export class FeedThread {
  readonly #folder: string
  #worker: Worker | undefined
  readonly #waiting = new Map<number, (answer: FeedAnswer) => void>()
  #nextId = 0
  #alarm: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes of a block what feeds tell. */
  ask(request: FeedRequest): Promise<FeedAnswer> {
    if (this.#isClosed) return Promise.resolve({ kind: 'failed', message: 'the replica stops' })
    if (this.#waiting.size >= FEED_BLOCKS_QUEUED_MAX)
      return Promise.resolve({
        kind: 'failed',
        message: `more than ${FEED_BLOCKS_QUEUED_MAX} blocks wait for the feeds`,
      })
    this.#worker ??= this.#start()
    const worker = this.#worker
    this.#nextId += 1
    const id = this.#nextId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      if (this.#waiting.size === 1) this.#watch(worker)
      worker.postMessage({ id, request })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#lose('the replica stops')
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = workerOf('feed-worker', { folder: this.#folder })
    worker.on('message', ({ id, reply }: { readonly id: number; readonly reply: FeedAnswer }) => {
      const resolve = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (this.#worker === worker) this.#watch(worker)
      resolve?.(reply)
    })
    const lost = (why: string): void => {
      if (this.#worker === worker) this.#lose(why)
    }
    worker.on('error', (error) => lost(`the thread of the feeds ended: ${error.message}`))
    worker.on('exit', () => lost('the thread of the feeds ended'))
    return worker
  }

  /** Waits for its next answer, or for the end of its idleness. */
  #watch(worker: Worker): void {
    clearTimeout(this.#alarm)
    const isIdle = this.#waiting.size === 0
    const give = (): void => {
      if (this.#worker !== worker) return
      this.#lose(`no block was repeated within ${FEED_SILENCE_MS_MAX} ms`)
      void worker.terminate()
    }
    this.#alarm = setTimeout(give, isIdle ? IDLE_MS : FEED_SILENCE_MS_MAX).unref()
  }

  #lose(message: string): void {
    clearTimeout(this.#alarm)
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const resolve of waiting) resolve({ kind: 'failed', message })
  }
}
