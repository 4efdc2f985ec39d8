// Goal: everybody gets a block, from few, who send to few, whatever the size of the membership; and everybody computes the same.
// Method: laws over memberships from a fixed seed, and counts over many heights.

import { compareText } from '@quorate/kernel'
import type { MemberId } from '@quorate/types'
import { height } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { members } from '../testing/members.ts'
import { BRANCHES, COPIES_MAX, copiesFor, positionsBelow, ringOrder, Spread } from './spread.ts'

const everybody = (): boolean => true

/** How often each member is fed when all push, and how often each pushes. */
function pushes(spread: Spread, all: readonly MemberId[], at: number): { fed: Map<MemberId, number>; most: number } {
  const fed = new Map<MemberId, number>()
  let most = 0
  for (const me of all) {
    const to = spread.successors(me, height(at), everybody)
    expect(to).not.toContain(me)
    most = Math.max(most, to.length)
    for (const member of to) fed.set(member, (fed.get(member) ?? 0) + 1)
  }
  return { fed, most }
}

/** Who has a block in the end if only pushes count, and members for which `isUp` is false pass nothing on. */
function reached(
  spread: Spread,
  seated: readonly MemberId[],
  at: number,
  isUp: (member: MemberId) => boolean,
  isKnown: boolean,
): Set<MemberId> {
  const has = new Set(seated.filter(isUp))
  for (const me of has)
    for (const member of spread.successors(me, height(at), isKnown ? isUp : everybody))
      if (isUp(member)) has.add(member)
  return has
}

describe('a forest', () => {
  test('has one place above each place that is no root, and four below at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 1200 }), (roots, others) => {
        const count = roots + others
        const above = new Map<number, number>()
        for (let position = 0; position < count; position += 1) {
          const below = positionsBelow(position, roots, count)
          expect(below.length).toBeLessThanOrEqual(BRANCHES)
          for (const each of below) {
            expect(above.has(each)).toBe(false)
            expect(each).toBeGreaterThan(position)
            above.set(each, position)
          }
        }
        expect(above.size).toBe(others)
      }),
      { numRuns: 40, seed: 3 },
    )
  })

  test('is as deep as the membership asks: five levels for a thousand behind four seats, four behind thirteen', () => {
    const depthOf = (position: number, roots: number): number => {
      for (let above = 0; above < position; above += 1)
        if (positionsBelow(above, roots, position + 1).includes(position)) return depthOf(above, roots) + 1
      return 0
    }
    expect(depthOf(999, 4)).toBe(4)
    expect(depthOf(999, 13)).toBe(3)
    expect(depthOf(19, 4)).toBe(1)
  })
})

test.each([
  [4, 4, 50, 1],
  [4, 10, 0, 1],
  [4, 10, 50, 2],
  [13, 1000, 2, 1],
  [13, 1000, 50, 2],
  [13, 1000, 200, 3],
  [13, 1000, 400, COPIES_MAX],
])('%i roots, %i members, %i of 1000 lost: %i copies', (roots, count, loss, copies) => {
  expect(copiesFor(roots, count, loss)).toBe(copies)
})

describe('who pushes to whom', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 13 }), fc.integer({ min: 1, max: 250 }), fc.nat(100_000))

  test('feeds each member without a seat once a ring, and no seat; nobody feeds more than four a ring', () => {
    fc.assert(
      fc.property(sizes, ([wanted, count, at]) => {
        const all = members(count)
        const seated = all.slice(0, Math.min(wanted, count))
        const spread = new Spread({ members: all, seated }, 50)
        const { fed, most } = pushes(spread, all, at)
        expect(most).toBeLessThanOrEqual(BRANCHES * spread.copies)
        for (const member of all) {
          const copies = fed.get(member) ?? 0
          if (seated.includes(member)) expect(copies).toBe(0)
          // Two rings may have the same member feed another: then once.
          else expect(copies >= 1 && copies <= spread.copies).toBe(true)
        }
        expect(reached(spread, seated, at, everybody, true).size).toBe(count)
      }),
      { numRuns: 40, seed: 5 },
    )
  })

  test('does not depend on the order of the members', () => {
    const all = members(60)
    const seated = all.slice(10, 17)
    const one = new Spread({ members: all, seated }, 50)
    const other = new Spread({ members: [...all].reverse(), seated }, 50)
    for (const me of all)
      for (const at of [1, 2, 300])
        expect(other.successors(me, height(at), everybody)).toEqual(one.successors(me, height(at), everybody))
    expect(other.behind(all[0]!)).toEqual(one.behind(all[0]!))
    expect([...one.behind(all[0]!), all[0]!].sort(compareText)).toEqual([...all].sort(compareText))
    expect(ringOrder(0, all)).not.toEqual(ringOrder(1, all))
  })

  test('shares the work: over many heights nobody pushes much more than the mean', () => {
    const all = members(100)
    const spread = new Spread({ members: all, seated: all.slice(0, 7) }, 50)
    const heights = 1500
    const sent = all.map((me) => {
      let count = 0
      for (let at = 0; at < heights; at += 1) count += spread.successors(me, height(at), everybody).length
      return count / heights
    })
    // The committee stands at the root of every forest, and so pushes four times a ring; the others share what is left.
    const others = sent.slice(7)
    expect(Math.max(...sent)).toBeLessThanOrEqual(BRANCHES * spread.copies)
    const mean = others.reduce((sum, each) => sum + each, 0) / others.length
    expect(Math.max(...others)).toBeLessThan(mean * 1.25)
    expect(Math.min(...others)).toBeGreaterThan(mean * 0.75)
  })

  test('steps over who is known to be down: a third of the members, and hardly anybody is left out', () => {
    const all = members(300)
    const seated = all.slice(0, 13)
    const spread = new Spread({ members: all, seated }, 50)
    const isUp = (member: MemberId): boolean => all.indexOf(member) % 3 !== 1
    let missed = { known: 0, unknown: 0 }
    for (let at = 0; at < 30; at += 1) {
      missed = {
        known: missed.known + 200 - reached(spread, seated, at, isUp, true).size,
        unknown: missed.unknown + 200 - reached(spread, seated, at, isUp, false).size,
      }
      for (const me of all)
        expect(spread.successors(me, height(at), isUp).length).toBeLessThanOrEqual(2 * BRANCHES * spread.copies)
    }
    expect(missed.known / 6000).toBeLessThan(0.02)
    expect(missed.unknown).toBeGreaterThan(4 * missed.known)
    expect(spread.copies).toBeLessThan(COPIES_MAX)
  })
})
