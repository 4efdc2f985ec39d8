// Who pushes a block to whom. The members of the committee make the block, all at about the same time; everybody else must get it,
// quickly, from few, and without anybody arranging it.
//
// The obvious ways: the committee sends it to everybody, and each of its members pays for the whole membership. Everybody sends it to
// everybody: n copies for each. Everybody sends it to some members drawn at random: ln(n) copies for each, or some are left out.
//
// Here the members without a seat stand on rings, as many as copies of the block shall reach everyone. On each ring a forest grows over
// them: its roots are the committee; each root has four successors below it, each of these four, and so on around the ring. Where the
// ring is entered, and which root stands first, changes with the height. So everybody computes from the height alone whom it feeds:
// four members a ring at most, and on average one, whatever the size of the membership; and everybody is fed once a ring. On another
// ring, others stand above it. Who gets a block passes it on in all forests, once: whoever is cut off in one is reached in another. A
// member that is known to be down is stepped over: who stands above it, or is the next root, feeds its successors in its place.
//
// Limits: the number of copies is for losses that fall where they may. An adversary knows who stands where, and can cut off whom it
// stands above on all rings; that is what the telling and asking is for (handler.ts). Rings are fixed, and a key can be chosen for its
// place on them; all that is to be had there is work.

import { compareText, must, Writer } from '@quorate/kernel'
import type { Height, MemberId } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

/** Who gets blocks from whom: the members, and those of them that hold seats and so make the blocks, by seat. */
export interface Audience {
  readonly members: readonly MemberId[]
  readonly seated: readonly MemberId[]
}

/** Successors that one member feeds in one forest. */
export const BRANCHES = 4
/** Most of them where members that are down are stepped over. */
const BRANCHES_MAX = 2 * BRANCHES
/** Most forests, and so copies of a block that one member is sent. */
export const COPIES_MAX = 4
/** In a million: less may miss a block's pushes. */
const MISSED_MAX = 10_000
const MILLION = 1_000_000

/** The members in the order in which they stand on a fixed ring. */
export function ringOrder(ring: number, members: readonly MemberId[]): readonly MemberId[] {
  const prefix = new Writer(4).u32(ring).finish()
  return members
    .map((member) => ({ member, at: hashOf('ring', prefix, rawOf(member)) }))
    .sort((a, b) => compareText(a.at, b.at))
    .map(({ member }) => member)
}

/** Where a height enters a ring: a number that is as good as random. */
function entry(ring: number, at: Height): number {
  return Number.parseInt(hashOf('ring', new Writer(12).u32(ring).u64(at).finish()).slice(0, 12), 16)
}

/** Positions below `position` in a forest whose roots are the first `roots` of `count`. Levels are filled evenly. */
export function positionsBelow(position: number, roots: number, count: number): readonly number[] {
  let start = 0
  let width = roots
  while (position >= start + width) {
    start += width
    width *= BRANCHES
  }
  const below: number[] = []
  for (let branch = 0; branch < BRANCHES; branch += 1) {
    const next = position + width * (branch + 1)
    if (next < count) below.push(next)
  }
  return below
}

/**
 * Copies that each member must be sent for less than a hundredth to miss them all, where `lossPerMille` of the pushes come to nothing.
 * A member misses a copy where it is lost, or who should send it has missed the block itself: level by level, as if rings were independent.
 */
export function copiesFor(roots: number, count: number, lossPerMille: number): number {
  const loss = lossPerMille * 1000
  for (let copies = 1; copies < COPIES_MAX; copies += 1) {
    let missed = 0
    for (let reached = roots, width = roots; reached < count; reached += width) {
      width *= BRANCHES
      const each = loss + Math.floor(((MILLION - loss) * missed) / MILLION)
      missed = MILLION
      for (let copy = 0; copy < copies; copy += 1) missed = Math.floor((missed * each) / MILLION)
    }
    if (missed < MISSED_MAX) return copies
  }
  return COPIES_MAX
}

interface Ring {
  readonly order: readonly MemberId[]
  readonly ranks: ReadonlyMap<MemberId, number>
}

function ringOf(order: readonly MemberId[]): Ring {
  return { order, ranks: new Map(order.map((member, rank) => [member, rank])) }
}

/** The rings of one view, laid once and the same for everybody. */
export class Spread {
  /** The members without a seat are sent so many copies of a block, one on each ring. */
  readonly copies: number
  readonly #all: Ring
  readonly #seats: Ring
  readonly #rings: readonly Ring[]

  /** @param lossPerMille - Pushes that may be lost, in thousandths, for less than a hundredth of the members to miss all copies. */
  constructor({ members, seated }: Audience, lossPerMille: number) {
    this.#seats = ringOf(seated)
    this.#all = ringOf(ringOrder(0, members))
    const unseated = members.filter((member) => !this.#seats.ranks.has(member))
    this.copies = copiesFor(seated.length, members.length, lossPerMille)
    this.#rings = Array.from({ length: this.copies }, (_, ring) => ringOf(ringOrder(ring, unseated)))
  }

  /** All other members, in ring order behind `me`. */
  behind(me: MemberId): readonly MemberId[] {
    const { order, ranks } = this.#all
    const rank = ranks.get(me)
    return rank === undefined ? order : [...order.slice(rank + 1), ...order.slice(0, rank)]
  }

  /** Whom `me` pushes the block of a height to. */
  successors(me: MemberId, at: Height, isUp: (member: MemberId) => boolean): readonly MemberId[] {
    const found = new Set<MemberId>()
    for (const [index, ring] of this.#rings.entries()) {
      const from = entry(index, at)
      this.#collect(ring, from, this.#positions(me, index, from, isUp), isUp, found)
    }
    return [...found]
  }

  /** Where `me` stands in the forest of a ring, roots first; a root stands also for those before it that are down. */
  #positions(me: MemberId, index: number, from: number, isUp: (member: MemberId) => boolean): readonly number[] {
    const { order: seated, ranks } = this.#seats
    const seat = ranks.get(me)
    if (seat === undefined) {
      const { order, ranks: unseated } = must(this.#rings[index], 'a ring')
      const rank = unseated.get(me)
      return rank === undefined ? [] : [seated.length + turned(rank, from, order.length)]
    }
    const positions = [turned(seat, from + index, seated.length)]
    for (let back = 1; back < seated.length; back += 1) {
      const other = (seat + seated.length - back) % seated.length
      if (isUp(must(seated[other], 'a seat'))) break
      positions.push(turned(other, from + index, seated.length))
    }
    return positions
  }

  #collect(
    { order }: Ring,
    from: number,
    positions: readonly number[],
    isUp: (member: MemberId) => boolean,
    found: Set<MemberId>,
  ): void {
    const roots = this.#seats.order.length
    const count = roots + order.length
    const below = positions.flatMap((position) => positionsBelow(position, roots, count))
    let fed = 0
    for (let next = below.shift(); next !== undefined && fed < BRANCHES_MAX; next = below.shift()) {
      const member = must(order[(from + next - roots) % order.length], 'a member on the ring')
      if (isUp(member)) {
        found.add(member)
        fed += 1
      } else below.push(...positionsBelow(next, roots, count))
    }
  }
}

/** Place of `index` of `length` where the count begins at `from`. */
function turned(index: number, from: number, length: number): number {
  return (index + length - (from % length)) % length
}
