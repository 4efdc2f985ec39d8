// Goal: a seed says all that a schedule says, and a tour leaves no kind out. Method: print plans and compare.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawEpisodes, drawShape, drawTour, KINDS } from './plan.ts'
import type { Episode } from './plan.ts'

const ALL = Object.keys(KINDS)
const printed = (episodes: Iterable<Episode>): readonly string[] =>
  [...episodes].map(({ drawn, holdMs, restMs }) =>
    [...drawn.map(({ kind, fault }) => `${kind}: ${fault.words} of ${fault.victims.join()}`), holdMs, restMs].join(
      '; ',
    ),
  )

function firstEpisodes(seed: number, members: number): readonly string[] {
  const episodes = drawEpisodes(seed, drawShape(seed, members), ALL)
  return printed(Array.from({ length: 20 }, () => episodes.next().value as Episode))
}

test('the same seed draws the same, another one something else', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(4, 7, 10), (seed, members) => {
      expect(firstEpisodes(seed, members)).toEqual(firstEpisodes(seed, members))
      expect(firstEpisodes(seed, members)).not.toEqual(firstEpisodes(seed + 1, members))
    }),
    { numRuns: 10 },
  )
})

test('a tour strikes with every kind once', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const tour = drawTour(seed, drawShape(seed, 4), ALL)
      const kinds = tour.flatMap(({ drawn }) => drawn.map(({ kind }) => kind))
      expect(kinds.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(ALL.toSorted((a, b) => (a < b ? -1 : 1)))
    }),
    { numRuns: 20 },
  )
})

test('what is drawn together can happen together: at most one kind of an episode is not about links', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      for (const { drawn } of drawTour(seed, drawShape(seed, 4), ALL)) {
        expect(drawn.filter(({ kind }) => !kind.startsWith('link-')).length).toBeLessThanOrEqual(1)
        expect(drawn.filter(({ kind }) => kind.startsWith('link-')).length).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 20 },
  )
})
