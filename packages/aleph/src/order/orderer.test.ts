// Goal: the laws of the order (SPEC.md, O1 to O8) under Quorate's own rules, one head a round and one for every slot.
// Method: random legal DAGs of many shapes, inserted in different topological orders, against a naive reading of the
// law.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '../testing/random.ts'
import type { DagShape, PlainUnit } from '../testing/random-dag.ts'
import { faultyMax, PlainWorld, quorumOf, randomTopological, randomUnits } from '../testing/random-dag.ts'
import type { Commit } from './orderer.ts'
import { Orderer } from './orderer.ts'
import { RoundDag } from './round-dag.ts'
import type { Bit } from './rules.ts'
import { alternatingVote, quorateRules } from './rules.ts'

const coin = (round: number): Bit => ((Math.imul(round, 2654435761) & 0x10000) === 0 ? 0 : 1)

type Heads = 'one' | 'every'

interface Ordered {
  readonly round: number
  readonly slot: number
  readonly head: string
  readonly units: readonly string[]
}

function order(
  size: number,
  units: readonly PlainUnit[],
  insertion: readonly number[],
  heads: Heads,
  windowRounds = 256,
): Ordered[] {
  const world = new PlainWorld(size, units)
  const orderer = new Orderer(world.dag, quorateRules(coin, { heads, windowRounds }))
  const names: string[] = []
  const result: Ordered[] = []
  for (const plain of insertion) {
    const index = world.insert(plain)
    if (index !== undefined) names[index] = units[plain]!.hash
    for (const commit of orderer.advance()) result.push(named(commit, names))
  }
  return result
}

function named(commit: Commit, names: readonly string[]): Ordered {
  const { round, slot } = commit
  return { round, slot, head: names[commit.head]!, units: commit.units.map((unit) => names[unit]!) }
}

const shapes: fc.Arbitrary<{ readonly shape: DagShape; readonly seed: number }> = fc
  .record({
    size: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 10, 13),
    rounds: fc.integer({ min: 0, max: 14 }),
    silent: fc.integer({ min: 0, max: 4 }),
    forking: fc.integer({ min: 0, max: 4 }),
    dense: fc.constantFrom(0, 50, 100),
    skips: fc.constantFrom(0, 30),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ seed, ...shape }) => {
    const forking = Math.min(shape.forking, faultyMax(shape.size))
    const silent = Math.min(shape.silent, faultyMax(shape.size) - forking)
    return { shape: { ...shape, silent, forking }, seed }
  })

describe.each<Heads>(['one', 'every'])('heads: %s', (heads) => {
  test('O1: the order does not depend on the order of insertion', () => {
    fc.assert(
      fc.property(shapes, ({ shape, seed }) => {
        const random = new Random(seed)
        const units = randomUnits(shape, random)
        const first = order(
          shape.size,
          units,
          units.map((_, plain) => plain),
          heads,
        )
        expect(order(shape.size, units, randomTopological(units, random), heads)).toEqual(first)
      }),
      { numRuns: 300 },
    )
  })

  test('O2: a smaller DAG has a prefix of the order of a larger one', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 100 }), ({ shape, seed }, percent) => {
        const random = new Random(seed)
        const units = randomUnits(shape, random)
        const insertion = randomTopological(units, random)
        const all = order(shape.size, units, insertion, heads)
        const part = order(shape.size, units, insertion.slice(0, Math.floor((insertion.length * percent) / 100)), heads)
        expect(all.slice(0, part.length)).toEqual(part)
      }),
      { numRuns: 300 },
    )
  })

  test('O4, O5: each unit once, parents first, a batch is what the head stands on and nobody took before', () => {
    fc.assert(
      fc.property(shapes, ({ shape, seed }) => {
        const units = randomUnits(shape, new Random(seed))
        const byHash = new Map(units.map((unit, plain) => [unit.hash, plain]))
        const taken = new Set<number>()
        for (const { head, units: batch } of order(
          shape.size,
          units,
          units.map((_, plain) => plain),
          heads,
        )) {
          const past = pastOf(units, byHash.get(head)!)
          const fresh = [...past].filter((plain) => !taken.has(plain))
          expect([...batch].sort()).toEqual(fresh.map((plain) => units[plain]!.hash).sort())
          for (const hash of batch) {
            const plain = byHash.get(hash)!
            for (const parent of units[plain]!.parents) expect(taken.has(parent)).toBe(true)
            taken.add(plain)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  test('O6: with a window, still one order; nothing older than the window in it; nothing below the floor kept', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 5 }), ({ shape, seed }, windowRounds) => {
        const random = new Random(seed)
        const units = randomUnits({ ...shape, skips: 30 }, random)
        const first = order(
          shape.size,
          units,
          units.map((_, plain) => plain),
          heads,
          windowRounds,
        )
        expect(order(shape.size, units, randomTopological(units, random), heads, windowRounds)).toEqual(first)
        const roundOf = new Map(units.map((unit) => [unit.hash, unit.round]))
        for (const batch of first) {
          for (const hash of batch.units) expect(roundOf.get(hash)).toBeGreaterThanOrEqual(batch.round - windowRounds)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('O8: continuing behind any head gives the rest of the order', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 100 }), ({ shape, seed }, percent) => {
        const windowRounds = 4
        const units = randomUnits(shape, new Random(seed))
        const all = order(
          shape.size,
          units,
          units.map((_, plain) => plain),
          heads,
          windowRounds,
        )
        const at = Math.floor((all.length * percent) / 101)
        const base = all[at]
        if (base === undefined) return
        const done = new Set(all.slice(0, at + 1).flatMap((each) => each.units))
        const world = new PlainWorld(shape.size, units)
        const orderer = new Orderer(world.dag, quorateRules(coin, { heads, windowRounds }), base)
        const names: string[] = []
        const rest: Ordered[] = []
        units.forEach((unit, plain) => {
          const index = world.insert(plain)
          if (index === undefined) return
          names[index] = unit.hash
          if (done.has(unit.hash)) world.dag.markOrdered(index)
          rest.push(...orderer.advance().map((commit) => named(commit, names)))
        })
        expect(rest).toEqual(all.slice(at + 1))
      }),
      { numRuns: 200 },
    )
  })

  test('O7: a full DAG orders every round up to the last three at once', () => {
    for (const size of [1, 2, 3, 4, 7, 10, 16, 32, 33, 64, 128]) {
      const rounds = 6
      const units: PlainUnit[] = []
      for (let round = 0; round < rounds; round += 1) {
        const below = units.flatMap((unit, plain) => (unit.round === round - 1 ? [plain] : []))
        for (let creator = 0; creator < size; creator += 1) {
          units.push({ round, creator, hash: `${round}/${creator}`, parents: below })
        }
      }
      const commits = order(
        size,
        units,
        units.map((_, plain) => plain),
        heads,
      )
      const heard = commits.map(({ round, head }) => `${round}:${head}`)
      const expected = [0, 1, 2].flatMap((round) =>
        Array.from({ length: heads === 'one' ? 1 : size }, (_, slot) => `${round}:${round}/${(round + slot) % size}`),
      )
      expect(heard).toEqual(expected)
    }
  })
})

function pastOf(units: readonly PlainUnit[], plain: number): Set<number> {
  const past = new Set([plain])
  for (const each of past) for (const parent of units[each]!.parents) past.add(parent)
  return past
}

test('a long chain of rounds is ordered without recursion and without keeping it', () => {
  const dag = new RoundDag(1, quorumOf(1))
  const orderer = new Orderer(dag, quorateRules(coin, { windowRounds: 8 }))
  let previous = dag.insert({ round: 0, creator: 0, hash: '0', parents: [] })
  let ordered = 0
  for (let round = 1; round < 20_000; round += 1) {
    previous = dag.insert({ round, creator: 0, hash: `${round}`, parents: [previous] })
    for (const commit of orderer.advance()) ordered += commit.units.length
    expect(dag.count).toBeLessThanOrEqual(8 + 4)
  }
  expect(ordered).toBe(20_000 - 3)
})

test('a coin that is not known yet stalls the slot, and nothing else is lost', () => {
  let known = false
  const size = 4
  const seed = 7
  const units = randomUnits({ size, rounds: 20, dense: 30 }, new Random(seed))
  const rules = { ...quorateRules(coin), commonVote: alternatingVote(3, (round) => (known ? coin(round) : undefined)) }
  const world = new PlainWorld(size, units)
  const orderer = new Orderer(world.dag, rules)
  let early = 0
  units.forEach((_, plain) => {
    world.insert(plain)
    early += orderer.advance().length
  })
  known = true
  const late = orderer.advance().length
  expect(early + late).toBeGreaterThan(10)
})
