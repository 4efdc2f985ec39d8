// Goal: anyone recomputes a committee; every seat goes to another member; all members sit equally often; who comes or goes moves few
// seats; the view id matters. Method: laws over random memberships and view ids from a fixed seed, and Pearson's test on counts.

import { compareText } from '@quorate/kernel'
import type { Digest, Genesis, MemberId, SignedJoin } from '@quorate/types'
import { hashOf, identityKey } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Context } from './context.ts'
import { seatCommittee } from './seating.ts'
import { cutFixedRings, fairnessOf, fixedRings } from './testing/fairness.ts'
import { memberAt, members, viewAt } from './testing/members.ts'

/** Chi-square above its mean by so many standard deviations: by chance less than once in a million for each line, at any degrees. */
const EXCESS_MAX = 8

describe('the ring cut', () => {
  test('does not depend on the order in which members are listed, and seats each at most once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), fc.nat(1000), (count, view) => {
        const seats = Math.max(1, Math.ceil(count / 2))
        const cut = new Context(members(count)).cut(viewAt(view), seats)
        const sorted = members(count).sort(compareText)
        expect(new Context(sorted).cut(viewAt(view), seats)).toEqual(cut)
        expect(new Set(cut).size).toBe(seats)
      }),
      { numRuns: 40, seed: 7 },
    )
  })

  test('seats everybody where there are as many seats as members', () => {
    for (const count of [1, 2, 4, 7, 31, 128]) {
      expect([...new Context(members(count)).cut(viewAt(3), count)].sort(compareText)).toEqual(
        members(count).sort(compareText),
      )
    }
  })

  test('does not change a committee when seats are added behind it', () => {
    const context = new Context(members(40))
    for (let view = 0; view < 50; view += 1)
      expect(context.cut(viewAt(view), 13).slice(0, 7)).toEqual(context.cut(viewAt(view), 7))
  })

  test('follows the view id: committees of two views differ', () => {
    const context = new Context(members(20))
    const committees = new Set(Array.from({ length: 200 }, (_, view) => context.cut(viewAt(view), 4).join()))
    // Of 116,280 committees, two of 200 views meet in one with a chance of 16 %, and more than two pairs hardly ever do.
    expect(committees.size).toBeGreaterThanOrEqual(198)
  })

  test('cuts committees of 13 from 1,000 members and 128 from 1,000', () => {
    const context = new Context(members(1000))
    for (const seats of [4, 7, 13, 128]) expect(new Set(context.cut(viewAt(1), seats)).size).toBe(seats)
  })
})

describe('all members sit equally often', () => {
  test.each([
    [4, 5, 10_000],
    [7, 10, 5000],
    [4, 20, 5000],
    [13, 40, 1500],
    [7, 100, 1000],
    [13, 300, 200],
    [4, 1000, 250],
  ])('%i seats of %i members over %i views', (seats, count, views) => {
    const context = new Context(members(count))
    const { excess } = fairnessOf(context.members, seats, views, (view) => context.cut(viewAt(view), seats))
    expect(Math.abs(excess)).toBeLessThan(EXCESS_MAX)
  })

  test('in every single seat too, and in pairs: no two sit together more often than others', () => {
    const views = 6000
    const context = new Context(members(6))
    const committees = Array.from({ length: views }, (_, view) => context.cut(viewAt(view), 3))
    for (const seat of [0, 1, 2]) {
      const held = fairnessOf(context.members, 1, views, (view) => committees[view]!.slice(seat, seat + 1))
      expect(Math.abs(held.excess)).toBeLessThan(EXCESS_MAX)
    }
    const trios = new Map<string, number>()
    for (const committee of committees) trios.set(committee.join(), (trios.get(committee.join()) ?? 0) + 1)
    const expected = views / 120
    const chiSquare = [...trios.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    expect(trios.size).toBe(120)
    expect(Math.abs(chiSquare - 119) / Math.sqrt(2 * 119)).toBeLessThan(EXCESS_MAX)
  })

  test('and the test has teeth: fixed rings fail it by far', () => {
    for (const [seats, count] of [
      [4, 20],
      [7, 100],
    ] as const) {
      const all = members(count)
      const rings = fixedRings(all, seats)
      const { excess, most } = fairnessOf(all, seats, 1500, (view) => cutFixedRings(rings, viewAt(view)))
      expect(excess).toBeGreaterThan(10 * EXCESS_MAX)
      expect(most).toBeGreaterThan(1.5)
    }
  })
})

/** Seats that change when `leaving` leaves, checked one by one: the first is its own, each further one was held by who stepped up. */
function seatsMoved(all: readonly MemberId[], leaving: MemberId, view: number, seats: number): number {
  const before = new Context(all).cut(viewAt(view), seats)
  const after = new Context(all.filter((member) => member !== leaving)).cut(viewAt(view), seats)
  let free = before.includes(leaving) ? leaving : undefined
  let moved = 0
  for (const [seat, member] of before.entries()) {
    if (member !== free) {
      expect(after[seat]).toBe(member)
      continue
    }
    moved += 1
    expect(after[seat]).not.toBe(member)
    // Who steps up leaves a seat behind, or held none: then nobody else moves.
    free = before.includes(after[seat]!) ? after[seat] : undefined
    if (free !== undefined) expect(before.indexOf(free)).toBeGreaterThan(seat)
  }
  expect(free).toBeUndefined()
  return moved
}

describe('who comes or goes moves few seats', () => {
  test('a member that leaves moves its own seat, and those of who step up behind it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 120 }),
        fc.integer({ min: 1, max: 13 }),
        fc.nat(1000),
        fc.nat(),
        (count, wanted, view, pick) => {
          const all = members(count)
          const seats = Math.min(wanted, count - 1)
          const leaving = all[pick % count]!
          const sat = new Context(all).cut(viewAt(view), seats).includes(leaving)
          const moved = seatsMoved(all, leaving, view, seats)
          expect(moved > 0).toBe(sat)
        },
      ),
      { numRuns: 150, seed: 11 },
    )
  })

  test('in large memberships that is hardly more than its own seat', () => {
    const all = members(300)
    let moved = 0
    for (let view = 0; view < 40; view += 1)
      moved += seatsMoved(all, new Context(all).cut(viewAt(view), 13)[view % 13]!, view, 13)
    expect(moved).toBeLessThan(44)
  })
})

test('the first committee seats every founder, with the key it joined with or its identity', () => {
  const founders = members(4).map((id, i) => ({ id, name: `m${i}`, address: 'h:1' }))
  const genesis: Genesis = { version: 1, name: 'x', founders, sql: [] }
  const block = hashOf('block', Uint8Array.of(1)) as Digest
  const key = identityKey(memberAt(9))
  const join: SignedJoin = { member: memberAt(1), view: viewAt(0), key, signature: new Uint8Array(64) }
  const committee = seatCommittee(genesis, block, [join])
  expect(committee.size).toBe(4)
  for (const { id } of founders) {
    const seat = committee.seatOf(id)
    expect(seat).toBeDefined()
    if (seat !== undefined) expect(committee.at(seat).key).toBe(id === memberAt(1) ? key : identityKey(id))
  }
})
