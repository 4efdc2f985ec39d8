// Goal: U4, whom missing parents are asked of, when, and in what amounts.

import { seat } from '@quorate/types'
import { expect, test } from 'vitest'
import { WaitingRoom } from '../dag/waiting-room.ts'
import type { AlephEffect } from '../effect.ts'
import { ALEPH_LIMITS } from '../limits.ts'
import { VIEW } from '../testing/network.ts'
import { inventedParent, unitOf } from '../testing/units.ts'
import type { Asker } from './requests.ts'
import { dueRequests, firstAskMs, nextRequestMs, RETRY_MAX_MS } from './requests.ts'

const asker: Asker = { view: VIEW, seat: seat(0), size: 4, limits: { ...ALEPH_LIMITS, requestHashesMax: 2 } }

function asked(effects: readonly AlephEffect[]): [number, number][] {
  return effects.map((effect) => {
    if (effect.kind !== 'ask') throw new Error(effect.kind)
    return [effect.to, effect.hashes.length]
  })
}

test('the sender first, then the others in turn, ever more slowly; never oneself', () => {
  const room = new WaitingRoom(4, ALEPH_LIMITS)
  const parent = inventedParent(0, 1)
  room.hold({ unit: unitOf({ creator: 3, round: 1, on: [parent] }), from: seat(2), durable: false }, [parent], 10)
  expect(dueRequests(room.wants(), asker, 9, 1)).toEqual([])
  const seats: number[] = []
  const times: number[] = []
  for (let next = nextRequestMs(room.wants())!; seats.length < 12; next = nextRequestMs(room.wants())!) {
    times.push(next)
    for (const [to] of asked(dueRequests(room.wants(), asker, next, 1))) seats.push(to)
  }
  expect(seats.slice(0, 5)).toEqual([2, 3, 1, 1, 2])
  expect(seats).not.toContain(0)
  const waits = times.slice(1).map((time, at) => time - times[at]!)
  for (const [at, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[at - 1] ?? 0)
  expect(waits.at(-1)).toBe(RETRY_MAX_MS)
})

test('requests to one seat go together, within the limit; the rest follows', () => {
  const room = new WaitingRoom(4, ALEPH_LIMITS)
  const parents = [1, 2, 3].map((number) => inventedParent(0, number))
  room.hold({ unit: unitOf({ creator: 3, round: 1, on: parents }), from: seat(2), durable: false }, parents, 0)
  expect(asked(dueRequests(room.wants(), asker, 0, 1))).toEqual([[2, 2]])
  expect(asked(dueRequests(room.wants(), asker, 0, 1))).toEqual([[2, 1]])
})

test('an old parent is asked for at once, a fresh one may be on its way', () => {
  const unit = unitOf({ creator: 3, round: 9 })
  expect(firstAskMs(unit, 7, 100, 3)).toBe(100)
  expect(firstAskMs(unit, 8, 100, 3)).toBe(103)
  expect(firstAskMs(unit, 8, 100, 300)).toBe(120)
})

test('alone, there is nobody to ask', () => {
  const room = new WaitingRoom(1, ALEPH_LIMITS)
  const parent = inventedParent(0, 1)
  room.hold(
    { unit: unitOf({ creator: 0, round: 1, on: [parent], seats: 1 }), from: seat(0), durable: true },
    [parent],
    0,
  )
  expect(dueRequests(room.wants(), { ...asker, size: 1 }, 0, 1)).toEqual([])
})
