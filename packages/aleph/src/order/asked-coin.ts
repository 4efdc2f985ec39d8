// A coin whose values come from outside: the order says which rounds it needs, and goes on when they are there.
//
// Problem: a coin protects only as long as nobody knows it before the votes it decides are fixed. So a member must not
// tell its share of a round's coin as soon as it could, but not later than others need it either. When is a round's
// vote fixed? Say a coin of round r becomes known. If by then an honest unit w of round r + 1 exists, then a quorum of
// round r that it stands on can't be changed any more. Either one of those units votes 0 or 1: then no unit of round r
// can vote the opposite, and with probability 1/2 the coin agrees, and all are of one mind for ever. Or all are
// undecided: then w votes the coin's value, no unit of round r + 1 can vote the opposite, and with probability 1/2 the
// next coin, still unknown, agrees. So whatever an adversary does with its knowledge, every two coins end the matter with
// probability 1/2 at least, and one more round decides on half of the coins.
//
// Hence the rule: a member tells its share of round r only when it has a durable unit above r. A value takes the shares
// of f + 1 members, so one of them is honest; and an honest unit above r stands, round by round, on honest units down
// to r + 1.
//
// A member tells not only what it needs itself: another may have seen less, and alone it gets no coin. But a coin costs
// proofs, so one seat gets only so many that way.
//
// Limits: one coin for all candidates of all rounds. They are not independent of each other, which costs nothing here:
// each has its own chance with each coin.

import type { Seat } from '@quorate/types'
import type { Bit, Coin } from './rules.ts'

/** What is known and wanted of a view's coins. */
export class AskedCoin {
  readonly #values = new Map<number, Bit>()
  /** Needed here or by a peer, and our share isn't told yet. */
  readonly #wanted = new Set<number>()
  readonly #told = new Set<number>()
  /** What each seat wanted that we did not. */
  readonly #favours = new Map<Seat, Set<number>>()
  readonly #favoursMax: number

  /** @param favoursMax - Coins of kept rounds that are told for one seat alone. */
  constructor(favoursMax: number) {
    this.#favoursMax = favoursMax
  }

  /** The value if it is known; otherwise the order needs it from now on. */
  readonly flip: Coin = (round) => {
    const value = this.#values.get(round)
    if (value === undefined) this.want(round)
    return value
  }

  /** The order needs the coin of this round. */
  want(round: number): void {
    if (!this.#told.has(round)) this.#wanted.add(round)
  }

  /** A peer does. False where it wanted too many already that nobody else does: it must find its way without. */
  wantFor(seat: Seat, round: number): boolean {
    if (this.#told.has(round) || this.#wanted.has(round)) return true
    const favours = this.#favours.get(seat) ?? new Set()
    if (favours.size >= this.#favoursMax) return false
    this.#favours.set(seat, favours.add(round))
    this.#wanted.add(round)
    return true
  }

  /** The coin of this round has come up. */
  learn(round: number, value: Bit): void {
    this.#values.set(round, value)
  }

  /** Rounds whose share may be told now, given the round of the latest durable own unit; each once. */
  due(ownRound: number): number[] {
    const due = [...this.#wanted].filter((round) => round < ownRound).sort((a, b) => a - b)
    for (const round of due) {
      this.#wanted.delete(round)
      this.#told.add(round)
    }
    return due
  }

  /** Rounds below the floor are decided for ever. */
  forget(floor: number): void {
    for (const rounds of [this.#values, this.#wanted, this.#told, ...this.#favours.values()]) {
      for (const round of rounds.keys()) if (round < floor) rounds.delete(round)
    }
  }
}
