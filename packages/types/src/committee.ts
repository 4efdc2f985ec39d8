import { assert, must } from '@quorate/kernel'
import type { ConsensusKey, MemberId, Seat, ViewId } from './ids.ts'
import { seat } from './ids.ts'

/** Who holds a seat, and the key that signs for it in this view. */
export interface CommitteeMember {
  readonly id: MemberId
  readonly key: ConsensusKey
}

/** Most seats of a committee. */
export const SEATS_MAX = 128

/**
 * The members that order and certify in one view, by seat. Every threshold of the protocol is asked of the certified
 * committee, never computed elsewhere: f = floor((n - 1) / 3) seats may be Byzantine, a quorum is n - f.
 */
export class Committee {
  readonly view: ViewId
  readonly members: readonly CommitteeMember[]
  readonly #seats = new Map<MemberId, Seat>()

  constructor(view: ViewId, members: readonly CommitteeMember[]) {
    assert(members.length >= 1 && members.length <= SEATS_MAX, `a committee of ${members.length}`)
    this.view = view
    this.members = members
    members.forEach((member, index) => this.#seats.set(member.id, seat(index)))
    assert(this.#seats.size === members.length, 'a member holds two seats')
  }

  /** n, the number of seats. */
  get size(): number {
    return this.members.length
  }

  /** f, the number of seats that may be Byzantine. */
  get faultyMax(): number {
    return Math.floor((this.size - 1) / 3)
  }

  /** n - f: any two quorums share an honest seat. */
  get quorum(): number {
    return this.size - this.faultyMax
  }

  /** The seat a member holds, or undefined where it holds none. */
  seatOf(id: MemberId): Seat | undefined {
    return this.#seats.get(id)
  }

  /** The member of a seat that is known to exist. */
  at(index: Seat): CommitteeMember {
    return must(this.members[index], `no seat ${index} in a committee of ${this.size}`)
  }

  /** Whether `index` is a seat of this committee. */
  has(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.size
  }
}
