// Rings: how a committee follows from a membership and a view id, so that anyone can recompute it and nobody can choose it.
//
// Each seat has a ring, on which the members stand in the order of their hashes. A point cuts the ring, and the first member behind
// the cut that holds no seat yet takes the ring's seat.
//
// The obvious way is to hash members onto the rings once, and to cut at the hash of the view id. Then a member's share of the seats
// is the length of the arc before it, and arcs between random points differ: one member would sit several times as often as another,
// for ever, and who may choose its key chooses a long arc. So here the view id doesn't move the cut, it lays the rings: a member's
// place is the hash of ring, view and member, and every ring is cut at zero. Each view deals all places anew, so all members are
// alike: each holds any one seat in one view of n, and all committees are equally likely. A key gains nothing by its value, since
// the view id isn't known when it is chosen. It costs hashes, a fourth of one for each member and ring, once a view.
//
// What a fixed ring has, this has too: a place depends on nobody else. Whoever leaves frees its own seat; if who steps up held
// a later one, that is free next; all other seats stay.
//
// Limits: committees are as unpredictable as view ids are; see SPEC.md on what that is worth.

import { assert, compareText, must, Writer } from '@quorate/kernel'
import type { MemberId, ViewId } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

/** A hash gives places on so many rings, of 64 bits each. */
const RINGS_PER_HASH = 4
const PLACE_DIGITS = 16

interface Standing {
  readonly member: MemberId
  readonly raw: Uint8Array
}

interface Place {
  readonly member: MemberId
  /** A quarter of a hash for each ring of the group. */
  readonly hash: string
}

/** A membership, from which views draw their committees. */
export class Context {
  readonly members: readonly MemberId[]
  readonly #standing: readonly Standing[]

  constructor(members: readonly MemberId[]) {
    assert(new Set(members).size === members.length && members.length > 0, 'a membership of distinct members')
    this.members = members
    this.#standing = members.map((member) => ({ member, raw: rawOf(member) }))
  }

  /** The members that hold seats 0 to `seats` - 1 under `view`. At most one seat a member. */
  cut(view: ViewId, seats: number): readonly MemberId[] {
    assert(seats >= 1 && seats <= this.members.length, `${seats} seats for ${this.members.length} members`)
    const seated = new Set<MemberId>()
    let places: readonly Place[] = []
    for (let ring = 0; ring < seats; ring += 1) {
      if (ring % RINGS_PER_HASH === 0) places = this.#places(view, ring / RINGS_PER_HASH)
      seated.add(firstOn(places, (ring % RINGS_PER_HASH) * PLACE_DIGITS, seated))
    }
    return [...seated]
  }

  /** Where the members stand on the rings 4 `group` to 4 `group` + 3 of a view. */
  #places(view: ViewId, group: number): readonly Place[] {
    const prefix = new Writer(36).u32(group).raw(rawOf(view)).finish()
    return this.#standing.map(({ member, raw }) => ({ member, hash: hashOf('ring', prefix, raw) }))
  }
}

/** The first member on a ring that holds no seat. One place in 2^64 is shared by two; the lower id stands before. */
function firstOn(places: readonly Place[], from: number, seated: ReadonlySet<MemberId>): MemberId {
  let first: MemberId | undefined
  let lowest = ''
  for (const { member, hash } of places) {
    if (seated.has(member)) continue
    const at = hash.slice(from, from + PLACE_DIGITS)
    const order = first === undefined ? -1 : compareText(at, lowest) || compareText(member, first)
    if (order >= 0) continue
    first = member
    lowest = at
  }
  return must(first, 'a member without a seat')
}
