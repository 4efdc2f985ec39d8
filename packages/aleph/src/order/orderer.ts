// From a DAG to one order of its units.
//
// Problem: every replica sees the same DAG, but never the same part of it at the same time. The obvious way, ordering
// what one has, gives each replica its own order. Instead each round elects a head by virtual voting (ballot.ts), and
// a head orders its past: what stands below it and isn't ordered yet. A unit's past is the same for everyone, so
// equal heads give equal batches.
//
// Candidates of a round are asked in a fixed order. A candidate nobody has shown us could still be one that others
// elect, so a round is not touched before the DAG reaches three rounds further: a unit of round R + 3 that doesn't
// stand on a candidate of R has a quorum of zeros below, and with a common vote of 0 there, everybody will decide
// that candidate 0.
//
// Forgetting is part of the order: a head of round R takes only units of rounds >= R - windowRounds. Older ones are
// never ordered, by anyone, so they need not be kept.
//
// Limits: with a fixed common vote for ever, a scheduler that knows everything could keep a slot undecided; the coin
// ends that.

import { assert } from '@quorate/kernel'
import { Ballot } from './ballot.ts'
import type { RoundDag, UnitIndex } from './round-dag.ts'
import type { OrderRules } from './rules.ts'

/** How far above a round the DAG must reach before its candidates are asked. */
export const LOOKAHEAD_ROUNDS = 3

/** A decided head and the units it orders. */
export interface Commit {
  readonly round: number
  /** Position in the round's order of candidates. */
  readonly slot: number
  readonly head: UnitIndex
  /** In their final order; the head is one of them. */
  readonly units: readonly UnitIndex[]
  /** Units that fell below the floor by this commit. */
  readonly forgotten: readonly ForgottenUnit[]
}

/** A unit that is no longer kept. */
export interface ForgottenUnit {
  readonly unit: UnitIndex
  readonly ordered: boolean
}

/** The last head of an order that is continued elsewhere. */
export interface OrderPosition {
  readonly round: number
  readonly slot: number
}

/**
 * Orders the units of a DAG, a batch per head. Pure: the same insertions in any topological order give the same
 * commits.
 */
export class Orderer {
  readonly #dag: RoundDag
  readonly #rules: OrderRules
  readonly #ballots = new Map<UnitIndex, Ballot>()
  #round = 0
  #slot = 0
  #previous: UnitIndex | undefined

  /** @param after - Continues behind this head instead of at the beginning. */
  constructor(dag: RoundDag, rules: OrderRules, after?: OrderPosition) {
    this.#dag = dag
    this.#rules = rules
    if (after === undefined) return
    this.#round = rules.heads === 'one' ? after.round + 1 : after.round
    this.#slot = rules.heads === 'one' ? 0 : after.slot + 1
    dag.prune(after.round - rules.windowRounds)
  }

  /** The round whose heads come next. */
  get round(): number {
    return this.#round
  }

  /** Everything that is decided since the last call. */
  advance(): Commit[] {
    const commits: Commit[] = []
    while (this.#dag.maxRound >= this.#round + LOOKAHEAD_ROUNDS && this.#advanceRound(commits)) {
      this.#round += 1
      this.#slot = 0
      this.#ballots.clear()
    }
    return commits
  }

  /** Decides slots of the present round; true when it is finished. */
  #advanceRound(commits: Commit[]): boolean {
    const { slots, complete } = this.#rules.candidates(this.#dag, this.#round, this.#previous)
    for (; this.#slot < slots.length; this.#slot += 1) {
      const head = this.#headOf(slots[this.#slot] ?? [])
      if (head === 'undecided') return false
      if (head === undefined) continue
      commits.push(this.#commit(head))
      if (this.#rules.heads === 'one') return true
    }
    // With one head a round, some candidate is decided 1 in the end (Aleph's counting lemma); until then there is
    // nothing to do.
    return complete && this.#rules.heads === 'every'
  }

  #headOf(units: readonly UnitIndex[]): UnitIndex | 'undecided' | undefined {
    for (const unit of units) {
      let ballot = this.#ballots.get(unit)
      if (ballot === undefined) {
        ballot = new Ballot(this.#dag, this.#rules, unit)
        this.#ballots.set(unit, ballot)
      }
      const decision = ballot.decide()
      if (decision === undefined) return 'undecided'
      if (decision.value === 1) return unit
    }
    return undefined
  }

  #commit(head: UnitIndex): Commit {
    const dag = this.#dag
    const floor = Math.max(0, this.#round - this.#rules.windowRounds)
    const batch: UnitIndex[] = []
    const stack: UnitIndex[] = [head]
    // With `every`, a head may already have been ordered by an earlier one only if that one stands above it: never in
    // one round.
    assert(!dag.isOrdered(head), 'a head is ordered by itself')
    dag.markOrdered(head)
    for (let unit = stack.pop(); unit !== undefined; unit = stack.pop()) {
      batch.push(unit)
      for (const parent of dag.parentsOf(unit)) {
        // An ordered unit's whole past down to the floor is ordered too: the floor only rises.
        if (!dag.has(parent) || dag.roundOf(parent) < floor || dag.isOrdered(parent)) continue
        dag.markOrdered(parent)
        stack.push(parent)
      }
    }
    this.#previous = head
    const units = this.#rules.sortBatch(dag, batch)
    const forgotten = this.#forget(floor)
    return { round: this.#round, slot: this.#slot, head, units, forgotten }
  }

  #forget(floor: number): ForgottenUnit[] {
    const dag = this.#dag
    const ordered = new Set<UnitIndex>()
    for (let round = dag.floor; round < floor; round += 1) {
      for (const unit of dag.byRound(round)) if (dag.isOrdered(unit)) ordered.add(unit)
    }
    return dag.prune(floor).map((unit) => ({ unit, ordered: ordered.has(unit) }))
  }
}
