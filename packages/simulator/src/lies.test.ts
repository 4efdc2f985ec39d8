// Goal: every lie in one member of four breaks nothing; the same lie in a member that passes for honest is found out and named. Method:
// whole runs of a quiet cluster, so that the lie is all that is wrong.

import { expect, test } from 'vitest'
import type { Lie } from './plan.ts'
import { LIES } from './plan.ts'
import { brokenBy, healthy, quiet } from './testing/plans.ts'

const FOUND: readonly (readonly [Lie, readonly string[]])[] = [
  ['equivocate', ['double-sign', 'accusation', 'durable']],
  ['wrong-root', ['double-sign', 'accusation']],
  ['twins', ['double-sign', 'accusation', 'durable']],
  ['wrong-time', ['double-sign', 'durable']],
  ['mutate', ['double-sign', 'durable', 'accusation', 'refused']],
  ['bad-signature', ['refused']],
  ['forge', ['refused']],
  ['fork-bomb', ['double-sign', 'durable', 'accusation']],
  ['far-future', ['durable']],
  ['gateway', ['lost', 'answer', 'receipt']],
]

test.each(FOUND)('%s in a member that passes for honest is found', async (lie, invariants) => {
  expect(invariants).toContain(await brokenBy(quiet({ liars: [{ member: 2, lie }] })))
})

test.each(LIES.map((lie) => [lie] as const))(
  'one member that tells %s breaks nothing',
  { timeout: 20_000 },
  async (lie) => {
    expect((await healthy(quiet({ durationMs: 5000, liars: [{ member: 1, lie }] }))).counts.acked).toBeGreaterThan(0)
  },
)

test('a unit as long as may be is ordered; a longer one is refused', { timeout: 20_000 }, async () => {
  const { rare } = await healthy(quiet({ liars: [{ member: 1, lie: 'oversize' }] }))
  expect(rare.get('a unit of more than 1 MiB')).toBeGreaterThan(0)
  expect(rare.get('refused a message: LIMIT')).toBeGreaterThan(0)
})

test('what is said in the name of others is refused, and nobody is accused of it', { timeout: 20_000 }, async () => {
  const { rare } = await healthy(quiet({ liars: [{ member: 1, lie: 'forge' }] }))
  expect(rare.get('refused a message: BAD_SIGNATURE')).toBeGreaterThan(0)
  expect([...rare.keys()].filter((name) => name.startsWith('evidence'))).toEqual([])
})

test('a gateway may lie; who verifies receipts notices', { timeout: 20_000 }, async () => {
  const { rare } = await healthy(quiet({ liars: [{ member: 1, lie: 'gateway' }] }))
  expect(rare.get('a gateway lied')).toBeGreaterThan(0)
  expect(rare.get('a lie was noticed by its receipt')).toBeGreaterThan(0)
  expect(rare.get('a receipt proved what a liar told')).toBeGreaterThan(0)
})
