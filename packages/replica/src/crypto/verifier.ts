// Checking a signature costs some 40 us, a hundred times what else a message costs. A few are checked where they
// arrive: the way to another thread and back takes about 80 us, and more where no core is idle. Many would stall the
// replica's loop, so they are spread over worker threads. The border of 16 is where two threads began to answer sooner
// (0.42 ms against 0.58 ms on 2 cores; at 128 claims 3.0 ms against 4.9 ms). Both sides run the same function, so both
// give the same verdict.
//
// Limits: the pool adds throughput only where cores are idle. A thread that dies takes no verdict with it: its batches
// are checked here, and the pool goes on smaller.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { packClaims } from './claim-batch.ts'
import type { SignatureClaim } from './verify-now.ts'
import { verifyNow } from './verify-now.ts'
import type { VerifyAnswer, VerifyJob } from './verify-worker.ts'

/** From this many claims on, a batch goes to the pool. */
export const POOL_CLAIMS_MIN = 16
/**
 * Most claims handed to the pool and not answered; beyond it, a batch is checked at once, which slows the caller down.
 */
export const POOL_CLAIMS_MAX = 16_384
/** Most threads. */
const THREADS_MAX = 2

interface Job {
  readonly claims: readonly SignatureClaim[]
  readonly settle: (verdicts: readonly boolean[]) => void
}

interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
  waiting: number
}

/** Counters of a verifier since it was made. */
export interface VerifierStats {
  /** Claims checked on the caller's thread. */
  readonly inline: number
  /** Claims given to the pool. */
  readonly pooled: number
  readonly threads: number
  /** Claims the pool has not answered yet. */
  readonly waiting: number
}

/** Checks batches of signatures by the rule of `verifyNow`. */
export class Verifier {
  readonly #threads: Thread[] = []
  readonly #size: number
  #isStarted = false
  #nextId = 0
  #waiting = 0
  #inline = 0
  #pooled = 0

  /** @param threads - Size of the pool; 0 checks everything on the caller's thread. */
  constructor(threads: number = Math.min(THREADS_MAX, availableParallelism() - 1)) {
    this.#size = threads
  }

  /** A verdict for each claim, in their order. Never rejects. */
  verify(claims: readonly SignatureClaim[]): Promise<readonly boolean[]> {
    const pooled = claims.length >= POOL_CLAIMS_MIN && this.#waiting + claims.length <= POOL_CLAIMS_MAX
    if (pooled) this.#startPool()
    if (!pooled || this.#threads.length === 0) {
      this.#inline += claims.length
      return Promise.resolve(check(claims))
    }
    this.#pooled += claims.length
    const share = Math.max(POOL_CLAIMS_MIN, Math.ceil(claims.length / this.#threads.length))
    const parts: Promise<readonly boolean[]>[] = []
    for (let at = 0; at < claims.length; at += share) parts.push(this.#hand(claims.slice(at, at + share)))
    return Promise.all(parts).then((verdicts) => verdicts.flat())
  }

  stats(): VerifierStats {
    return { inline: this.#inline, pooled: this.#pooled, threads: this.#threads.length, waiting: this.#waiting }
  }

  /** Ends the pool. What it has not answered is checked here, so every promise still settles. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()))
  }

  /** With the first batch that is worth it: a small committee never has one, and a thread costs memory. */
  #startPool(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const file = import.meta.url.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js'
    for (let i = 0; i < this.#size; i += 1)
      this.#start(new Worker(new URL(file, import.meta.url), { name: `verify-${i}` }))
  }

  #start(worker: Worker): void {
    const thread: Thread = { worker, jobs: new Map(), waiting: 0 }
    this.#threads.push(thread)
    worker.unref()
    worker.on('message', ({ id, verdicts }: VerifyAnswer) => {
      const job = this.#take(thread, id)
      job?.settle(Array.from(verdicts, (verdict) => verdict === 1))
    })
    // 'exit' follows and does the work; without a listener the error would end the process.
    worker.on('error', () => undefined)
    worker.on('exit', () => this.#lose(thread))
  }

  #hand(claims: readonly SignatureClaim[]): Promise<readonly boolean[]> {
    const thread = this.#threads.reduce((least, other) => (other.waiting < least.waiting ? other : least))
    const id = this.#nextId
    this.#nextId += 1
    const packed = packClaims(claims)
    return new Promise((settle) => {
      if (thread.jobs.size === 0) thread.worker.ref()
      thread.jobs.set(id, { claims, settle })
      thread.waiting += claims.length
      this.#waiting += claims.length
      thread.worker.postMessage({ id, count: claims.length, packed } satisfies VerifyJob, [packed.buffer])
    })
  }

  #take(thread: Thread, id: number): Job | undefined {
    const job = thread.jobs.get(id)
    if (job === undefined) return undefined
    thread.jobs.delete(id)
    thread.waiting -= job.claims.length
    this.#waiting -= job.claims.length
    // A process with nothing else to do may end while the pool is idle, not while a verdict is owed.
    if (thread.jobs.size === 0) thread.worker.unref()
    return job
  }

  #lose(thread: Thread): void {
    const at = this.#threads.indexOf(thread)
    if (at >= 0) this.#threads.splice(at, 1)
    for (const id of thread.jobs.keys()) {
      const job = this.#take(thread, id)
      job?.settle(check(job.claims))
    }
  }
}

function check(claims: readonly SignatureClaim[]): readonly boolean[] {
  return claims.map(({ key, message, signature }) => verifyNow(key, message, signature))
}
