// Transactions of this replica's clients, from acceptance to their final outcome. A waiter is known by its transaction's hash;
// what the ledger says of that hash at any position is its answer. A waiter that times out learns that the outcome is unknown
// and that the same id may be sent again: the ledger executes an id once.

import type { Digest, Height } from '@quorate/types'

/** What became of a submission. */
export type Settled =
  | { readonly kind: 'final'; readonly height: Height; readonly position: number; readonly outcome: Uint8Array }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'stopped' }

interface Waiter {
  readonly settle: ((settled: Settled) => void)[]
  readonly deadlineMs: number
}

/** Most submissions waiting at once. */
export const WAITERS_MAX = 100_000

export class Submissions {
  readonly #waiters = new Map<Digest, Waiter>()

  get size(): number {
    return this.#waiters.size
  }

  /** Waits for the outcome of a transaction that was accepted into the queue. */
  wait(hash: Digest, deadlineMs: number): Promise<Settled> {
    return new Promise((resolve) => {
      const waiter = this.#waiters.get(hash)
      if (waiter === undefined) this.#waiters.set(hash, { settle: [resolve], deadlineMs })
      else waiter.settle.push(resolve)
    })
  }

  /** A final block's transactions, by position. */
  final(height: Height, hashes: readonly Digest[], outcomeAt: (position: number) => Uint8Array): void {
    if (this.#waiters.size === 0) return
    hashes.forEach((hash, position) => {
      if (this.#waiters.has(hash)) this.#settle(hash, { kind: 'final', height, position, outcome: outcomeAt(position) })
    })
  }

  /** Ends the waits whose deadline has passed. Waiters are in deadline order, since all wait equally long. */
  expire(nowMs: number): void {
    for (const [hash, waiter] of this.#waiters) {
      if (waiter.deadlineMs > nowMs) return
      this.#settle(hash, { kind: 'timeout' })
    }
  }

  /** Ends every wait: the replica stops. */
  stop(): void {
    for (const hash of this.#waiters.keys()) this.#settle(hash, { kind: 'stopped' })
  }

  #settle(hash: Digest, settled: Settled): void {
    const waiter = this.#waiters.get(hash)
    if (waiter === undefined) return
    this.#waiters.delete(hash)
    for (const settle of waiter.settle) settle(settled)
  }
}
