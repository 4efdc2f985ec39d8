// Whether seats are dealt fairly: Pearson's test over how often each member sat. In a fair view a member sits with probability
// p = seats / members, and since a committee has its size, two members' sittings are correlated by -1 / (n - 1). With that the sum below
// follows chi-square with n - 1 degrees of freedom, whose mean is n - 1 and whose variance is twice that.

import { compareText, must } from '@quorate/kernel'
import type { Digest, MemberId, ViewId } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

/** How often each member sat. */
export interface Fairness {
  /** Least and most sittings of a member, as a multiple of the expected number. */
  readonly least: number
  readonly most: number
  readonly chiSquare: number
  readonly degrees: number
  /** How many standard deviations chi-square lies above its mean. */
  readonly excess: number
}

/** Counts sittings over the committees of `views` views, drawn by `cut`. */
export function fairnessOf(
  members: readonly MemberId[],
  seats: number,
  views: number,
  cut: (view: number) => readonly MemberId[],
): Fairness {
  const sat = new Map(members.map((member) => [member, 0]))
  for (let view = 0; view < views; view += 1)
    for (const member of cut(view)) sat.set(member, (sat.get(member) ?? 0) + 1)
  const n = members.length
  const expected = (views * seats) / n
  const counts = [...sat.values()]
  const squares = counts.reduce((sum, count) => sum + (count - expected) ** 2, 0)
  // Where everybody sits always, there is no variance, and nothing to test.
  const chiSquare = seats === n ? n - 1 : ((n - 1) / n) * (squares / (expected * (1 - seats / n)))
  return {
    least: Math.min(...counts) / expected,
    most: Math.max(...counts) / expected,
    chiSquare,
    degrees: n - 1,
    excess: (chiSquare - (n - 1)) / Math.sqrt(2 * (n - 1)),
  }
}

interface FixedPlace {
  readonly member: MemberId
  readonly at: Digest
}

function pointOn(ring: number, raw: Uint8Array): Digest {
  return hashOf('ring', Uint8Array.of(ring), raw)
}

/** The obvious rings, which are not ours: members are hashed once onto one for each seat. */
export function fixedRings(members: readonly MemberId[], seats: number): readonly (readonly FixedPlace[])[] {
  return Array.from({ length: seats }, (_, ring) =>
    members.map((member) => ({ member, at: pointOn(ring, rawOf(member)) })).sort((a, b) => compareText(a.at, b.at)),
  )
}

/** The obvious cut: at the hash of the view id; the first behind it that has no seat sits. */
export function cutFixedRings(rings: readonly (readonly FixedPlace[])[], view: ViewId): readonly MemberId[] {
  const seated: MemberId[] = []
  for (const [ring, places] of rings.entries()) {
    const point = pointOn(ring, rawOf(view))
    const isFree = ({ member }: FixedPlace): boolean => !seated.includes(member)
    const next = places.find((place) => place.at > point && isFree(place)) ?? places.find(isFree)
    seated.push(must(next, 'a member without a seat').member)
  }
  return seated
}
