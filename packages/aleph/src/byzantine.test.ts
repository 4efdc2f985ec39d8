// Goal: A6 and U2 against members that sign whatever they like: no input of a peer trips an assertion, honest members agree,
// their transactions are ordered.
// Method: f seats spray units made at random from what it has seen: true parents, invented ones, edges that lie about seat or
// round, forks, clocks that jump; to each member something else. They stand on each other, so that the honest need what they would shun.

import type { AdmittedUnit, Digest, Parent } from '@quorate/types'
import { encodePayload, millis, round as toRound, seat as toSeat, sealUnit } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { ALEPH_LIMITS } from './limits.ts'
import { FAIR, item, Network, VIEW } from './testing/network.ts'
import { inventedParent } from './testing/units.ts'

/** The last f seats, which share everything. */
class Liars {
  readonly #network: Network
  readonly #forks: boolean
  readonly #made: AdmittedUnit[] = []
  /** Units with an edge that lies. */
  readonly lying = new Set<Digest>()

  constructor(network: Network, forks: boolean) {
    this.#network = network
    this.#forks = forks
  }

  /** A unit modelled on the latest of an honest member, upon the liars' own ones, wrong in some way or in none. */
  make(creator: number): AdmittedUnit | undefined {
    const { random, committee } = this.#network
    const model = this.#network.node(random.below(committee.quorum)).own
    if (model === undefined) return undefined
    if (!this.#forks && this.#made.some((unit) => unit.creator === creator && unit.round >= model.round))
      return undefined
    let lied = false
    const parents = model.parents.map((parent, at): Parent | undefined => {
      const own = this.#made.filter((unit) => unit.creator === at && unit.round < model.round)
      const latest = own.reduce<AdmittedUnit | undefined>(
        (a, b) => (a !== undefined && a.round > b.round ? a : b),
        undefined,
      )
      const chosen = latest ?? parent
      if (chosen === undefined || model.round === 0) return undefined
      if (random.percent(1)) return inventedParent(model.round - 1, random.below(50))
      if (random.percent(1)) return undefined
      const stranger = model.parents[random.below(model.parents.length)]
      if (stranger !== undefined && random.percent(3)) {
        lied = true
        return { round: toRound(Math.max(0, model.round - 1 - random.below(2))), hash: stranger.hash }
      }
      return { round: chosen.round, hash: chosen.hash }
    })
    const sealed = sealUnit(
      {
        view: VIEW,
        creator: toSeat(creator),
        round: model.round,
        parents,
        timestampMs: random.percent(5) ? millis(random.below(2) * Number.MAX_SAFE_INTEGER) : model.timestampMs,
        payload: random.percent(50) ? encodePayload([item(`twin ${random.below(1_000)}`)]) : new Uint8Array(0),
      },
      new Uint8Array(64),
    )
    this.#made.push(sealed)
    if (lied) this.lying.add(sealed.hash)
    return sealed
  }

  answer(hashes: readonly Digest[]): AdmittedUnit[] {
    return this.#made.filter((unit) => hashes.includes(unit.hash))
  }
}

const CASES = [4, 7, 10].flatMap((size) => [true, false].map((forks) => ({ size, forks })))

describe.each(CASES)('$size members, forks: $forks', ({ size, forks }) => {
  const faulty = Math.floor((size - 1) / 3)
  const honest = Array.from({ length: size - faulty }, (_, at) => at)
  const liarSeats = Array.from({ length: faulty }, (_, at) => size - 1 - at)
  let taken = 0

  test.each([1, 2, 3])('seed %i', (seed) => {
    const windowRounds = seed % 2 === 0 ? 256 : 12
    const limits = { ...ALEPH_LIMITS, windowRounds, heldUnitsPerSeatMax: 20, wantsPerSeatMax: 40 }
    const network = new Network(size, seed, { ...FAIR, delayMaxMs: 10 }, limits)
    const liars = new Liars(network, forks)
    network.startAll(liarSeats)
    for (const liar of liarSeats) network.node(liar).answers = (hashes) => liars.answer(hashes)
    const { random } = network
    for (let at = 5; at < 900; at += 4) {
      network.at(at, () => {
        const from = liarSeats[random.below(faulty)]!
        const unit = liars.make(from)
        for (const to of honest) {
          const node = network.node(to)
          if (unit !== undefined && random.percent(50))
            network.feed(node, { kind: 'units', from: toSeat(from), units: [unit] })
          if (random.percent(99)) continue
          const lied = Array.from({ length: size }, () => toRound(random.below(2) * 0xffff_ffff))
          network.feed(node, { kind: 'frontier', from: toSeat(from), rounds: lied })
        }
      })
    }
    const sent = Array.from({ length: 40 }, (_, at) => `item ${at}`)
    for (const [at, text] of sent.entries()) network.at(10 + at * 20, () => network.submit(at % honest.length, text))
    network.run(20_000)
    const logs = honest.map((at) => network.node(at).log)
    const whole = logs.map((log) =>
      log.map((entry) => `${entry.head}: ${entry.units.map((unit) => unit.hash).join(' ')}`),
    )
    const shortest = Math.min(...whole.map((log) => log.length))
    for (const log of whole) expect(log.slice(0, shortest)).toEqual(whole[0]!.slice(0, shortest))
    for (const log of logs) {
      const ordered = log.flatMap((entry) => entry.texts).filter((text) => !text.startsWith('twin'))
      expect(ordered.sort()).toEqual([...sent].sort())
    }
    for (const at of honest) {
      const { status } = network.node(at).core!
      for (const other of honest)
        expect([status.violations[other], status.forkers.includes(toSeat(other))]).toEqual([0, false])
      if (!forks) expect(status.forkers).toEqual([])
      expect(status.unitsHeld).toBeLessThanOrEqual(size * 20)
      for (const hash of network.node(at).disk.keys()) if (liars.lying.has(hash)) taken += 1
    }
  })

  test('the honest were brought to take units with lying edges', () => {
    if (!forks) expect(taken).toBeGreaterThan(0)
  })
})
