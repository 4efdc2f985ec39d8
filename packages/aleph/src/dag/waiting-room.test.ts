// Goal: U3, what waits for parents is bounded per creator, and is released exactly when nothing is missing.

import { seat, round as toRound } from '@quorate/types'
import type { AdmittedUnit, Parent } from '@quorate/types'
import { expect, test } from 'vitest'
import { ALEPH_LIMITS } from '../limits.ts'
import { inventedParent, unitOf } from '../testing/units.ts'
import { WaitingRoom } from './waiting-room.ts'

const limits = { ...ALEPH_LIMITS, heldUnitsPerSeatMax: 3, heldBytesPerSeatMax: 10_000, wantsPerSeatMax: 5 }

function held(unit: AdmittedUnit) {
  return { unit, from: seat(2), durable: false }
}

function upon(creator: number, round: number, parents: readonly Parent[], text?: string): AdmittedUnit {
  return unitOf({ creator, round, on: parents, ...(text === undefined ? {} : { text }) })
}

test('a unit is released by its last missing parent, a chain one after the other', () => {
  const room = new WaitingRoom(4, limits)
  const [p, q] = [inventedParent(0, 1), inventedParent(0, 2)]
  const lower = upon(0, 1, [p, q])
  const upper = upon(1, 2, [lower])
  expect(room.hold(held(upper), [lower], 0)).toBe(true)
  expect([...room.wants()].map((want) => want.hash)).toEqual([lower.hash])
  expect(room.hold(held(lower), [p, q], 0)).toBe(true)
  // What is here already isn't asked for.
  expect([...room.wants()].map((want) => want.hash)).toEqual([p.hash, q.hash])
  expect(room.isWanted(lower.hash)).toBe(true)
  expect(room.arrived(p.hash)).toEqual([])
  expect(room.arrived(q.hash).map((each) => each.unit)).toEqual([lower])
  expect(room.arrived(lower.hash).map((each) => each.unit)).toEqual([upper])
  expect([room.heldCount, room.wantCount]).toEqual([0, 0])
})

test('quotas: units, bytes and missing parents of one creator; others are not touched', () => {
  const room = new WaitingRoom(4, limits)
  const parent = inventedParent(0, 1)
  for (let round = 1; round <= 3; round += 1) expect(room.hold(held(upon(0, round, [parent])), [parent], 0)).toBe(true)
  expect(room.hold(held(upon(0, 4, [parent])), [parent], 0)).toBe(false)
  const big = 'x'.repeat(6_000)
  expect(room.hold(held(upon(1, 1, [parent], big)), [parent], 0)).toBe(true)
  expect(room.hold(held(upon(1, 2, [parent], big)), [parent], 0)).toBe(false)
  const five = [1, 2, 3, 4, 5].map((number) => inventedParent(1, 100 + number))
  expect(room.hold(held(upon(2, 2, five.slice(0, 4))), five, 0)).toBe(true)
  expect(room.hold(held(upon(2, 3, [inventedParent(2, 200)])), [inventedParent(2, 200)], 0)).toBe(false)
  expect(room.hold(held(upon(3, 1, [parent])), [parent], 0)).toBe(true)
})

test('a quota is given back', () => {
  const room = new WaitingRoom(4, limits)
  for (let time = 0; time < 10; time += 1) {
    const parent = inventedParent(0, time)
    expect(room.hold(held(upon(0, 1, [parent], `${time}`)), [parent], 0)).toBe(true)
    expect(room.arrived(parent.hash).length).toBe(1)
  }
})

test('the rising floor drops what is below and releases what waited for it', () => {
  const room = new WaitingRoom(4, limits)
  const old = inventedParent(3, 1)
  const gone = upon(0, 4, [old])
  const stays = upon(1, 6, [old])
  const child = upon(2, 7, [gone])
  room.hold(held(gone), [old], 0)
  room.hold(held(stays), [old], 0)
  room.hold(held(child), [gone], 0)
  const released = room.raiseFloor(toRound(5)).map((each) => each.unit.hash)
  expect(released.sort()).toEqual([stays.hash, child.hash].sort())
  expect([room.heldCount, room.wantCount]).toEqual([0, 0])
})

test('a rival of the same seat and round is found while it waits', () => {
  const room = new WaitingRoom(4, limits)
  const parent = inventedParent(0, 1)
  const first = upon(0, 1, [parent], 'a')
  const second = upon(0, 1, [parent], 'b')
  room.hold(held(first), [parent], 0)
  expect(room.rival(first)).toBe(undefined)
  expect(room.rival(second)).toBe(first)
  room.arrived(parent.hash)
  expect(room.rival(second)).toBe(undefined)
})
