// Transactions of this replica's clients, from acceptance to their final outcome. Each is a variable, known by its transaction's
// hash: what the ledger says of that hash at any position is written into it, for a whole block at once, and wakes who waits. A
// client that waits too long learns that the outcome is unknown and that the same id may be sent again: the ledger executes an id
// once.

import { atomically, atomicallySync, newTVar } from '@quorate/stm'
import type { TVar } from '@quorate/stm'
import type { Digest, Height } from '@quorate/types'

/** What became of a submission. */
export type Settled =
  | { readonly kind: 'final'; readonly height: Height; readonly position: number; readonly outcome: Uint8Array }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'stopped' }

interface Submission {
  readonly settled: TVar<Settled | undefined>
  readonly deadlineMs: number
}

/** Most submissions waiting at once. */
export const WAITERS_MAX = 100_000

export class Submissions {
  readonly #waiting = new Map<Digest, Submission>()

  get size(): number {
    return this.#waiting.size
  }

  /** Waits for the outcome of a transaction that was accepted into the queue. */
  wait(hash: Digest, deadlineMs: number): Promise<Settled> {
    let submission = this.#waiting.get(hash)
    if (submission === undefined) {
      submission = { settled: newTVar<Settled | undefined>(undefined), deadlineMs }
      this.#waiting.set(hash, submission)
    }
    const { settled } = submission
    return atomically((tx) => tx.read(settled) ?? tx.retry())
  }

  /** A final block's transactions, by position. */
  final(height: Height, hashes: readonly Digest[], outcomeAt: (position: number) => Uint8Array): void {
    if (this.#waiting.size === 0) return
    atomicallySync((tx) => {
      hashes.forEach((hash, position) => {
        const submission = this.#waiting.get(hash)
        if (submission === undefined) return
        tx.write(submission.settled, { kind: 'final', height, position, outcome: outcomeAt(position) })
        tx.afterCommit(() => this.#waiting.delete(hash))
      })
    })
  }

  /** Ends the waits whose deadline has passed. They are in deadline order, since all wait equally long. */
  expire(nowMs: number): void {
    for (const [hash, { deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs) return
      this.#settle(hash, { kind: 'timeout' })
    }
  }

  /** Ends every wait: the replica stops. */
  stop(): void {
    for (const hash of this.#waiting.keys()) this.#settle(hash, { kind: 'stopped' })
  }

  #settle(hash: Digest, settled: Settled): void {
    const submission = this.#waiting.get(hash)
    if (submission === undefined) return
    this.#waiting.delete(hash)
    atomicallySync((tx) => tx.write(submission.settled, settled))
  }
}
