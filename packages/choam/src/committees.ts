// The committees that messages may speak of, and which of their seats are ours.

import type { Committee, ConsensusKey, MemberId, Seat, ViewId } from '@quorate/types'
import { identityKey } from '@quorate/types'

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

  /** A key of ours is known, made now or before a restart. */
  own(key: ConsensusKey): void {
    this.#keys.add(key)
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
