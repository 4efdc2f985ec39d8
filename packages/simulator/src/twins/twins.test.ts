// Goal: a member with a twin divides nobody. Method: all partitions in two of a committee of four with one twin, for each of the
// first two steps; `npm run sim:twins` tries longer schedules.

import { expect, test } from 'vitest'
import { runSchedule, scheduleCount, tryTwins } from './enumerate.ts'

test('four members, one twin, two steps: all schedules', () => {
  const tried = tryTwins({ members: 4, steps: 2, from: 0, to: scheduleCount(4, 2) })
  expect(tried.trouble).toBe(undefined)
  expect(tried.schedules).toBe(256)
  expect(tried.named).toBe(256)
})

test('seven members, one twin: some schedules of many steps', () => {
  for (let seed = 1; seed <= 3; seed += 1) {
    const schedule = Array.from({ length: 8 }, (_, step) => Math.imul(seed * 31 + step, 0x9e37_79b1) >>> 25)
    expect(runSchedule(7, schedule)).toEqual({ trouble: undefined, forked: true })
  }
})
