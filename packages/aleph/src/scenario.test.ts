// Goal: members of one view agree, go on, and fall silent (SPEC.md, A1 to A9), whatever the network and up to f members do.
// Method: whole views in memory on a virtual clock; every run follows from its seed.

import { describe, expect, test } from 'vitest'
import type { LogEntry, Weather } from './testing/network.ts'
import { FAIR, Network, STORM } from './testing/network.ts'
import { ALEPH_LIMITS } from './limits.ts'

function names(log: readonly LogEntry[]): string[] {
  return log.flatMap((entry) => [`head ${entry.head}`, ...entry.units.map((unit) => unit.hash)])
}

/** Every log is a prefix of the longest one. */
function expectAgreement(network: Network, seats: readonly number[]): readonly LogEntry[] {
  const logs = seats.map((seat) => network.node(seat).log)
  const longest = logs.reduce((a, b) => (b.length > a.length ? b : a), [])
  const whole = names(longest)
  for (const log of logs) expect(names(log)).toEqual(whole.slice(0, names(log).length))
  return longest
}

function orderedTexts(log: readonly LogEntry[]): string[] {
  return log.flatMap((entry) => entry.texts).filter((text) => !text.startsWith('twin'))
}

function seatsOf(size: number, except: readonly number[] = []): number[] {
  return Array.from({ length: size }, (_, seat) => seat).filter((seat) => !except.includes(seat))
}

/** Submits `count` items at random members over `spanMs`. */
function load(network: Network, seats: readonly number[], count: number, spanMs: number): string[] {
  const sent: string[] = []
  for (let at = 0; at < count; at += 1) {
    const text = `item ${at}`
    const seat = seats[network.random.below(seats.length)]!
    sent.push(text)
    network.after(network.random.below(spanMs * 10) / 10, () => network.submit(seat, text))
  }
  return sent
}

function faultyMax(size: number): number {
  return Math.floor((size - 1) / 3)
}

describe.each([1, 2, 3, 4, 5, 6, 7, 10, 16, 32])('%i members', (size) => {
  test('A1, A2, A5: agree on everything, once, then fall silent', () => {
    const network = new Network(size, size)
    network.startAll()
    const sent = load(network, seatsOf(size), size < 16 ? 40 : 15, size < 16 ? 100 : 30)
    expect(network.run(60_000)).toBe(false)
    const log = expectAgreement(network, seatsOf(size))
    for (const node of network.nodes) expect(node.log.length).toBe(log.length)
    expect(orderedTexts(log).sort()).toEqual(sent.sort())
    expect(new Set(log.flatMap((entry) => entry.units.map((unit) => unit.hash))).size).toBe(
      log.reduce((sum, entry) => sum + entry.units.length, 0),
    )
    for (const node of network.nodes) expect(node.core!.status.violations.every((count) => count === 0)).toBe(true)
  })
})

const FAULTY: readonly (readonly [number, Weather])[] = [
  [4, FAIR],
  [4, STORM],
  [7, STORM],
  [10, STORM],
  [16, STORM],
]

describe.each(FAULTY)('%i members, %o', (size, weather) => {
  const faulty = Array.from({ length: faultyMax(size) }, (_, at) => at * 2 + 1)
  const honest = seatsOf(size, faulty)

  test('A1, A2: loss, repetition, reordering', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const network = new Network(size, seed, weather)
      network.startAll()
      const sent = load(network, seatsOf(size), 40, 500)
      expect(network.run(120_000)).toBe(false)
      expect(orderedTexts(expectAgreement(network, seatsOf(size))).sort()).toEqual([...sent].sort())
      for (const node of network.nodes) expect(orderedTexts(node.log).length).toBe(sent.length)
    }
  })

  test('K6: nobody asks for a coin', () => {
    const network = new Network(size, 6, weather)
    network.coin = 'asked'
    network.startAll()
    const sent = load(network, seatsOf(size), 40, 500)
    expect(network.run(120_000)).toBe(false)
    expect(orderedTexts(expectAgreement(network, seatsOf(size))).sort()).toEqual([...sent].sort())
  })

  test('A2: f members are silent', () => {
    const network = new Network(size, 5, weather)
    network.startAll(faulty)
    const sent = load(network, honest, 40, 500)
    network.run(60_000)
    expectAgreement(network, honest)
    for (const seat of honest) expect(orderedTexts(network.node(seat).log).sort()).toEqual([...sent].sort())
  })

  test('A6: f members fork in every round; each is convicted, order and liveness stand', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const network = new Network(size, seed, weather)
      for (const seat of faulty) network.node(seat).isForker = true
      network.startAll()
      const sent = load(network, honest, 40, 500)
      network.run(60_000)
      expectAgreement(network, honest)
      const convicted = new Set(honest.flatMap((seat) => [...network.node(seat).forks.keys()]))
      for (const seat of honest) {
        const node = network.node(seat)
        expect(orderedTexts(node.log).sort()).toEqual([...sent].sort())
        for (const [forker, [first, second]] of node.forks) {
          expect(faulty).toContain(forker)
          expect([first.creator, second.creator]).toEqual([forker, forker])
          expect(first.round).toBe(second.round)
          expect(first.hash).not.toBe(second.hash)
        }
      }
      expect([...convicted].sort((a, b) => a - b)).toEqual(faulty)
    }
  })

  test('A3, A4: members crash and restart from their disks, all at once too; no second unit in a round', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const network = new Network(size, seed, weather)
      network.startAll()
      load(network, seatsOf(size), 60, 900)
      const seen = new Map<string, string>()
      for (let at = 0; at < 12; at += 1) {
        const seat = network.random.below(size)
        network.at(60 + at * 60, () => network.crash(seat))
        network.at(100 + at * 60, () => {
          if (network.node(seat).core === undefined) network.restart(seat, at % 2 === 0 ? 'start' : 'log')
        })
      }
      network.at(1_000, () => seatsOf(size).forEach((seat) => network.crash(seat)))
      network.at(1_010, () => seatsOf(size).forEach((seat) => network.restart(seat, 'log')))
      network.run(1_100)
      network.submit(0, 'last words')
      network.run(120_000)
      const log = expectAgreement(network, seatsOf(size))
      expect(orderedTexts(log)).toContain('last words')
      for (const node of network.nodes) {
        expect(orderedTexts(node.log)).toContain('last words')
        expect(node.forks.size).toBe(0)
        for (const unit of node.disk.values()) {
          const place = `${unit.creator}/${unit.round}`
          expect(seen.get(place) ?? unit.hash).toBe(unit.hash)
          seen.set(place, unit.hash)
        }
      }
    }
  })
})

describe.each([4, 7])('%i members, a head in every slot', (size) => {
  test('A1 to A4 hold as with one head', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const network = new Network(size, seed, STORM)
      network.heads = 'every'
      network.node(1).isForker = seed === 3
      network.startAll()
      const sent = load(network, seatsOf(size, [1]), 40, 500)
      network.at(200, () => network.crash(2))
      network.at(300, () => network.restart(2, seed === 2 ? 'start' : 'log'))
      network.run(60_000)
      const honest = seatsOf(size, seed === 3 ? [1] : [])
      const ordered = orderedTexts(expectAgreement(network, honest))
      // What the crashed member had queued is lost with it; nothing else is.
      expect(ordered.length).toBeGreaterThan(sent.length / 2)
      expect(new Set(ordered).size).toBe(ordered.length)
      for (const seat of honest) expect(orderedTexts(network.node(seat).log)).toEqual(ordered)
    }
  })
})

test('A7: a member that joins late continues from the base of another', () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const limits = { ...ALEPH_LIMITS, windowRounds: 16 }
    const network = new Network(4, seed, FAIR, limits)
    network.startAll([3])
    load(network, [0, 1, 2], 200, 1_000)
    network.run(800)
    const donor = network.node(0)
    const count = donor.log.length
    const late = network.node(3)
    late.log = donor.log.slice(0, count)
    network.start(3, network.baseOf(donor, count))
    network.submit(3, 'from the late one')
    network.run(60_000)
    const log = expectAgreement(network, [0, 1, 2, 3])
    expect(late.log.length).toBe(log.length)
    expect(orderedTexts(late.log)).toContain('from the late one')
  }
})

test('A8: what is kept is bounded by the window, however long the view', () => {
  const limits = { ...ALEPH_LIMITS, windowRounds: 8 }
  const network = new Network(4, 1, FAIR, limits)
  network.startAll()
  load(network, [0, 1, 2, 3], 2_000, 4_000)
  for (let at = 0; at < 40; at += 1) {
    network.run(at * 100)
    for (const node of network.nodes) expect(node.core!.status.unitsKept).toBeLessThanOrEqual(4 * (8 + 16))
  }
  network.run(60_000)
  const log = expectAgreement(network, [0, 1, 2, 3])
  expect(orderedTexts(log).length).toBe(2_000)
  expect(log.length).toBeGreaterThan(100)
})

test('A5: one transaction after a long pause is ordered within a few delays, by a quorum too', () => {
  for (const silent of [[], [2]]) {
    const network = new Network(4, 1, { ...FAIR, delayMinMs: 10, delayMaxMs: 10, diskMaxMs: 0 })
    network.startAll(silent)
    network.submit(0, 'first')
    network.run(100_000)
    const before = network.nodes.reduce((sum, node) => sum + node.sends, 0)
    network.run(400_000)
    // Only the silent member is still knocked at.
    const knocks = network.nodes.reduce((sum, node) => sum + node.sends, 0) - before
    if (silent.length === 0) expect(knocks).toBe(0)
    const start = network.nowMs
    network.submit(1, 'second')
    while (!orderedTexts(network.node(3).log).includes('second')) network.run(network.nowMs + 1)
    expect(network.nowMs - start).toBeLessThanOrEqual(60)
  }
})

test('A9: on hold, a member makes no units but follows; released, it speaks', () => {
  const network = new Network(4, 3)
  network.startAll()
  network.feed(network.node(1), { kind: 'hold', on: true })
  network.submit(1, 'held back')
  load(network, [0, 2, 3], 20, 100)
  network.run(5_000)
  expect(network.node(1).own).toBe(undefined)
  expect(orderedTexts(network.node(1).log).length).toBe(20)
  network.feed(network.node(1), { kind: 'hold', on: false })
  network.run(10_000)
  expect(orderedTexts(network.node(0).log)).toContain('held back')
})
