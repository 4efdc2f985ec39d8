// Goal: a campaign's digest is a function of its jobs, however many processes share them; the first failure ends it and is told; a
// state that was never reached is named. Method: small campaigns in real processes.

import { expect, test } from 'vitest'
import type { Job } from './campaign.ts'
import { campaign, jobOf, lastLine } from './campaign.ts'
import { FLOORS, missed } from './coverage.ts'
import { quiet } from './testing/plans.ts'

function jobs(count: number): Job[] {
  return Array.from({ length: count }, (_, at) => ({
    ...jobOf(at, `job ${at}`, quiet({ seed: at, durationMs: 2000 })),
    isTwice: at === 1,
  }))
}

test('one digest, in one process or in two', { timeout: 30_000 }, async () => {
  const one = await campaign(jobs(4).values(), 1)
  const two = await campaign(jobs(4).values(), 2)
  expect([one.runs, one.failed]).toEqual([4, undefined])
  expect(two.digest).toBe(one.digest)
  expect(two.rare).toEqual(one.rare)
  expect((await campaign(jobs(3).values(), 1)).digest).not.toBe(one.digest)
  expect(lastLine(one)).toMatch(/^4 runs, [\d.]+ virtual hours, [\d.]+ a CPU minute, [0-9a-f]{64}$/)
})

test('a failure ends it and says how to see it again', { timeout: 30_000 }, async () => {
  const clocks = [0, 1, 2, 3].map((member) => ({ skewMs: member < 3 ? 1e11 : 0, driftPpm: 0 }))
  const liars = [0, 1, 2].map((member) => ({ member, lie: 'late' as const }))
  const bad = jobOf(1, 'the bad one', quiet({ clocks, liars }))
  const { failed, runs } = await campaign([...jobs(1), bad, ...jobs(2).slice(1)].values(), 1)
  expect(failed?.job.again).toBe('the bad one')
  expect(failed?.outcome.violation?.invariant).toBe('clock')
  expect(failed?.outcome.picture.length).toBeGreaterThan(0)
  expect(runs).toBe(2)
})

test('each floor that is not reached is named', () => {
  const reached = new Map(Object.entries(FLOORS))
  expect(missed(reached)).toEqual([])
  reached.set('evidence fork', 0)
  reached.delete('back from rot')
  expect(missed(reached)).toEqual([
    '"evidence fork" was reached 0 times, at least 5 are wanted',
    '"back from rot" was reached 0 times, at least 2 are wanted',
  ])
})
