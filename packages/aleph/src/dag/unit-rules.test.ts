// Goal: U1, every rule of a legal unit, each with the unit that breaks it alone.

import type { AdmittedUnit, Digest, Seat, UnsignedUnit, ViewId } from '@quorate/types'
import { seat } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { ALEPH_LIMITS } from '../limits.ts'
import { committeeOf } from '../testing/network.ts'
import { fullRounds, inventedParent, unitOf } from '../testing/units.ts'
import type { RefusalCode, ShunCode } from './unit-rules.ts'
import { refuse, shun } from './unit-rules.ts'

const committee = committeeOf(4)
const limits = { ...ALEPH_LIMITS, windowRounds: 8, roundsMax: 20 }
const rounds = fullRounds(3)
const legal = unitOf({ creator: 0, round: 3, on: rounds[2]! })

describe('refuse', () => {
  const cases: readonly (readonly [RefusalCode | undefined, UnsignedUnit])[] = [
    [undefined, legal],
    [undefined, unitOf({ creator: 0, round: 0 })],
    [undefined, unitOf({ creator: 0, round: 3, on: rounds[2]!.slice(0, 3) })],
    ['WRONG_VIEW', { ...legal, view: 'ab'.repeat(32) as ViewId }],
    ['NO_SUCH_SEAT', { ...legal, creator: seat(4) }],
    ['WRONG_PARENT_COUNT', { ...legal, parents: legal.parents.slice(1) }],
    ['ROUND_LIMIT', unitOf({ creator: 0, round: 21, on: [20, 20, 20].map(inventedParent) })],
    [undefined, unitOf({ creator: 0, round: 20, on: [19, 19, 19].map(inventedParent) })],
    ['PARENTS_AT_START', unitOf({ creator: 0, round: 0, on: [inventedParent(0, 1)] })],
    ['PARENT_NOT_BELOW', unitOf({ creator: 0, round: 2, on: rounds[2]! })],
    ['PARENT_TOO_DEEP', unitOf({ creator: 0, round: 6, on: [5, 5, 5, 1].map(inventedParent) })],
    [undefined, unitOf({ creator: 0, round: 6, on: [5, 5, 5, 2].map(inventedParent) })],
    ['NO_QUORUM', unitOf({ creator: 0, round: 3, on: [rounds[2]![0], rounds[2]![1], rounds[1]![2], rounds[1]![3]] })],
    ['PAYLOAD_LIMIT', { ...legal, payload: new Uint8Array(8 * 1024 * 1024 + 1) }],
  ]
  test.each(cases)('%s', (code, unit) => {
    expect(refuse(unit, committee, limits)).toBe(code)
  })
})

describe('shun', () => {
  const known = (units: readonly AdmittedUnit[]) => ({
    find: (hash: Digest) => {
      const unit = units.find((each) => each.hash === hash)
      return unit === undefined ? undefined : { creator: unit.creator, round: unit.round, unit }
    },
    highestBelow: (creator: Seat, round: number) =>
      units
        .filter((unit) => unit.creator === creator && unit.round < round)
        .reduce((max, unit) => Math.max(max, unit.round), -1),
  })
  const all = rounds.flat()
  const [a, b, c, d] = rounds[2]! as [AdmittedUnit, AdmittedUnit, AdmittedUnit, AdmittedUnit]
  const cases: readonly (readonly [ShunCode | undefined, string, AdmittedUnit])[] = [
    [undefined, 'full', legal],
    [undefined, 'a quorum', unitOf({ creator: 0, round: 3, on: [a, b, c, rounds[1]![3]] })],
    ['WRONG_PARENT', 'another seat', unitOf({ creator: 0, round: 3, on: [a, b, d, c] })],
    [
      'WRONG_PARENT',
      'another round',
      unitOf({ creator: 0, round: 3, on: [a, b, c, { ...d, round: rounds[1]![3]!.round }] }),
    ],
    ['OWN_UNIT_SKIPPED', 'none named', unitOf({ creator: 0, round: 3, on: [undefined, b, c, d] })],
    ['OWN_UNIT_SKIPPED', 'an older one named', unitOf({ creator: 0, round: 3, on: [rounds[1]![0], b, c, d] })],
    ['INCONSISTENT', 'its parents know more', unitOf({ creator: 0, round: 3, on: [a, b, c, rounds[0]![3]] })],
    ['CLOCK_BACKWARDS', 'before its predecessor', unitOf({ creator: 0, round: 3, on: rounds[2]!, timestampMs: 999 })],
  ]
  test.each(cases)('%s: %s', (code, _what, unit) => {
    expect(refuse(unit, committee, limits)).toBe(undefined)
    expect(shun(unit, known(all), limits)).toBe(code)
  })

  test("a parent's lie does not bind who builds upon it", () => {
    const lie = { hash: rounds[0]![2]!.hash, round: rounds[1]![2]!.round }
    const liar = unitOf({ creator: 3, round: 2, on: [rounds[1]![0], rounds[1]![1], lie, rounds[1]![3]] })
    const upon = unitOf({ creator: 0, round: 3, on: [a, b, rounds[1]![2], liar] })
    expect(shun(upon, known([...rounds[0]!, ...rounds[1]!, a, b, liar]), limits)).toBe(undefined)
  })
})
