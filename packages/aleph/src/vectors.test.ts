// Goal: the orderer decides, votes and orders exactly as an independent implementation did on the same DAGs.
// Method: every vector file, its own rules; then the same units in shuffled topological orders.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Ballot } from './order/ballot.ts'
import { Orderer } from './order/orderer.ts'
import type { VectorFile, VectorRound } from './testing/consensus-go.ts'
import { GoUnits, GoWorld } from './testing/consensus-go.ts'
import { Random } from './testing/random.ts'

const ROOT = new URL('../testdata/vectors/', import.meta.url)
const FOLDERS = ['testdata', 'strict', 'async', 'forks', 'late']
const FILES = FOLDERS.flatMap((folder) => readdirSync(new URL(`${folder}/`, ROOT)).map((name) => `${folder}/${name}`))

function load(name: string): VectorFile {
  return JSON.parse(readFileSync(new URL(name, ROOT), 'utf8')) as VectorFile
}

function run(file: VectorFile, derived: GoUnits, order: readonly number[]): { after: number; rounds: VectorRound[] }[] {
  const world = new GoWorld(file, derived)
  const orderer = new Orderer(world.dag, world.rules)
  const steps: { after: number; rounds: VectorRound[] }[] = []
  for (const i of order) {
    world.insert(i)
    const rounds = orderer.advance().map((commit) => ({
      level: commit.round,
      timingUnit: world.vectorOf(commit.head),
      order: commit.units.map((unit) => world.vectorOf(unit)),
    }))
    if (rounds.length > 0) steps.push({ after: i, rounds })
  }
  return steps
}

function linear(steps: readonly { readonly rounds: readonly VectorRound[] }[]): number[] {
  return steps.flatMap((step) => step.rounds.flatMap((round) => round.order))
}

function shuffledTopological(file: VectorFile, random: Random): number[] {
  const units = file.units ?? []
  const waiting = units.map((unit) => unit.parents.filter((parent) => parent >= 0).length)
  const children = new Map<number, number[]>()
  for (const unit of units) {
    for (const parent of unit.parents) if (parent >= 0) children.set(parent, [...(children.get(parent) ?? []), unit.i])
  }
  const ready = units.filter((unit) => waiting[unit.i] === 0).map((unit) => unit.i)
  const order: number[] = []
  while (ready.length > 0) {
    const [next] = ready.splice(random.below(ready.length), 1)
    order.push(next!)
    for (const child of children.get(next!) ?? []) {
      waiting[child]! -= 1
      if (waiting[child] === 0) ready.push(child)
    }
  }
  return order
}

const VOTES = new Map<1 | 0 | undefined, string>([
  [1, 'popular'],
  [0, 'unpopular'],
  [undefined, 'undecided'],
])

test('all vector files are there', () => {
  expect(FILES.length).toBe(46)
})

describe.each(FILES)('%s', (name) => {
  const file = load(name)
  const units = file.units ?? []
  const forked = units.some((unit) => unit.version > 0)
  const derived = new GoUnits(file)
  const whole = new GoWorld(file, derived)
  for (const unit of units) whole.insert(unit.i)

  test('levels and floors', () => {
    expect(derived.levels).toEqual(units.map((unit) => unit.level))
    for (const unit of units) {
      unit.parents.forEach((parent, creator) => {
        expect(derived.floors[unit.i]![creator]).toEqual(unit.floor?.[String(creator)] ?? (parent < 0 ? [] : [parent]))
      })
    }
  })

  test('candidates', () => {
    for (const { level, prevTimingUnit, order, complete } of file.crp ?? []) {
      const found = whole.candidates(level, prevTimingUnit < 0 ? undefined : whole.indexOf(prevTimingUnit))
      expect(found.slots.flat().map((unit) => whole.vectorOf(unit))).toEqual(order)
      expect(found.complete).toBe(complete)
    }
  })

  test('decisions', () => {
    for (const { uc, decision, decidedOnLevel } of file.decisions ?? []) {
      const ours = new Ballot(whole.dag, whole.rules, whole.indexOf(uc)).decide()
      if (forked && decision === 'undecided') continue
      expect(VOTES.get(ours?.value)).toBe(decision)
      if (forked) expect(ours?.round).toBeLessThanOrEqual(decidedOnLevel)
      else expect(ours?.round ?? -1).toBe(decidedOnLevel)
    }
  })

  test('votes', () => {
    const ballots = new Map<number, Ballot>()
    for (const { uc, u, vote } of file.votes ?? []) {
      let ballot = ballots.get(uc)
      if (ballot === undefined) {
        ballot = new Ballot(whole.dag, whole.rules, whole.indexOf(uc))
        for (let round = derived.levels[uc]! + 1; round <= whole.dag.maxRound; round += 1) {
          if (!ballot.tally(round)) break
        }
        ballots.set(uc, ballot)
      }
      expect(VOTES.get(ballot.voteOf(whole.indexOf(u)))).toBe(vote)
    }
  })

  test('order, step by step', () => {
    const inOrder = run(
      file,
      derived,
      units.map((unit) => unit.i),
    )
    const expected = file.linearOrder ?? []
    if (forked) expect(linear(inOrder).slice(0, expected.length)).toEqual(expected)
    else expect(inOrder).toEqual(file.steps ?? [])
    const ordered = new Set(linear(inOrder))
    expect(ordered.size).toBe(linear(inOrder).length)
    if (!forked) expect(units.map((unit) => unit.i).filter((i) => !ordered.has(i))).toEqual(file.unordered ?? [])
  })

  test('order under shuffled insertion', () => {
    const inOrder = linear(
      run(
        file,
        derived,
        units.map((unit) => unit.i),
      ),
    )
    for (let seed = 1; seed <= 5; seed += 1) {
      expect(linear(run(file, derived, shuffledTopological(file, new Random(seed))))).toEqual(inOrder)
    }
  })
})
