// Goal: the window stays in its bounds, grows by one per windowful, halves once per congestion (W1 to W3 of SPEC.md), and
// alarms ring in order. Method: random histories against plain models, fixed seeds.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Alarms } from './alarms.ts'
import { Window, WINDOW_LEAST } from './window.ts'

test('W1: whatever happens, the limit stays within its bounds and moves by the rules', () => {
  const step = fc.record({ kind: fc.constantFrom('ok', 'busy', 'away'), old: fc.boolean(), full: fc.boolean() })
  fc.assert(
    fc.property(
      fc.integer({ min: -3, max: 50 }),
      fc.integer({ min: -3, max: 50 }),
      fc.array(step),
      (start, most, all) => {
        const window = new Window(start, most)
        for (const { kind, old, full } of all) {
          const before = window.limit
          const epoch = old ? window.epoch - 1 : window.epoch
          if (kind === 'ok') window.succeeded(epoch, full)
          else if (kind === 'busy') expect(window.congested(epoch)).toBe(!old)
          else expect(window.collapsed(epoch)).toBe(!old)
          expect(window.limit).toBeGreaterThanOrEqual(WINDOW_LEAST)
          expect(window.limit).toBeLessThanOrEqual(Math.max(WINDOW_LEAST, most))
          if (old) expect(window.limit).toBe(before)
          else if (kind === 'ok') expect(window.limit - before).toBeLessThanOrEqual(full ? 1 : 0)
          else expect(window.limit).toBe(kind === 'busy' ? Math.max(1, before >> 1) : 1)
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('W2: a windowful of successes makes room for one more; an unused window does not grow', () => {
  const window = new Window(4, 6)
  for (let i = 0; i < 3; i += 1) window.succeeded(0, true)
  expect(window.limit).toBe(4)
  window.succeeded(0, true)
  expect(window.limit).toBe(5)
  for (let i = 0; i < 100; i += 1) window.succeeded(0, false)
  expect(window.limit).toBe(5)
  for (let i = 0; i < 100; i += 1) window.succeeded(0, true)
  expect(window.limit).toBe(6)
})

test('W3: one congestion that shows in many answers halves once', () => {
  const window = new Window(16, 64)
  const { epoch } = window
  for (let i = 0; i < 16; i += 1) window.congested(epoch)
  expect(window.limit).toBe(8)
  window.succeeded(epoch, true)
  expect(window.congested(window.epoch)).toBe(true)
  expect(window.limit).toBe(4)
})

test('alarms ring in order of time, each key once, also when set again or cleared', () => {
  const step = fc.record({
    kind: fc.constantFrom('set', 'set', 'clear', 'take'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'),
    at: fc.nat({ max: 20 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const alarms = new Alarms()
      const model = new Map<string, number>()
      for (const { kind, key, at } of steps) {
        if (kind === 'set') {
          alarms.set(key, at)
          model.set(key, at)
        } else if (kind === 'clear') {
          alarms.clear(key)
          model.delete(key)
        } else {
          const due = [...model].filter(([, atMs]) => atMs <= at)
          const [first] = due.sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x - y))
          expect(alarms.take(at)).toBe(first?.[0])
          if (first !== undefined) model.delete(first[0])
        }
        expect(alarms.nextMs).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
      }
    }),
    { seed: 2, numRuns: 300 },
  )
})
