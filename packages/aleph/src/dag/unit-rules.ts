// What makes a unit legal.
//
// Two kinds of rules, because no two replicas know the same at the same time. A rule that looks at the unit alone
// gives everybody the same answer: who breaks it is refused for ever. A rule that looks at what the unit stands on
// may give different answers, since each replica forgets at its own pace. Refusing by such a rule would split the
// DAG: one replica builds on a unit that another doesn't take. So who breaks one of those is shunned: not taken for
// itself, but taken when a unit of somebody else needs it as a parent. Safety never rests on the second kind.

import type { Committee, Digest, Seat, UnsignedUnit } from '@quorate/types'
import { UNIT_PAYLOAD_BYTES_MAX } from '@quorate/types'
import type { AlephLimits } from '../limits.ts'
import { parentDepthMax } from '../limits.ts'

/** Breaking one of these is visible in the unit itself. */
export type RefusalCode =
  | 'WRONG_VIEW'
  | 'NO_SUCH_SEAT'
  | 'WRONG_PARENT_COUNT'
  | 'ROUND_LIMIT'
  | 'PARENTS_AT_START'
  | 'PARENT_NOT_BELOW'
  | 'PARENT_TOO_DEEP'
  | 'NO_QUORUM'
  | 'PAYLOAD_LIMIT'

/** Breaking one of these shows only against other units. */
export type ShunCode = 'KNOWN_FORKER' | 'WRONG_PARENT' | 'OWN_UNIT_SKIPPED' | 'INCONSISTENT' | 'CLOCK_BACKWARDS'

/** The first rule that the unit breaks by itself, or undefined. */
export function refuse(unit: UnsignedUnit, committee: Committee, limits: AlephLimits): RefusalCode | undefined {
  if (unit.view !== committee.view) return 'WRONG_VIEW'
  if (!committee.has(unit.creator)) return 'NO_SUCH_SEAT'
  if (unit.parents.length !== committee.size) return 'WRONG_PARENT_COUNT'
  if (unit.round > limits.roundsMax) return 'ROUND_LIMIT'
  if (unit.payload.length > UNIT_PAYLOAD_BYTES_MAX) return 'PAYLOAD_LIMIT'
  const lowest = unit.round - parentDepthMax(limits)
  let direct = 0
  for (const parent of unit.parents) {
    if (parent === undefined) continue
    if (unit.round === 0) return 'PARENTS_AT_START'
    if (parent.round >= unit.round) return 'PARENT_NOT_BELOW'
    if (parent.round < lowest) return 'PARENT_TOO_DEEP'
    if (parent.round === unit.round - 1) direct += 1
  }
  return unit.round > 0 && direct < committee.quorum ? 'NO_QUORUM' : undefined
}

/** A unit as other units' rules see it. `unit` is undefined where only its name is known. */
export interface KnownUnit {
  readonly creator: Seat
  readonly round: number
  readonly unit: UnsignedUnit | undefined
}

/** What the shunning rules ask of the DAG. */
export interface Surroundings {
  find(hash: Digest): KnownUnit | undefined
  /** Highest known round of the seat's units below `round`; -1 where there is none. */
  highestBelow(seat: Seat, round: number): number
}

/**
 * The first rule that the unit breaks against what it stands on, or undefined. All its parents are known or
 * forgotten.
 */
export function shun(unit: UnsignedUnit, known: Surroundings, limits: AlephLimits): ShunCode | undefined {
  const lowest = unit.round - parentDepthMax(limits)
  const direct: UnsignedUnit[] = []
  for (const [seat, parent] of unit.parents.entries()) {
    if (parent === undefined) continue
    const found = known.find(parent.hash)
    if (found === undefined) continue
    if (found.creator !== seat || found.round !== parent.round) return 'WRONG_PARENT'
    if (found.unit === undefined) continue
    if (found.round === unit.round - 1) direct.push(found.unit)
    if (seat === unit.creator && unit.timestampMs < found.unit.timestampMs) return 'CLOCK_BACKWARDS'
  }
  const own = unit.parents[unit.creator]?.round ?? -1
  const latest = known.highestBelow(unit.creator, unit.round)
  if (latest > own && latest >= lowest) return 'OWN_UNIT_SKIPPED'
  // What a direct parent stands on lies two rounds down or more: only seats known no further than that can contradict.
  const behind = [...unit.parents.keys()].filter((seat) => (unit.parents[seat]?.round ?? -1) < unit.round - 2)
  for (const seat of behind) {
    const highest = unit.parents[seat]?.round ?? -1
    for (const other of direct) {
      const older = other.parents[seat]
      if (older === undefined || older.round < lowest || highest >= older.round) continue
      // A parent's own lie doesn't bind those who build upon it.
      const found = known.find(older.hash)
      if (found?.creator === seat && found.round === older.round) return 'INCONSISTENT'
    }
  }
  return undefined
}
