// What one orderer may do differently from another. Everything a replica's order depends on is in this object, so two
// replicas with equal rules and equal DAGs have equal orders; never mix rules within a view.

import { compareText } from '@quorate/kernel'
import type { RoundDag, UnitIndex } from './round-dag.ts'

/** Whom a round considers as heads, in order. */
export interface Candidates {
  /** One group per slot; at most one unit of a group becomes a head. Units of a group are asked in order. */
  readonly slots: readonly (readonly UnitIndex[])[]
  /** False while the end of the list isn't known yet: the orderer waits there. */
  readonly complete: boolean
}

/** The question a common vote answers. */
export interface CommonVoteInput {
  /** Round of the voters minus round of the candidate; at least 2. */
  readonly difference: number
  /** Round of the voters. */
  readonly round: number
  /** Seat of the candidate. */
  readonly creator: number
}

/** 1 = a head, 0 = not a head. */
export type Bit = 0 | 1

/** The parameters of the orderer. */
export interface OrderRules {
  /**
   * The vote of a unit that saw no unanimity, and the only value its round may decide. Public, the same for everyone.
   * Must be 0 at difference 3 (see SPEC.md, O3). Undefined where the coin of that round isn't known yet.
   */
  readonly commonVote: (input: CommonVoteInput) => Bit | undefined
  /** Lowest difference at which a unit may decide: 2 or 3. */
  readonly decisionStart: number
  /** Highest round whose units may decide on a candidate when the DAG has units up to `maxRound`. */
  readonly decisionEnd: (candidateRound: number, maxRound: number) => number
  /**
   * `one`: the first candidate that is decided 1 ends the round. `every`: each slot is decided, and may have its
   * head.
   */
  readonly heads: 'one' | 'every'
  readonly candidates: (dag: RoundDag, round: number, previous: UnitIndex | undefined) => Candidates
  /** The order inside a batch; must put parents before children. */
  readonly sortBatch: (dag: RoundDag, batch: readonly UnitIndex[]) => readonly UnitIndex[]
  /** A head of round R orders nothing below R - windowRounds. */
  readonly windowRounds: number
}

/** A common coin: one bit per round. Undefined where it isn't known yet; whoever asks then comes back. */
export type Coin = (round: number) => Bit | undefined

/** Differences with a fixed common vote; the coin decides beyond. */
export const DETERMINISTIC_PREFIX = 10

/** Rounds below a head that it may still order, and that are kept. */
export const WINDOW_ROUNDS = 256

/**
 * 1, 0, 1, 0, ... from difference 2 on, then the coin. Returning to 0 again and again is what keeps a slot from
 * hanging.
 */
export function alternatingVote(prefix: number, coin: Coin): OrderRules['commonVote'] {
  return ({ difference, round }) => (difference <= prefix ? (difference % 2 === 0 ? 1 : 0) : coin(round))
}

/**
 * Seats in turn, starting one further each round; forks of one seat by hash. Nothing here can be ground by a creator.
 */
export function rotatedCandidates(dag: RoundDag, round: number): Candidates {
  const slots: (readonly UnitIndex[])[] = []
  for (let slot = 0; slot < dag.size; slot += 1) {
    const units = dag.at(round, (round + slot) % dag.size)
    slots.push(units.length < 2 ? units : [...units].sort((a, b) => compareText(dag.hashOf(a), dag.hashOf(b))))
  }
  return { slots, complete: true }
}

/**
 * By (round, creator, hash). Parents have lower rounds, so this is topological, and there is no tie a creator could
 * grind for.
 */
export function sortByRound(dag: RoundDag, batch: readonly UnitIndex[]): readonly UnitIndex[] {
  return [...batch].sort((a, b) => {
    const byPlace = dag.roundOf(a) - dag.roundOf(b) || dag.creatorOf(a) - dag.creatorOf(b)
    return byPlace === 0 ? compareText(dag.hashOf(a), dag.hashOf(b)) : byPlace
  })
}

/** The rules of Quorate. */
export function quorateRules(
  coin: Coin,
  options: { readonly heads?: 'one' | 'every'; readonly windowRounds?: number } = {},
): OrderRules {
  return {
    commonVote: alternatingVote(DETERMINISTIC_PREFIX, coin),
    decisionStart: 2,
    decisionEnd: (_candidateRound, maxRound) => maxRound,
    heads: options.heads ?? 'one',
    candidates: rotatedCandidates,
    sortBatch: sortByRound,
    windowRounds: options.windowRounds ?? WINDOW_ROUNDS,
  }
}
