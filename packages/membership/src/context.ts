// Rings: how a committee follows from a membership and a view id, so that anyone can recompute it and nobody can choose it.
//
// Each seat has a ring of its own, on which the members stand in the order of their hashes. A view id cuts every ring at a point;
// the first member after the cut that holds no seat yet takes the ring's seat. One ring for all seats would seat neighbours
// together for ever; a ring a seat makes every committee as likely as any other.
//
// Limits: the cut is as unpredictable as the view id. Ids chain from genesis, so a member can foresee committees, but not
// influence them without influencing what the ledger contains.

import { assert, compareText, Writer } from '@quorate/kernel'
import type { Digest, MemberId, ViewId } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

interface Place {
  readonly at: Digest
  readonly member: MemberId
}

function pointOn(ring: number, raw: Uint8Array): Digest {
  return hashOf('ring', new Writer(4).u32(ring).finish(), raw)
}

/** A membership on its rings. */
export class Context {
  readonly members: readonly MemberId[]
  readonly #rings = new Map<number, readonly Place[]>()

  constructor(members: readonly MemberId[]) {
    assert(new Set(members).size === members.length && members.length > 0, 'a membership of distinct members')
    this.members = members
  }

  /** The members that hold seats 0 to `seats` - 1 under `view`. At most one seat a member. */
  cut(view: ViewId, seats: number): readonly MemberId[] {
    assert(seats >= 1 && seats <= this.members.length, `${seats} seats for ${this.members.length} members`)
    const seated: MemberId[] = []
    for (let ring = 0; ring < seats; ring += 1) seated.push(this.#successor(ring, pointOn(ring, rawOf(view)), seated))
    return seated
  }

  #successor(ring: number, point: Digest, seated: readonly MemberId[]): MemberId {
    const places = this.#ring(ring)
    const start = insertionPoint(places, point)
    for (let step = 0; step < places.length; step += 1) {
      const place = places[(start + step) % places.length]
      if (place !== undefined && !seated.includes(place.member)) return place.member
    }
    throw new RangeError('every member is seated')
  }

  #ring(ring: number): readonly Place[] {
    let places = this.#rings.get(ring)
    if (places === undefined) {
      places = this.members
        .map((member) => ({ member, at: pointOn(ring, rawOf(member)) }))
        .sort((a, b) => compareText(a.at, b.at))
      this.#rings.set(ring, places)
    }
    return places
  }
}

/** Index of the first place behind `point`; the number of places where there is none. */
function insertionPoint(places: readonly Place[], point: Digest): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const place = places[middle]
    if (place !== undefined && compareText(place.at, point) <= 0) low = middle + 1
    else high = middle
  }
  return low
}
