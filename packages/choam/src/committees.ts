// The committees that messages may speak of, and which of their seats are ours.

import type { Committee, ConsensusKey, MemberId, Seat, ViewId } from '@quorate/types'
import { identityKey } from '@quorate/types'
import type { OwnShare } from './input.ts'

/** A seat, and the key that signs for it. */
export interface OwnSeat {
  readonly index: Seat
  readonly key: ConsensusKey
}

export class Committees {
  readonly #me: MemberId
  readonly #founders: Committee
  /** Keys that we can sign with. */
  readonly #keys: Set<ConsensusKey>
  /** Our shares of coins' keys, by the key of our seat. */
  readonly #shares = new Map<ConsensusKey, Uint8Array>()
  #current: Committee
  /** Its late votes are still understood. */
  #before: Committee

  constructor(me: MemberId, founders: Committee) {
    this.#me = me
    this.#founders = founders
    this.#keys = new Set([identityKey(me)])
    this.#current = founders
    this.#before = founders
  }

  /** What is still here of the time before a restart. */
  restore(keys: readonly ConsensusKey[], shares: readonly OwnShare[]): void {
    for (const key of keys) this.own(key)
    for (const { key, share } of shares) this.ownShare(key, share)
  }

  /** A key of ours is made, or found again. */
  own(key: ConsensusKey): void {
    this.#keys.add(key)
  }

  /** A share of a coin's key that was dealt to the seat we sign for with `key`. */
  ownShare(key: ConsensusKey, share: Uint8Array): void {
    this.#shares.set(key, share)
  }

  /** Our share of the key of this committee's coin. */
  shareIn(committee: Committee): Uint8Array | undefined {
    const seat = committee.seatOf(this.#me)
    return seat === undefined ? undefined : this.#shares.get(committee.at(seat).key)
  }

  /** A committee is seated. */
  seated(committee: Committee): void {
    this.#before = this.#current
    this.#current = committee
  }

  of(view: ViewId): Committee | undefined {
    return [this.#current, this.#before, this.#founders].find((committee) => committee.view === view)
  }

  /** Our seat in a view; undefined where we hold none, or lost its key. */
  seatIn(view: ViewId): OwnSeat | undefined {
    const committee = this.of(view)
    const index = committee?.seatOf(this.#me)
    if (committee === undefined || index === undefined) return undefined
    const { key } = committee.at(index)
    return this.#keys.has(key) ? { index, key } : undefined
  }
}
