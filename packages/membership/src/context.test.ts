// Goal: anyone recomputes a committee; every seat goes to another member; seats are spread fairly over views; the view id matters.
// Method: laws over random memberships and view ids from a fixed seed, and a count against the expected distribution.

import { compareText } from '@quorate/kernel'
import type { Digest, Genesis, MemberId, SignedJoin, ViewId } from '@quorate/types'
import { hashOf, identityKey } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Context } from './context.ts'
import { seatCommittee } from './seating.ts'

const memberAt = (i: number): MemberId =>
  hashOf('join', Uint8Array.of(i % 256, Math.floor(i / 256))) as string as MemberId
const viewAt = (i: number): ViewId => hashOf('view', Uint8Array.of(i % 256, Math.floor(i / 256))) as ViewId
const members = (count: number): MemberId[] => Array.from({ length: count }, (_, i) => memberAt(i))

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

  test('is fair: over many views each of 20 members holds one of 4 seats about a fifth of the time', () => {
    const context = new Context(members(20))
    const views = 4000
    const held = new Map<MemberId, number>()
    for (let view = 0; view < views; view += 1) {
      for (const member of context.cut(viewAt(view), 4)) held.set(member, (held.get(member) ?? 0) + 1)
    }
    // A ring's arcs differ in length, and a member's four arcs are fixed, so its share is not exactly 1/5; but no member is left
    // out or holds a seat most of the time, and the sum of squares is within what arcs of random length give.
    const shares = [...held.values()].map((count) => count / views)
    expect(held.size).toBe(20)
    expect(Math.min(...shares)).toBeGreaterThan(0.03)
    expect(Math.max(...shares)).toBeLessThan(0.55)
  })

  test('follows the view id: committees of two views differ', () => {
    const context = new Context(members(20))
    const committees = new Set(Array.from({ length: 200 }, (_, view) => context.cut(viewAt(view), 4).join()))
    expect(committees.size).toBeGreaterThan(150)
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
