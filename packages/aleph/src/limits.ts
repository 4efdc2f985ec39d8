import { UNIT_BYTES_MAX } from '@quorate/types'
import { WINDOW_ROUNDS } from './order/rules.ts'

const MIB = 1024 * 1024

/**
 * Bounds of one view's core. `windowRounds` and `roundsMax` are rules: equal on every replica. The others are each
 * replica's own.
 */
export interface AlephLimits {
  /**
   * Rounds below a head that are kept and may still be ordered. A unit names no parent more than half of it below
   * itself.
   */
  readonly windowRounds: number
  /** Highest round of a view. */
  readonly roundsMax: number
  /** A unit further above the DAG than this is not taken: anti-entropy brings it when its time comes. */
  readonly aheadRoundsMax: number
  /** Payload bytes that an own unit takes at most. */
  readonly unitPayloadBytesMax: number
  /** Items that wait for an own unit. */
  readonly queueItemsMax: number
  readonly queueBytesMax: number
  /** Units of one creator that wait for parents. */
  readonly heldUnitsPerSeatMax: number
  readonly heldBytesPerSeatMax: number
  /** Missing parents that units of one creator may make us ask for. */
  readonly wantsPerSeatMax: number
  /** Hashes in one request. */
  readonly requestHashesMax: number
  /** Bytes and units in one answer; at least one unit is sent. */
  readonly answerBytesMax: number
  readonly answerUnitsMax: number
  /** Bytes of units kept for others to ask for. Ordered ones go first; what isn't ordered always stays. */
  readonly retainedBytesMax: number
  /** Coins of kept rounds that are told because one seat alone wants them: each costs every member a proof. */
  readonly coinsPerSeatMax: number
  /** After so long without an own unit, and at the beginning, the next is empty: see `Aleph.#isFresh`. Infinity: never. */
  readonly freshMs: number
}

/** The bounds a replica runs with. */
export const ALEPH_LIMITS: AlephLimits = {
  windowRounds: WINDOW_ROUNDS,
  roundsMax: 0xffff_ffff,
  aheadRoundsMax: 128,
  unitPayloadBytesMax: MIB,
  queueItemsMax: 65_536,
  queueBytesMax: 32 * MIB,
  heldUnitsPerSeatMax: 256,
  heldBytesPerSeatMax: 2 * UNIT_BYTES_MAX,
  wantsPerSeatMax: 1024,
  requestHashesMax: 256,
  answerBytesMax: 2 * MIB,
  answerUnitsMax: 512,
  retainedBytesMax: 16 * MIB,
  coinsPerSeatMax: 16,
  freshMs: Infinity,
}

/**
 * How far below its own round a unit may name a parent: a rule, so that nobody has to ask for what all have
 * forgotten.
 */
export function parentDepthMax(limits: AlephLimits): number {
  return Math.max(1, Math.floor(limits.windowRounds / 2))
}
