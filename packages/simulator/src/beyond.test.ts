// Goal: with more faulty members than the failure model allows, what breaks is told by name, what can be proved is proved, and a stall
// is called what it is. Method: f + 1 of four members lie in a cluster that is quiet but for that.

import { expect, test } from 'vitest'
import type { Fault, Lie, Plan } from './plan.ts'
import { run } from './run.ts'
import { quiet } from './testing/plans.ts'

const BEYOND = '2 members are faulty, the failure model allows 1 of 4 seats'

function two(lie: Lie, parts: Partial<Plan> = {}): Plan {
  return quiet({ durationMs: 8000, liars: [2, 3].map((member) => ({ member, lie })), ...parts })
}

/** Nothing that the honest say to each other arrives. */
const APART: readonly Fault[] = [
  { kind: 'clog', atMs: 0, from: 0, to: 1, forMs: 60_000 },
  { kind: 'clog', atMs: 0, from: 1, to: 0, forMs: 60_000 },
]

test.each([1, 2])('f + 1 twins found two ledgers, and that is seen (seed %i)', async (seed) => {
  const { violation, beyondModel } = await run(two('twins', { seed, faults: APART }))
  expect(violation?.invariant).toBe('agreement')
  expect(violation?.message).toMatch(/has block [0-9a-f]{64} at height \d+, another has [0-9a-f]{64}/)
  expect(beyondModel).toBe(BEYOND)
})

test.each(['twins', 'equivocate', 'fork-bomb'] as const)('f + 1 that %s are accused of forks', async (lie) => {
  const { rare, violation, beyondModel } = await run(two(lie))
  expect(rare.get('evidence fork')).toBeGreaterThanOrEqual(2)
  expect([violation, beyondModel]).toEqual([undefined, BEYOND])
})

test('f + 1 that vote for wrong roots certify none, and are accused', async () => {
  const { rare, violation, beyondModel } = await run(two('wrong-root'))
  expect(rare.get('evidence wrong-vote')).toBeGreaterThanOrEqual(2)
  expect([violation, beyondModel]).toEqual([undefined, BEYOND])
})

test('f + 1 silent members stop the ledger, which is beyond what is promised', async () => {
  const { livenessMs, heights, violation, beyondModel } = await run(two('silent'))
  expect([livenessMs, heights]).toEqual([undefined, 0])
  expect([violation, beyondModel]).toEqual([undefined, BEYOND])
})
