// Goal: histories are of use. What clients saw of registers is long enough to mean something, holds every way in which an operation can
// end, and a run whose history is wrong fails with the right name. Method: real runs, whose histories are bent afterwards.

import { beforeAll, describe, expect, test } from 'vitest'
import { drawPlan } from './draw.ts'
import { violationByIndex } from './history/by-index.ts'
import type { HistoryEvent } from './history/history.ts'
import { linearizable } from './history/linearizable.ts'
import type { Plan } from './plan.ts'
import type { Result } from './run.ts'
import { run } from './run.ts'

const NONE = new Map<number, { height: number; position: number }>()

/** Few clients who want the same, one of them impatient, while the network is bad. */
function plan(executor: Plan['executor'], loss: number): Plan {
  const drawn = drawPlan(3, { profile: 'lan', members: 4, durationMs: 15_000, executor })
  const load = { ...drawn.load, clients: 2, thinkMs: 100, burstMs: 60_000, calmMs: 0, patienceMs: 800, registers: 4 }
  const interactive = executor === 'sqlite' ? 0.5 : 0
  return { ...drawn, load: { ...load, interactive }, weather: { ...drawn.weather, delayMs: [5, 15], loss } }
}

function count(history: readonly HistoryEvent[], is: (event: HistoryEvent) => boolean): number {
  return history.filter(is).length
}

let model: Result
let sql: Result
beforeAll(async () => {
  model = await run(plan('model', 0.1))
  sql = await run(plan('sqlite', 0))
}, 60_000)

describe('the history of a run', () => {
  test('has every kind of operation, and every way to end', () => {
    for (const { violation, history, rare } of [model, sql]) {
      expect(violation).toBe(undefined)
      expect(rare.get('history linearizable')).toBe(1)
      for (const f of ['read', 'write', 'cas'])
        expect(count(history, (event) => event.type === 'invoke' && event.f === f)).toBeGreaterThan(5)
      expect(count(history, (event) => event.type === 'ok' && event.applied === true)).toBeGreaterThan(3)
    }
    expect(count(model.history, (event) => event.type === 'info')).toBeGreaterThan(0)
    expect(count(sql.history, (event) => event.type === 'fail' && event.reason === 'SQLITE_BUSY')).toBeGreaterThan(0)
  })

  test('a process does one thing at a time, and none after an end that nobody knows', () => {
    for (const { history } of [model, sql]) {
      const busy = new Map<number, number>()
      const gone = new Set<number>()
      for (const { type, process, op } of history) {
        expect(gone.has(process)).toBe(false)
        if (type === 'invoke') {
          expect(busy.has(process)).toBe(false)
          busy.set(process, op)
        } else {
          expect(busy.get(process)).toBe(op)
          busy.delete(process)
          if (type === 'info') gone.add(process)
        }
      }
    }
  })

  test('bent in one read, fails both checks', () => {
    const at = sql.history.findLastIndex((event) => event.type === 'ok' && typeof event.value === 'number')
    const bent = sql.history.map((event, index) => (index === at ? { ...event, value: -1 } : event)) as HistoryEvent[]
    expect(linearizable(sql.history)).toBe('linearizable')
    expect(linearizable(bent)).toBe('not linearizable')
    expect(violationByIndex(bent, NONE)?.kind).toBe('wrong-value')
  })
})

test('interactive transactions meet others, and commit when they begin again', () => {
  const { begun, committed, busy } = sql.counts
  expect(committed).toBeGreaterThan(10)
  expect(busy).toBeGreaterThan(3)
  expect(begun).toBeGreaterThanOrEqual(committed + busy)
  expect(sql.rare.get('interactive transaction committed after others')).toBeGreaterThan(0)
})

test('two runs give one history, sessions and all', async () => {
  const again = await run(plan('sqlite', 0))
  expect(again.history).toEqual(sql.history)
  expect(again.digest).toBe(sql.digest)
})
