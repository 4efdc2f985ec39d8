// Virtual voting on one candidate (Aleph, arXiv 1908.05156, OrderData; section 1.6 of consensus-go's reading of it).
//
// No vote is ever sent: what a unit would vote follows from what it stands on. In the round after the candidate a
// unit votes 1 if it stands on the candidate, otherwise 0. Later a unit looks at its voters: if all agree it votes
// that, else it is undecided, and whoever counts it takes the round's common vote instead. A unit whose voters hold a
// quorum for exactly the common vote of its round decides; any two quorums share an honest seat, so from then on
// every unit sees at least one such vote, and with the common vote filled in, all agree for ever.
//
// The memo is two bitsets a round (ones, zeros); undecided is neither. The work per unit is a few word operations.

import { assert } from '@quorate/kernel'
import type { Bits } from './bits.ts'
import { addBit, emptyBits, hasBit } from './bits.ts'
import type { RoundDag, UnitIndex } from './round-dag.ts'
import type { Bit, OrderRules } from './rules.ts'

/** A decided candidate. */
export interface Decision {
  readonly value: Bit
  /** Round of the units that decided it. */
  readonly round: number
}

interface Tally {
  /** How many units of the round are counted. */
  counted: number
  ones: Bits
  zeros: Bits
}

/** The votes on one candidate. Dropped with its slot. */
export class Ballot {
  readonly #dag: RoundDag
  readonly #rules: OrderRules
  readonly #candidate: UnitIndex
  readonly #round: number
  readonly #creator: number
  readonly #tallies: Tally[] = []
  #decision: Decision | undefined

  constructor(dag: RoundDag, rules: OrderRules, candidate: UnitIndex) {
    this.#dag = dag
    this.#rules = rules
    this.#candidate = candidate
    this.#round = dag.roundOf(candidate)
    this.#creator = dag.creatorOf(candidate)
  }

  /** The decision as far as the DAG shows one. Final once there is one. */
  decide(): Decision | undefined {
    const end = Math.min(this.#dag.maxRound, this.#rules.decisionEnd(this.#round, this.#dag.maxRound))
    for (let round = this.#round + 1; round <= end && this.#decision === undefined; round += 1) {
      if (!this.tally(round)) break
    }
    return this.#decision
  }

  /**
   * Counts the units of a round that are new since the last time. False while a common vote that they need isn't known.
   */
  tally(round: number): boolean {
    const difference = round - this.#round
    let tally = this.#tallies[difference - 1]
    if (tally === undefined) {
      assert(this.#tallies.length === difference - 1, 'a round is counted after the one below')
      tally = { counted: 0, ones: emptyBits(this.#dag.size), zeros: emptyBits(this.#dag.size) }
      this.#tallies.push(tally)
    }
    const units = this.#dag.byRound(round)
    for (; tally.counted < units.length; tally.counted += 1) {
      const unit = units[tally.counted]
      if (unit === undefined || !this.#count(unit, round, tally)) return false
    }
    return true
  }

  /** The vote of a counted unit; undefined where it is undecided. */
  voteOf(unit: UnitIndex): Bit | undefined {
    const tally = this.#tallies[this.#dag.roundOf(unit) - this.#round - 1]
    const position = this.#dag.positionOf(unit)
    assert(tally !== undefined, 'the unit is counted')
    return hasBit(tally.ones, position) ? 1 : hasBit(tally.zeros, position) ? 0 : undefined
  }

  #count(unit: UnitIndex, round: number, tally: Tally): boolean {
    const dag = this.#dag
    const position = dag.positionOf(unit)
    const voters = dag.votersOf(unit)
    const difference = round - this.#round
    if (difference === 1) {
      if (hasBit(voters, dag.positionOf(this.#candidate))) tally.ones = addBit(tally.ones, position)
      else tally.zeros = addBit(tally.zeros, position)
      return true
    }
    const below = this.#tallies[difference - 2]
    assert(below !== undefined, 'the round below is counted')
    // In the first voting round nobody is undecided, so filling in 0 there changes nothing.
    const fill = difference === 2 ? 0 : this.#commonVote(round - 1)
    if (fill === undefined) return false
    // Filled with 1, a one is whatever isn't a zero; filled with 0, whatever is a one.
    const set = fill === 1 ? below.zeros : below.ones
    const ones = dag.countSeats(round - 1, voters, set, fill === 0)
    const zeros = dag.countSeats(round - 1, voters, set, fill === 1)
    const isDeciding = this.#decision === undefined && difference >= this.#rules.decisionStart
    if (isDeciding && (ones >= dag.quorum || zeros >= dag.quorum)) {
      const common = this.#commonVote(round)
      // Counted later, or its decision would be lost.
      if (common === undefined) return false
      if ((common === 1 ? ones : zeros) >= dag.quorum) this.#decision = { value: common, round }
    }
    if (zeros === 0) tally.ones = addBit(tally.ones, position)
    else if (ones === 0) tally.zeros = addBit(tally.zeros, position)
    return true
  }

  #commonVote(round: number): Bit | undefined {
    return this.#rules.commonVote({ difference: round - this.#round, round, creator: this.#creator })
  }
}
