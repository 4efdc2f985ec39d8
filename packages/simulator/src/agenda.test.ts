// Goal: what is on the agenda comes in the order of its times, and what has one time in the order in which it was entered.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from './agenda.ts'
import { Random } from './random.ts'

test('appointments come in order, whatever order they were entered in and taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean())), (steps) => {
      const agenda = new Agenda()
      const kept: { atMs: number; order: number }[] = []
      let order = 0
      for (const [atMs, isTaking] of steps) {
        if (isTaking) {
          kept.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
          const next = kept.shift()
          expect(agenda.nextMs).toBe(next?.atMs ?? Infinity)
          const taken = agenda.take()
          expect(taken === undefined ? undefined : { atMs: taken.atMs, order: taken.order }).toEqual(next)
        } else {
          order += 1
          kept.push({ atMs, order })
          agenda.add(atMs, () => undefined)
        }
        expect(agenda.size).toBe(kept.length)
      }
    }),
  )
})

test('streams of one seed differ by name, and each is the same again', () => {
  const first = (seed: number, name: string): readonly number[] => {
    const random = new Random(seed, name)
    return Array.from({ length: 8 }, () => random.unit())
  }
  expect(first(1, 'a')).toEqual(first(1, 'a'))
  expect(first(1, 'a')).not.toEqual(first(1, 'b'))
  expect(first(1, 'a')).not.toEqual(first(2, 'a'))
  expect(first(1, 'a')).not.toEqual(first(1 + 2 ** 32, 'a'))
})

test('draws stay within their bounds, and means are about right', () => {
  const random = new Random(3, 'bounds')
  const drawn = Array.from({ length: 20_000 }, () => random.exponential(10))
  const sum = drawn.reduce((a, b) => a + b)
  expect(drawn.every((each) => each >= 0 && each <= 65)).toBe(true)
  expect(new Set(Array.from({ length: 200 }, () => random.whole(3, 5)))).toEqual(new Set([3, 4, 5]))
  expect(sum / 20_000).toBeGreaterThan(9)
  expect(sum / 20_000).toBeLessThan(11.5)
  expect(random.some([1, 2, 3, 4], 2).length).toBe(2)
})
