// Goal: no verb of the replica's port is left out under any kind of trouble, and the table that shows it counts rightly. Method: the
// tour's runs, whose counters must leave no pair at zero, while every promise holds; and a plan whose times are known.

import { expect, test } from 'vitest'
import { drawPlan } from './draw.ts'
import { run } from './run.ts'
import { tour } from './tour.ts'
import type { Verb } from './verbs.ts'
import { addTable, markdownOf, missingIn, TROUBLES, VERBS, Verbs } from './verbs.ts'
import { World } from './world.ts'

test('every verb meets every kind of trouble', { timeout: 300_000 }, async () => {
  const sum = new Map<string, Map<Verb, number>>()
  for (const plan of tour()) {
    const { violation, verbs, picture } = await run(plan)
    const liars = plan.liars.map((each) => each.lie).join(' ')
    expect(violation?.message, `seed ${plan.seed}, ${liars}\n${picture.join('\n')}`).toBe(undefined)
    addTable(sum, verbs)
  }
  expect(missingIn(sum)).toEqual([])
  expect(markdownOf(sum).trim().split('\n')).toHaveLength(TROUBLES.length + 2)
})

test('a call counts while a fault is there, and not before or after', async () => {
  const drawn = drawPlan(1, { profile: 'lan', members: 4, durationMs: 10_000, executor: 'model' })
  const plan = { ...drawn, faults: [{ kind: 'gray', atMs: 1000, member: 1, slowerMs: 10, forMs: 500 } as const] }
  const world = new World(1)
  const verbs = new Verbs(world, plan)
  for (const atMs of [999, 1000, 1499, 1500]) world.at(atMs, () => verbs.called('block'))
  await world.run(10_000)
  expect(verbs.table).toEqual(new Map([['gray', new Map([['block', 2]])]]))
  expect(missingIn(verbs.table)).toHaveLength(TROUBLES.length * VERBS.length - 1)
  expect(missingIn(verbs.table)).toContain('submit during gray')
  expect(missingIn(verbs.table)).not.toContain('block during gray')
})
