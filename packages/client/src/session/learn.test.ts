// Goal: C11 of SPEC.md: what is learned is as good as what was given. Method: all small cases with liars among the given.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SESSION_MEMBERS_MAX, usableUrls } from './learn.ts'

test('C11: no f of the given ones can bring in a stranger; f + 1 honest ones can', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), (count, at) => {
      const given = Array.from({ length: count }, (_, i) => `http://given-${i}:1`)
      const faulty = Math.floor((count - 1) / 3)
      const named = given.map((_, i) => ((i + at) % count < faulty ? ['http://evil:1', 'http://evil:1/'] : undefined))
      expect(usableUrls(given, named)).toEqual(given)
      const one = named.map((list, i) => ((i + at) % count === faulty ? ['http://evil:1'] : list))
      expect(usableUrls(given, one)).toEqual([...given, 'http://evil:1'])
    }),
    { seed: 3, numRuns: 200 },
  )
})

test('slashes at the end are no difference; what is no http URL is nothing; there is a bound', () => {
  expect(
    usableUrls(['http://a/'], [['http://a', 'http://b//', 'ftp://c', 'nonsense', `http://${'x'.repeat(2000)}`]]),
  ).toEqual(['http://a', 'http://b'])
  const many = Array.from({ length: 500 }, (_, i) => `http://m${i}`)
  expect(usableUrls(['http://a'], [many])).toHaveLength(SESSION_MEMBERS_MAX)
})
