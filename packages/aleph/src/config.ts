import type { Committee, Round, Seat } from '@quorate/types'
import type { Base } from './input.ts'
import type { AlephLimits } from './limits.ts'
import type { Coin, OrderRules } from './order/rules.ts'

/** What the ordering of a view is made from. */
export interface AlephConfig {
  readonly committee: Committee
  /** Own seat. */
  readonly seat: Seat
  /**
   * Decides where votes stay split beyond the fixed prefix; a rule, equal on every replica. A function that everybody can compute, or
   * `asked`: the order says which it needs (effect `coin`), and waits for it (input `coin`).
   */
  readonly coin: Coin | 'asked'
  /** Where to continue; undefined at the beginning of a view. */
  readonly base?: Base | undefined
  /** Heads a round may have; a rule, equal on every replica. One where it isn't given. */
  readonly heads?: OrderRules['heads']
  /**
   * Whether own units may exist that are not on this disk (it was lost, or is older than them). Then none is made before a quorum has
   * said which it knows. False where it isn't given.
   */
  readonly isUnsure?: boolean
  readonly limits?: AlephLimits
}

/** What an operator wants to see. */
export interface AlephStatus {
  /** Highest round of the DAG; -1 before the first unit. */
  readonly round: number
  /** Round of the latest own unit; -1 before the first. */
  readonly ownRound: number
  readonly nextHeadRound: Round
  readonly floor: Round
  readonly unitsKept: number
  readonly bytesKept: number
  readonly unitsHeld: number
  readonly unitsMissing: number
  readonly oneWayMs: number
  readonly forkers: readonly Seat[]
  /** Units that broke a rule, by creator. */
  readonly violations: readonly number[]
}
