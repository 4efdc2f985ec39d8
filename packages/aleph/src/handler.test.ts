// Goal: the core's contract with its host, input by input (SPEC.md, U2, U6, P2, P4, A6, A8, K2).

import type { AdmittedUnit } from '@quorate/types'
import { millis, round as toRound, seat, sealUnit } from '@quorate/types'
import { expect, test } from 'vitest'
import type { AlephEffect } from './effect.ts'
import type { AlephConfig } from './config.ts'
import { Aleph } from './handler.ts'
import type { AlephInput } from './input.ts'
import { ALEPH_LIMITS } from './limits.ts'
import { deterministicCoin } from './order/coin.ts'
import { admit, committeeOf, item, texts, VIEW } from './testing/network.ts'
import { fullRounds, inventedParent, unitOf } from './testing/units.ts'

type Kind = AlephEffect['kind']

class Host {
  readonly core: Aleph
  readonly size: number
  nowMs = 1_000

  constructor(config: Partial<AlephConfig> = {}, size = 4) {
    this.size = size
    this.core = new Aleph({ committee: committeeOf(size), seat: seat(0), coin: deterministicCoin(VIEW), ...config })
  }

  feed(input: AlephInput): AlephEffect[] {
    return this.core.handle(input, { monotonicMs: millis(this.nowMs), wallMs: millis(this.nowMs) })
  }

  units(from: number, ...units: readonly AdmittedUnit[]): AlephEffect[] {
    return this.feed({ kind: 'units', from: seat(from), units })
  }

  submit(text: string): AlephEffect[] {
    return this.feed({ kind: 'submit', items: [item(text)] })
  }
}

function only<K extends Kind>(effects: readonly AlephEffect[], kind: K): Extract<AlephEffect, { kind: K }>[] {
  return effects.filter((effect): effect is Extract<AlephEffect, { kind: K }> => effect.kind === kind)
}

function seal(effect: Extract<AlephEffect, { kind: 'create' }>): AdmittedUnit {
  return sealUnit(effect.unit, new Uint8Array(64))
}

test('P2: nothing of an own unit is sent before it is created; there is one at a time', () => {
  const host = new Host()
  const effects = host.submit('a')
  expect(effects.map((effect) => effect.kind)).toEqual(['create'])
  expect(host.submit('b')).toEqual([])
  const [create] = only(effects, 'create')
  const sent = host.feed({ kind: 'created', unit: seal(create!) })
  expect(only(sent, 'send').map((effect) => [effect.to, effect.message.kind])).toEqual([[[1, 2, 3], 'units']])
  expect(only(sent, 'create')).toEqual([])
})

test('P2: what an own unit stands on is listed once, parents first', () => {
  const host = new Host()
  const rounds = fullRounds(2)
  host.feed({ kind: 'hold', on: true })
  for (const unit of rounds.flat()) if (unit.creator !== 0) host.units(unit.creator, unit)
  // Own units of a former life: seat 0 made both rounds.
  host.units(1, rounds[0]![0]!)
  host.units(1, rounds[1]![0]!)
  host.submit('a')
  const [create] = only(host.feed({ kind: 'hold', on: false }), 'create')
  expect(create!.unit.round).toBe(2)
  expect(create!.alongside.map((unit) => unit.hash)).toEqual(rounds.flat().map((unit) => unit.hash))
  const [next] = only(host.feed({ kind: 'created', unit: seal(create!) }), 'create')
  expect(next).toBe(undefined)
})

test('alone: one transaction is ordered with nobody else, then silence', () => {
  const host = new Host({}, 1)
  let effects = host.submit('alone')
  const ordered: string[] = []
  for (let turn = 0; turn < 20 && effects.length > 0; turn += 1) {
    const [create] = only(effects, 'create')
    expect(only(effects, 'send')).toEqual([])
    ordered.push(...only(effects, 'ordered').flatMap((each) => each.units.flatMap((unit) => texts(unit.payload))))
    if (create === undefined) break
    effects = host.feed({ kind: 'created', unit: seal(create) })
  }
  expect(ordered).toEqual(['alone'])
  expect(host.core.wakeAt()).toBe(undefined)
})

test('U2: illegal units are counted against their creator and leave nothing behind', () => {
  const host = new Host()
  const rounds = fullRounds(2)
  for (const unit of rounds[0]!) host.units(1, unit)
  host.units(1, unitOf({ creator: 2, round: 1, on: rounds[0]!.slice(0, 2) }))
  host.units(1, unitOf({ creator: 3, round: 1, on: [rounds[0]![0], rounds[0]![1], rounds[0]![3], rounds[0]![2]] }))
  expect(host.core.status.violations).toEqual([0, 0, 1, 1])
  expect(host.core.status.unitsKept).toBe(4)
})

test('U2: a shunned unit is taken when another member stands on it, and its false edges are none', () => {
  const host = new Host()
  const [r0, r1] = fullRounds(2) as [AdmittedUnit[], AdmittedUnit[]]
  for (const unit of [...r0, ...r1]) host.units(1, unit)
  // Seat 3 names a unit of seat 1 as seat 2's.
  const liar = unitOf({ creator: 3, round: 2, on: [r1[0], r1[1], r1[1], r1[3]] })
  host.units(3, liar)
  expect(host.core.status.violations[3]).toBe(1)
  const r2 = [0, 1, 2].map((creator) => unitOf({ creator, round: 2, on: r1 }))
  for (const unit of r2) host.units(1, unit)
  const upon = unitOf({ creator: 1, round: 3, on: [...r2, liar] })
  const kept = host.core.status.unitsKept
  host.units(1, upon)
  host.units(1, liar)
  expect(host.core.status.unitsKept).toBe(kept + 2)
})

test('A6: a second unit of a seat and round is evidence once; the forker is heard only where others need it', () => {
  const host = new Host()
  const [r0] = fullRounds(1) as [AdmittedUnit[]]
  const twin = unitOf({ creator: 3, round: 0, text: 'twin' })
  for (const unit of r0) host.units(1, unit)
  const [fork] = only(host.units(2, twin), 'fork')
  expect([fork?.seat, fork?.first.hash, fork?.second.hash]).toEqual([3, r0[3]!.hash, twin.hash])
  expect(host.core.status.forkers).toEqual([3])
  expect(only(host.units(2, unitOf({ creator: 3, round: 0, text: 'triplet' })), 'fork')).toEqual([])
  expect(host.core.status.unitsKept).toBe(4)
  // Seat 2 knew the twin first: its unit can't be had without it.
  const upon = unitOf({ creator: 2, round: 1, on: [r0[0], r0[1], r0[2], twin] })
  host.units(2, upon)
  expect([host.core.status.unitsHeld, host.core.status.unitsMissing]).toEqual([1, 1])
  host.nowMs += 100
  const asked = only(host.feed({ kind: 'tick' }), 'ask')
  expect(asked).toEqual([{ kind: 'ask', to: 2, hashes: [twin.hash] }])
  host.units(2, twin)
  expect([host.core.status.unitsHeld, host.core.status.unitsKept]).toEqual([0, 6])
})

test('U6: a unit too far ahead is not kept; rounds beyond the view are not made', () => {
  const limits = { ...ALEPH_LIMITS, aheadRoundsMax: 5, roundsMax: 2 }
  const host = new Host({ limits: { ...limits, roundsMax: 100 } })
  const parents = (round: number) => [1, 2, 3, 4].map((number) => inventedParent(round, number))
  host.units(1, unitOf({ creator: 1, round: 5, on: parents(4) }))
  expect(host.core.status.unitsHeld).toBe(0)
  host.units(1, unitOf({ creator: 1, round: 4, on: parents(3) }))
  expect(host.core.status.unitsHeld).toBe(1)
  const ended = new Host({ limits }, 1)
  let rounds = 0
  for (let effects = ended.submit('a'); only(effects, 'create').length > 0; rounds += 1) {
    effects = ended.feed({ kind: 'created', unit: seal(only(effects, 'create')[0]!) })
  }
  expect(rounds).toBe(3)
})

test('answers to questions and frontiers keep within bytes and units, lowest rounds first', () => {
  const limits = { ...ALEPH_LIMITS, answerUnitsMax: 5, answerBytesMax: 3_000 }
  const host = new Host({ limits })
  const rounds = fullRounds(4)
  for (const unit of rounds.flat()) host.units(1, unit)
  host.nowMs += 1_000
  const answerOf = (input: AlephInput): AdmittedUnit[] =>
    only(host.feed(input), 'send').flatMap(({ message }) =>
      message.kind === 'units' ? message.units.map((bytes) => admit(bytes, committeeOf(4))) : [],
    )
  const all = rounds.flat().map((unit) => unit.hash)
  expect(host.core.unitsOf(all).length).toBe(5)
  const part = answerOf({ kind: 'frontier', from: seat(2), rounds: [toRound(0), toRound(0), undefined, toRound(0)] })
  expect(part.map((unit) => [unit.round, unit.creator])).toEqual([
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
    [1, 3],
  ])
  const small = new Host({ limits: { ...limits, answerBytesMax: 1 } })
  for (const unit of rounds.flat()) small.units(1, unit)
  expect(small.core.unitsOf(all).length).toBe(1)
  expect(only(host.feed({ kind: 'frontier', from: seat(2), rounds: [] }), 'send')).toEqual([])
})

test('content of ordered, durable units is let go above the bound; the order and the names stay', () => {
  const limits = { ...ALEPH_LIMITS, retainedBytesMax: 3_000 }
  const host = new Host({ limits, base: undefined })
  host.feed({ kind: 'restored', units: fullRounds(30).flat(), own: undefined })
  const { unitsKept, bytesKept } = host.core.status
  expect(unitsKept).toBe(120)
  expect(bytesKept).toBeLessThan(8_000)
})

test('P4: an own payload that fell below the floor comes back', () => {
  const limits = { ...ALEPH_LIMITS, windowRounds: 2 }
  const host = new Host({ limits })
  const [create] = only(host.submit('lost'), 'create')
  host.feed({ kind: 'created', unit: seal(create!) })
  // The others never hear of it and go on among themselves.
  const dropped: string[] = []
  let below: (AdmittedUnit | undefined)[] = [undefined, ...[1, 2, 3].map((creator) => unitOf({ creator, round: 0 }))]
  host.feed({ kind: 'hold', on: true })
  for (let round = 1; round < 12; round += 1) {
    for (const unit of below) if (unit !== undefined) host.units(unit.creator, unit)
    const on = below
    below = [undefined, ...[1, 2, 3].map((creator) => unitOf({ creator, round, on }))]
    for (const unit of below) {
      if (unit === undefined) continue
      for (const effect of only(host.units(unit.creator, unit), 'dropped')) dropped.push(...texts(effect.payload))
    }
  }
  expect(dropped).toEqual(['lost'])
})

test('P6: after a pause, and at the beginning, an empty unit goes first, and payload into the next', () => {
  const host = new Host({ limits: { ...ALEPH_LIMITS, freshMs: 5_000 } }, 1)
  host.nowMs = 1_000_000
  const payloads = (effects: readonly AlephEffect[]): string[][] => {
    const made: string[][] = []
    for (let all = effects, next = only(all, 'create')[0]; next !== undefined; next = only(all, 'create')[0]) {
      made.push(texts(next.unit.payload))
      all = host.feed({ kind: 'created', unit: seal(next) })
    }
    return made.filter((each, at) => at === 0 || each.length > 0)
  }
  expect(payloads(host.submit('first'))).toEqual([[], ['first']])
  host.nowMs += 4_000
  expect(payloads(host.submit('soon'))).toEqual([['soon']])
  host.nowMs += 6_000
  expect(payloads(host.submit('late'))).toEqual([[], ['late']])
})

test('P7: who may have lost own units makes none before a quorum has said that it knows no more', () => {
  const host = new Host({ isUnsure: true })
  const frontier = (from: number, own: number | undefined): AlephEffect[] =>
    host.feed({
      kind: 'frontier',
      from: seat(from),
      rounds: [own === undefined ? undefined : toRound(own), undefined, undefined, undefined],
    })
  expect(only(host.submit('a'), 'create')).toEqual([])
  expect(only(frontier(1, undefined), 'create')).toEqual([])
  // One that knows a unit of ours, or says so: it doesn't count until that unit is here.
  expect(only(frontier(2, 0), 'create')).toEqual([])
  const lost = unitOf({ creator: 0, round: 0 })
  const r0 = [1, 2, 3].map((creator) => unitOf({ creator, round: 0 }))
  for (const unit of r0) host.units(unit.creator, unit)
  expect(only(frontier(1, undefined), 'create')).toEqual([])
  const [create] = only(host.units(2, lost), 'create')
  expect(create?.unit.round).toBe(1)
  const liar = new Host({ isUnsure: true })
  for (const from of [1, 2])
    liar.feed({ kind: 'frontier', from: seat(from), rounds: [undefined, undefined, undefined, undefined] })
  liar.feed({ kind: 'frontier', from: seat(3), rounds: [toRound(0xffff_ffff), undefined, undefined, undefined] })
  expect(only(liar.submit('b'), 'create').length).toBe(1)
})

test('P7: an own unit below the floor is not waited for; peers that have forgotten more than we have do not count', () => {
  const limits = { ...ALEPH_LIMITS, windowRounds: 8 }
  const ordered = [1, 2, 3].flatMap((creator) =>
    fullRounds(21)
      .slice(12)
      .map((units) => units[creator]!),
  )
  const base = {
    round: toRound(20),
    slot: 0,
    ordered: ordered.map(({ creator, round, hash }) => ({ creator, round, hash })),
  }
  const frontier = (host: Host, from: number, rounds: readonly (number | undefined)[]): AlephEffect[] =>
    host.feed({
      kind: 'frontier',
      from: seat(from),
      rounds: rounds.map((at) => (at === undefined ? undefined : toRound(at))),
    })
  const host = new Host({ isUnsure: true, base, limits })
  expect(host.core.floor).toBeGreaterThan(5)
  host.submit('a')
  expect(only(frontier(host, 1, [5, 20, 20, 20]), 'create')).toEqual([])
  expect(only(frontier(host, 2, [5, 20, 20, 20]), 'create').length).toBe(1)
  const late = new Host({ isUnsure: true, base, limits })
  late.submit('a')
  frontier(late, 1, [undefined, 40, 40, 40])
  expect(only(frontier(late, 2, [undefined, 40, 40, 40]), 'create')).toEqual([])
})

test('what the queue refuses comes back', () => {
  const host = new Host({ limits: { ...ALEPH_LIMITS, queueItemsMax: 1 } })
  host.feed({ kind: 'hold', on: true })
  expect(host.core.room.items).toBe(1)
  host.submit('kept')
  expect(host.core.queued()).toEqual([item('kept')])
  expect(
    only(host.feed({ kind: 'submit', items: ['a', 'b'].map(item) }), 'refused').map((each) => each.items.length),
  ).toEqual([2])
})

test('after a restart the own unit goes out again and every peer is asked', () => {
  const rounds = fullRounds(2)
  const host = new Host()
  const own = rounds[1]![0]!
  const effects = host.feed({ kind: 'restored', units: rounds.flat().reverse(), own })
  expect(only(effects, 'send').map((effect) => [effect.to, effect.message.kind])).toEqual([
    [[1, 2, 3], 'units'],
    [[1], 'frontier'],
    [[2], 'frontier'],
    [[3], 'frontier'],
  ])
  expect(host.core.status.ownRound).toBe(1)
  const [create] = only(host.submit('next'), 'create')
  expect(create!.unit.round).toBe(2)
  expect(create!.alongside).toEqual([])
})

test('a peer that can be reached again is told how far we are', () => {
  const effects = new Host().feed({ kind: 'connected', seat: seat(2) })
  expect(only(effects, 'send').map((effect) => [effect.to, effect.message.kind])).toEqual([[[2], 'frontier']])
})

/** Rounds of seats 1 to 3, which are a quorum. */
function roundsOfOthers(count: number): AdmittedUnit[][] {
  const rounds: AdmittedUnit[][] = []
  for (let round = 0; round < count; round += 1) {
    const on = round === 0 ? [] : [undefined, ...rounds[round - 1]!]
    rounds.push([1, 2, 3].map((creator) => unitOf({ creator, round, on })))
  }
  return rounds
}

test('K2: a coin that a peer needs is told once an own unit stands above it, near rounds only', () => {
  const host = new Host({ coin: 'asked' })
  const rounds = roundsOfOthers(4)
  const wanted = (round: number): string[] =>
    host.feed({ kind: 'coin-wanted', from: seat(1), round: toRound(round) }).map((effect) => effect.kind)
  const highest = rounds.length - 1 + ALEPH_LIMITS.aheadRoundsMax
  const effects = rounds.flatMap((units) => host.units(1, ...units))
  expect(wanted(highest)).toEqual([])
  expect(wanted(highest + 1)).toEqual(['trace'])
  expect(host.feed({ kind: 'coin', round: toRound(highest + 1), value: 1 }).map(({ kind }) => kind)).toEqual(['trace'])

  expect(wanted(0)).toEqual([])
  const [first] = only(effects, 'create')
  expect(first!.unit.round).toBe(0)
  const then = host.feed({ kind: 'created', unit: seal(first!) })
  expect(only(then, 'coin')).toEqual([])
  const [second] = only(then, 'create')
  expect(second!.unit.round).toBe(3)
  const told = host.feed({ kind: 'created', unit: seal(second!) })
  expect(only(told, 'coin').map(({ round }) => round)).toEqual([0])
  expect([wanted(0), wanted(2), wanted(3)]).toEqual([[], ['coin'], []])
})

test('K3: coins below the floor are forgotten, and count no longer against who wanted them', () => {
  const host = new Host({ coin: 'asked', limits: { ...ALEPH_LIMITS, windowRounds: 4, coinsPerSeatMax: 1 } })
  const wanted = (round: number): AlephEffect[] =>
    only(host.feed({ kind: 'coin-wanted', from: seat(1), round: toRound(round) }), 'trace')
  const rounds = roundsOfOthers(20)
  for (const units of rounds.slice(0, 5)) host.units(1, ...units)
  expect(host.core.floor).toBe(0)
  expect(wanted(1)).toEqual([])
  expect(wanted(2)).toMatchObject([{ event: 'coin-refused', detail: { seat: 1, round: 2 } }])
  for (const units of rounds.slice(5)) host.units(1, ...units)
  expect(host.core.floor).toBeGreaterThan(2)
  expect(wanted(2)).toMatchObject([{ event: 'coin-far', detail: { round: 2 } }])
  expect(wanted(19)).toEqual([])
})

test('K2: a coin that is computed is not fed', () => {
  expect(() => new Host().feed({ kind: 'coin', round: toRound(3), value: 1 })).toThrow('computed')
})
