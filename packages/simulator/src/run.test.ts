// Goal: every promise of SPEC.md holds in whole clusters under faults, a broken one is found and named, and a run is a function of its
// plan. Saved failures run first, then fixed seeds of every profile; fresh seeds are for `npm run sim`.

import { expect, test } from 'vitest'
import type { Profile } from './draw.ts'
import { drawPlan, PROFILES } from './draw.ts'
import type { Fault, Plan } from './plan.ts'
import { faultyMax, faultyOf } from './plan.ts'
import type { Result } from './run.ts'
import { beyondModelOf, run } from './run.ts'
import { savedPlans } from './saved.ts'
import { shrink } from './shrink.ts'
import { healthy, quiet } from './testing/plans.ts'

const DURATION_MS = 20_000

for (const { name, plan } of savedPlans())
  test(`${name} does not fail again`, async () => {
    expect((await healthy(plan)).heights).toBeGreaterThan(0)
  })

function batch(profile: Profile, seeds: readonly number[]): void {
  test(`${profile}: seeds ${seeds[0]} to ${seeds.at(-1)}`, { timeout: 120_000 }, async () => {
    for (const seed of seeds) {
      const result = await healthy(drawPlan(seed, { profile, durationMs: DURATION_MS }))
      // A cluster that does nothing breaks nothing.
      expect(result.transactions, `seed ${seed}`).toBeGreaterThan(0)
    }
  })
}

batch('lan', [1, 2])
batch('wan', [1, 2, 4])
batch('swarm', [1, 2, 3, 4, 6, 7])
batch('swarm', [9, 10, 11, 12, 13, 14])
batch('hell', [1, 2, 3, 5, 6, 7])
batch('hell', [8, 9, 10, 11, 13, 14])

test('the same plan gives the same digest; another seed gives another', { timeout: 60_000 }, async () => {
  for (const profile of PROFILES) {
    const plan = drawPlan(7, { profile, members: 4, durationMs: 8000 })
    const first = await run(plan)
    const second = await run(JSON.parse(JSON.stringify(plan)) as Plan)
    expect(second.digest).toBe(first.digest)
    expect((await run({ ...plan, seed: 8 })).digest).not.toBe(first.digest)
  }
})

test(
  'with more faulty than the model allows, a stall is no violation, and the run says why',
  { timeout: 30_000 },
  async () => {
    const drawn = drawPlan(7, { profile: 'hell', members: 4, durationMs: 12_000, executor: 'model' })
    const plan = { ...drawn, faults: [], liars: [0, 1].map((member) => ({ member, lie: 'silent' as const })) }
    const stalled = await run(plan)
    expect(stalled.violation).toBe(undefined)
    expect(stalled.beyondModel).toMatch(/2 members are faulty, the failure model allows 1 of 4/)
  },
)

test('block time follows no f clocks, and where more are wrong it is told', { timeout: 20_000 }, async () => {
  const yearMs = 365 * 86_400_000
  const after = (ahead: number): Promise<Result> => {
    const clocks = [0, 1, 2, 3].map((member) => ({ skewMs: member < ahead ? yearMs : 0, driftPpm: 0 }))
    return run(quiet({ clocks }), new Set(Array(ahead).keys()))
  }
  expect((await after(1)).violation).toBe(undefined)
  expect((await after(3)).violation?.invariant).toBe('clock')
})

test('shrinking takes out what a failure does not need', { timeout: 60_000 }, async () => {
  const rotten: Fault = { kind: 'crash', atMs: 3000, member: 0, steps: 0, downMs: 100, keep: 0, stateLost: 0 }
  const crashes = Array.from({ length: 6 }, (_, at) => ({ ...rotten, atMs: 1000 + at * 1500, member: at % 4 }))
  const plan = quiet({
    liars: [],
    faults: [...crashes, { kind: 'clock-jump', atMs: 2000, member: 3, byMs: 86_400_000 * 400 }],
  })
  const failed = await run(plan)
  expect(failed.violation?.invariant).toBe('answer')
  const smaller = await shrink(failed, { runsMax: 60, onStep: () => undefined })
  expect(smaller.violation?.invariant).toBe('answer')
  expect(smaller.plan.faults).toContainEqual(plan.faults.at(-1))
  expect(smaller.plan.faults.length).toBeLessThanOrEqual(2)
})

test('plans stay within the failure model', () => {
  for (const profile of PROFILES) {
    for (let seed = 1; seed <= 40; seed += 1) {
      const plan = drawPlan(seed, { profile })
      expect(beyondModelOf(plan)).toBe(undefined)
      expect(faultyOf(plan).size).toBeLessThanOrEqual(faultyMax(plan.members))
      expect(plan.faults.every((fault) => fault.atMs < plan.durationMs)).toBe(true)
      expect(drawPlan(seed, { profile })).toEqual(plan)
    }
  }
})
