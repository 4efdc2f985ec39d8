// Peers that fetch the database from this replica: which heights they may have (state-loans.ts), held by the writer, read in a
// thread of their own. Helping others must never stop the replica: where the thread fails, they hear BUSY.

import type { Worker } from 'node:worker_threads'
import type { Clock } from '@quorate/session-types'
import type { Height, MemberId, StateAnswer, StateAsk, StateRefusal } from '@quorate/types'
import type { SourceReply, SourceRequest } from './messages.ts'
import { LOAN_LIMITS, StateLoans } from './state-loans.ts'
import type { SqlWriter } from './threads.ts'
import { workerOf } from './threads.ts'

/** An answer that takes longer is put off: well below what peers take for silence. */
const PATIENCE_MS = 2_000

/** What lending needs. */
export interface LendingParts {
  readonly folder: string
  readonly writer: Pick<SqlWriter, 'hold'>
  readonly clock: Clock
  /** Something went wrong here while answering a peer: for the log. */
  readonly onTrouble: (message: string) => void
}

function refused(code: StateRefusal): StateAnswer {
  return { kind: 'refused', code, retryAfterMs: code === 'BUSY' || code === 'NOT_YET' ? LOAN_LIMITS.retryMs : 0 }
}

/** Answers peers from state.db. */
export class StateLending {
  readonly #parts: LendingParts
  readonly #loans = new StateLoans()
  readonly #waiting = new Map<number, (answer: StateAnswer) => void>()
  readonly #asking = new Map<MemberId, number>()
  /** What the writer was told to hold, and its answer. */
  #held: { readonly told: string; readonly heights: Promise<ReadonlySet<Height>> } | undefined
  #worker: Worker | undefined
  #nextId = 0
  #isClosed = false

  constructor(parts: LendingParts) {
    this.#parts = parts
  }

  /**
   * Heights that everyone may have, and that are held in any case: checkpoints. Resolves to those that are there. Say it before the
   * first block is executed; at most two.
   */
  async offer(heights: readonly Height[]): Promise<readonly Height[]> {
    this.#loans.offer(heights)
    const held = await this.#hold()
    return heights.filter((height) => held.has(height))
  }

  /** Answers a peer. `certified` is the highest certified height here. */
  async answer(peer: MemberId, ask: StateAsk, certified: Height | undefined): Promise<StateAnswer> {
    if (certified === undefined || ask.height > certified) return refused('NOT_YET')
    const asking = this.#asking.get(peer) ?? 0
    if (this.#isClosed || asking >= LOAN_LIMITS.asksMax) return refused('BUSY')
    this.#asking.set(peer, asking + 1)
    // Its place is taken for as long as it costs us something.
    const given = this.#give(peer, ask).finally(() => this.#gave(peer))
    return Promise.race([given, this.#late(given)])
  }

  /** Ends loans whose time is over; to be called now and then. */
  async expire(): Promise<void> {
    this.#loans.expire(this.#parts.clock.nowMs())
    if (this.#held !== undefined) await this.#hold()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#lose()
    await worker?.terminate()
  }

  async #give(peer: MemberId, ask: StateAsk): Promise<StateAnswer> {
    const verdict = this.#loans.take(peer, ask.height, this.#parts.clock.nowMs())
    if (verdict !== 'LENT') return refused(verdict)
    const held = await this.#hold()
    if (held.has(ask.height)) return this.#read(ask)
    this.#loans.lost(ask.height)
    return refused('GONE')
  }

  #gave(peer: MemberId): void {
    const left = (this.#asking.get(peer) ?? 1) - 1
    if (left === 0) this.#asking.delete(peer)
    else this.#asking.set(peer, left)
  }

  /** The tree over a large database takes its time once; who waits for it is told to come back, and not left in doubt. */
  #late(given: Promise<StateAnswer>): Promise<StateAnswer> {
    return new Promise((resolve) => {
      const callOff = this.#parts.clock.after(PATIENCE_MS, () => resolve(refused('BUSY')))
      // A failure is told by the other promise.
      given.then(callOff, callOff)
    })
  }

  /** Tells the writer what to hold, where that has changed. */
  #hold(): Promise<ReadonlySet<Height>> {
    const heights = this.#loans.heights()
    const told = heights.join()
    if (this.#held?.told !== told)
      this.#held = { told, heights: this.#parts.writer.hold(heights).then((held) => new Set(held)) }
    return this.#held.heights
  }

  #read(ask: StateAsk): Promise<StateAnswer> {
    if (this.#isClosed) return Promise.resolve(refused('BUSY'))
    this.#worker ??= this.#start()
    this.#nextId += 1
    const id = this.#nextId
    const worker = this.#worker
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      worker.postMessage({ id, ask } satisfies SourceRequest)
    })
  }

  #start(): Worker {
    const worker = workerOf('source-worker', { folder: this.#parts.folder })
    worker.on('message', (reply: SourceReply) => {
      const resolve = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.kind === 'failed') this.#parts.onTrouble(reply.message)
      resolve?.(reply.kind === 'answer' ? reply.answer : refused('BUSY'))
    })
    worker.on('error', (error) => {
      this.#parts.onTrouble(error.message)
      this.#lose()
    })
    worker.unref()
    return worker
  }

  /** The thread is gone; the next question starts another. */
  #lose(): void {
    this.#worker = undefined
    for (const resolve of this.#waiting.values()) resolve(refused('BUSY'))
    this.#waiting.clear()
  }
}
