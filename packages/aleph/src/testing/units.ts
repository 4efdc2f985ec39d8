// Hand-made units, legal or not, for tests of single rules.

import type { AdmittedUnit, Digest, Parent } from '@quorate/types'
import { encodePayload, millis, round as toRound, seat as toSeat, sealUnit } from '@quorate/types'
import { item, VIEW } from './network.ts'

export interface UnitSketch {
  readonly creator: number
  readonly round: number
  /** Parents by seat. */
  readonly on?: readonly (AdmittedUnit | Parent | undefined)[]
  readonly seats?: number
  readonly text?: string
  readonly timestampMs?: number
}

/** Seals a unit; its signature is 64 zero bytes. */
export function unitOf({ creator, round, on = [], seats = 4, text, timestampMs = 1_000 }: UnitSketch): AdmittedUnit {
  const parents = Array.from({ length: seats }, (_, seat): Parent | undefined => {
    const parent = on[seat]
    return parent === undefined ? undefined : { round: parent.round, hash: parent.hash }
  })
  const payload = text === undefined ? new Uint8Array(0) : encodePayload([item(text)])
  const plain = { view: VIEW, creator: toSeat(creator), round: toRound(round), parents, payload }
  return sealUnit({ ...plain, timestampMs: millis(timestampMs) }, new Uint8Array(64))
}

/** All units of full rounds from 0: `rounds[r][seat]`. */
export function fullRounds(count: number, seats = 4): AdmittedUnit[][] {
  const rounds: AdmittedUnit[][] = []
  for (let round = 0; round < count; round += 1) {
    const on = rounds[round - 1] ?? []
    rounds.push(Array.from({ length: seats }, (_, creator) => unitOf({ creator, round, on, seats })))
  }
  return rounds
}

/** A parent nobody has. */
export function inventedParent(round: number, number: number): Parent {
  return { round: toRound(round), hash: number.toString(16).padStart(64, 'f') as Digest }
}
