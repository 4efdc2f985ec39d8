// Goal: P3, when the next unit is due.

import { expect, test } from 'vitest'
import { unitOf } from '../testing/units.ts'
import { GRACE_MAX_MS, GRACE_MIN_MS, Pacing } from './pacing.ts'

test('a complete round is due at once, an incomplete one after the grace, counted from its quorum', () => {
  const pacing = new Pacing()
  pacing.reached(4, 100)
  pacing.reached(4, 150)
  expect(pacing.dueMs(true)).toBe(100)
  expect(pacing.dueMs(false)).toBe(100 + pacing.graceMs)
  pacing.reached(5, 200)
  expect(pacing.dueMs(false)).toBe(200 + pacing.graceMs)
})

test('the grace follows the measured way, within its bounds', () => {
  for (const wayMs of [0.1, 40, 500]) {
    const pacing = new Pacing()
    for (let round = 0; round < 200; round += 1) {
      pacing.sent(round, true, round * 2_000)
      pacing.heard(unitOf({ creator: 1, round: round + 1 }), round, round * 2_000 + 2 * wayMs)
    }
    expect(pacing.oneWayMs).toBeCloseTo(wayMs, 0)
    expect(pacing.graceMs).toBe(Math.min(GRACE_MAX_MS, Math.max(GRACE_MIN_MS, pacing.oneWayMs * 0.3)))
  }
})

test('a pause measures nothing', () => {
  const pacing = new Pacing()
  const before = pacing.oneWayMs
  pacing.sent(3, false, 0)
  pacing.heard(unitOf({ creator: 1, round: 4 }), 3, 50)
  pacing.sent(4, true, 0)
  pacing.heard(unitOf({ creator: 1, round: 5 }), 4, 100_000)
  pacing.heard(unitOf({ creator: 1, round: 5 }), undefined, 100_000)
  expect(pacing.oneWayMs).toBe(before)
})
