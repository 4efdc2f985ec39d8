// Goal: a coin is asked for where the order needs it and not before it may be told (SPEC.md, K1 to K3). Method: the
// parts by hand; random DAGs in which coins come up late, in any order, against the same DAGs with all coins known.

import fc from 'fast-check'
import { seat } from '@quorate/types'
import { expect, test } from 'vitest'
import { Random } from '../testing/random.ts'
import { PlainWorld, randomTopological, randomUnits } from '../testing/random-dag.ts'
import { AskedCoin } from './asked-coin.ts'
import { Orderer } from './orderer.ts'
import type { Bit, Coin } from './rules.ts'
import { alternatingVote, quorateRules } from './rules.ts'

test('K2: a share is told once, when an own unit stands above, whoever needs it', () => {
  const coin = new AskedCoin(2)
  expect(coin.flip(12)).toBeUndefined()
  coin.wantFor(seat(1), 11)
  coin.want(11)
  expect(coin.due(-1)).toEqual([])
  expect(coin.due(11)).toEqual([])
  expect(coin.due(12)).toEqual([11])
  expect(coin.due(20)).toEqual([12])
  expect(coin.flip(12)).toBeUndefined()
  coin.want(11)
  expect(coin.due(20)).toEqual([])
})

test('K2: a seat alone is told so many coins of kept rounds and no more', () => {
  const coin = new AskedCoin(2)
  const [one, two] = [seat(1), seat(2)]
  coin.want(9)
  expect([9, 10, 11, 11, 12].map((round) => coin.wantFor(one, round))).toEqual([true, true, true, true, false])
  expect([11, 12].map((round) => coin.wantFor(two, round))).toEqual([true, true])
  expect(coin.wantFor(one, 12)).toBe(true)
  expect(coin.due(20)).toEqual([9, 10, 11, 12])
  expect(coin.wantFor(one, 13)).toBe(false)
  coin.forget(11)
  expect(coin.wantFor(one, 13)).toBe(true)
})

test('K2: a value that is known is not asked for, but still told to who needs it', () => {
  const coin = new AskedCoin(2)
  coin.learn(12, 1)
  expect(coin.flip(12)).toBe(1)
  expect(coin.due(20)).toEqual([])
  coin.want(12)
  expect(coin.due(20)).toEqual([12])
  expect(coin.flip(12)).toBe(1)
})

test('K3: what is below the floor is forgotten', () => {
  const coin = new AskedCoin(2)
  coin.learn(5, 1)
  coin.want(6)
  coin.want(7)
  coin.forget(7)
  expect(coin.due(20)).toEqual([7])
  expect(coin.flip(5)).toBeUndefined()
})

/** A short prefix, so that small DAGs need coins. */
function ordersWith(flip: Coin, heads: 'one' | 'every'): ConstructorParameters<typeof Orderer>[1] {
  return { ...quorateRules(flip, { heads }), commonVote: alternatingVote(3, flip) }
}

test.each(['one', 'every'] as const)('K1: late coins change nothing in the order, heads: %s', (heads) => {
  let asked = 0
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(4, 5, 7), (seed, size) => {
      const random = new Random(seed)
      const bits = Array.from({ length: 64 }, (): Bit => (random.percent(50) ? 1 : 0))
      const units = randomUnits({ size, rounds: 16, dense: 0, forking: 1 }, random)
      const known = new PlainWorld(size, units)
      const reference = new Orderer(
        known.dag,
        ordersWith((round) => bits[round], heads),
      )
      units.forEach((_, plain) => known.insert(plain))
      const expected = reference.advance().map(({ round, slot }) => `${round}/${slot}`)

      const coin = new AskedCoin(2)
      const world = new PlainWorld(size, units)
      const orderer = new Orderer(world.dag, ordersWith(coin.flip, heads))
      const heard: string[] = []
      const advance = (): void => {
        heard.push(...orderer.advance().map(({ round, slot }) => `${round}/${slot}`))
      }
      for (const plain of randomTopological(units, random)) {
        world.insert(plain)
        advance()
        // A round's coin can be told once some unit stands above it.
        if (random.percent(50)) for (const round of coin.due(world.dag.maxRound)) coin.learn(round, bits[round]!)
      }
      advance()
      for (let due = coin.due(Infinity); due.length > 0; due = coin.due(Infinity)) {
        asked += due.length
        for (const round of due) coin.learn(round, bits[round]!)
        advance()
      }
      expect(heard).toEqual(expected)
    }),
    { numRuns: 150, seed: 8 },
  )
  expect(asked).toBeGreaterThan(50)
})
