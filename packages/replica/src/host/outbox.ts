// Transactions of this replica's clients on their way to the core. A bounded queue stands between the many that submit and the one
// that feeds; what has gathered in one turn of the event loop goes together, into one unit. A replica that catches up can't order
// anything itself yet: it hands them to a peer that can, and keeps them only if none takes them.

import { setImmediate } from 'node:timers/promises'
import type { Choam } from '@quorate/choam'
import { atomically, atomicallySync, TBQueue } from '@quorate/stm'
import type { MemberId } from '@quorate/types'
import { decodeTransaction, REQUEST_LIMITS } from '@quorate/types'
import type { Declined } from '../peers/protocols.ts'
import type { Links } from './links.ts'

/** Transactions between acceptance and the core. */
export const OUTBOX_MAX = 16_384
/** How long a peer is waited for that could take transactions. */
const PEER_WAIT_MS = 1_000
const RETRY_MS = 250
/** Where others must order what clients submit here. */
const HANDS_OVER: readonly string[] = ['synchronizing', 'following']
/** Bytes that a transaction takes in a unit beyond its own. */
const ENVELOPE_BYTES = 512

/** What the outbox stands on. */
export interface OutboxParts {
  readonly core: Choam
  readonly links: Links
  readonly feed: (transactions: readonly Uint8Array[]) => void
  /** Hands transactions to a peer: undefined where it took them. May reject. */
  readonly forward: (to: MemberId, transactions: readonly Uint8Array[]) => Promise<Declined | undefined>
}

export class Outbox {
  readonly #parts: OutboxParts
  readonly #queue = new TBQueue<Uint8Array>(OUTBOX_MAX)
  readonly #ended = new AbortController()
  /** Put and not fed, nor handed over. */
  #pendingItems = 0
  #pendingBytes = 0

  constructor(parts: OutboxParts) {
    this.#parts = parts
  }

  /** False where there is no room for it. */
  put(transaction: Uint8Array): boolean {
    if (!this.#hasRoom([transaction])) return false
    if (!atomicallySync((tx) => this.#queue.tryWrite(tx, transaction))) return false
    this.#count([transaction], 1)
    return true
  }

  /** Takes back what the core had and can't order: it was accepted once, so there is always room. */
  putBack(transactions: readonly Uint8Array[]): void {
    this.#count(transactions, 1)
    setTimeout(() => {
      if (!this.#ended.signal.aborted) void this.#handOver(transactions)
    }, RETRY_MS).unref()
  }

  /** Takes a peer's transactions, or says why not. They are not handed on again. */
  accept(transactions: readonly Uint8Array[]): Declined | undefined {
    const declined = (code: Declined['code'], message: string): Declined => ({ code, message, retryAfterMs: RETRY_MS })
    const { phase } = this.#parts.core.status()
    if (phase !== 'operational') return declined('NOT_READY', `the replica is ${phase}`)
    for (const transaction of transactions) {
      const decoded = decodeTransaction(transaction)
      if (!decoded.ok) return declined('INVALID', `${decoded.error.code}: ${decoded.error.message}`)
    }
    if (!this.#hasRoom(transactions)) return declined('OVERLOADED', 'too many transactions wait to be ordered')
    this.#parts.feed(transactions)
    return undefined
  }

  /** Feeds until it is stopped. */
  async run(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      try {
        await atomically((tx) => this.#queue.peek(tx), { signal })
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
      await setImmediate()
      const transactions = atomicallySync((tx) => this.#queue.flush(tx))
      if (HANDS_OVER.includes(this.#parts.core.status().phase)) void this.#handOver(transactions)
      else this.#feed(transactions)
    }
  }

  /** Ends `run`. */
  stop(): void {
    this.#ended.abort()
  }

  async #handOver(transactions: readonly Uint8Array[]): Promise<void> {
    for (const some of inPortions(transactions)) {
      const isTaken = await this.#taken(some).catch(() => false)
      if (this.#ended.signal.aborted) return
      if (isTaken) this.#count(some, -1)
      else this.#feed(some)
    }
  }

  #feed(transactions: readonly Uint8Array[]): void {
    this.#count(transactions, -1)
    this.#parts.feed(transactions)
  }

  /** The core's room, less what is on its way there. */
  #hasRoom(transactions: readonly Uint8Array[]): boolean {
    const { room } = this.#parts.core
    const isRoomForBytes = room.bytes - this.#pendingBytes >= bytesOf(transactions)
    return isRoomForBytes && room.items - this.#pendingItems >= transactions.length
  }

  #count(transactions: readonly Uint8Array[], sign: 1 | -1): void {
    this.#pendingItems += sign * transactions.length
    this.#pendingBytes += sign * bytesOf(transactions)
  }

  async #taken(transactions: readonly Uint8Array[]): Promise<boolean> {
    const { links, forward } = this.#parts
    const peers = await atomically((tx) => links.some(tx), { timeoutMs: PEER_WAIT_MS, signal: this.#ended.signal })
    for (const peer of peers) {
      const isTaken = await forward(peer, transactions).then(
        (declined) => declined === undefined,
        () => false,
      )
      if (isTaken) return true
    }
    return false
  }
}

function bytesOf(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((sum, each) => sum + each.length + ENVELOPE_BYTES, 0)
}

/** Splits a list so that each part fits into one message. */
function inPortions(transactions: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const portions: Uint8Array[][] = []
  let bytes = 0
  for (const transaction of transactions) {
    const last = portions.at(-1)
    bytes += transaction.length
    if (last === undefined || last.length >= REQUEST_LIMITS.forwardMax || bytes > REQUEST_LIMITS.forwardBytesMax / 2) {
      portions.push([transaction])
      bytes = transaction.length
    } else {
      last.push(transaction)
    }
  }
  return portions
}
