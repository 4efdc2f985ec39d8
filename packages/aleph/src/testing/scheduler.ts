// An adversary that orders messages at will, and honest members that it drives: real cores, with nothing lost, everything
// delivered at most two rounds late.
//
// What it does. It wants the first candidate of a round to stay undecided, since then nothing behind it is ordered. A unit counts a
// voter that is undecided as the round's common vote. So keep the votes split: say a quorum of the units below count as v, and v is not
// this round's common vote. Then a seat that stands on exactly these votes v and decides nothing, and a seat that stands on
// both sides is undecided, and will count as the other value. By letting a quorum of seats do the one, or f of them, it has in the next
// round again a quorum for v, or a quorum for the other; whichever the next common vote is not. It needs to know two common votes ahead.
// Fixed ones it knows, and a computed coin. Of a coin that is told when it is too late it knows nothing: it hopes.

import type { AdmittedUnit, Committee } from '@quorate/types'
import { millis, round as toRound, seat as toSeat, sealUnit } from '@quorate/types'
import type { AlephEffect } from '../effect.ts'
import { Aleph } from '../handler.ts'
import type { AlephInput } from '../input.ts'
import type { Bit, Coin, OrderRules } from '../order/rules.ts'
import { alternatingVote, DETERMINISTIC_PREFIX } from '../order/rules.ts'
import { committeeOf, item } from './network.ts'
import type { Random } from './random.ts'
import { sure } from './sure.ts'

/** How members come to a coin, and what of it the adversary sees. */
export interface CoinSource {
  readonly config: Coin | 'asked'
  /** A member tells its share of a round's coin. What it makes known to the members: a value once, or nothing. */
  readonly tell: (seat: number, round: number) => Bit | undefined
  /** The value, where the adversary knows it. */
  readonly spied: (round: number) => Bit | undefined
}

interface Member {
  readonly core: Aleph
  readonly seat: number
  /** Hashes of the heads it ordered. */
  readonly heads: string[]
}

/** The members of one view, and who holds the wires between them. */
export class Scheduler {
  readonly members: readonly Member[]
  readonly committee: Committee
  readonly #coin: CoinSource
  readonly #random: Random
  readonly #rounds: AdmittedUnit[][] = []
  /** For each round and seat the voters: whom its unit stands on in the round below. */
  readonly #voters: number[][][] = []
  #target = 0
  /** What is known of `#counts` for the present target. */
  readonly #counted = new Map<number, readonly Bit[]>()
  #nowMs = 1_000

  constructor(size: number, coin: CoinSource, random: Random, heads: OrderRules['heads'] = 'one') {
    this.committee = committeeOf(size)
    this.#coin = coin
    this.#random = random
    this.members = Array.from({ length: size }, (_, seat) => ({
      core: new Aleph({ committee: this.committee, seat: toSeat(seat), coin: coin.config, heads }),
      seat,
      heads: [],
    }))
  }

  get #quorum(): number {
    return this.committee.quorum
  }

  /** All units, by round. */
  get units(): readonly AdmittedUnit[] {
    return this.#rounds.flat()
  }

  /** The round whose first candidate is being kept from a decision. */
  get target(): number {
    return this.#target
  }

  /** Lets every member make its unit of the next round, each upon what it is shown. */
  step(): void {
    const round = this.#rounds.length
    this.#rounds.push([])
    this.#voters.push([])
    const waiting = new Set(this.members.map(({ seat }) => seat))
    while (waiting.size > 0) {
      const seat = this.#first(round, [...waiting])
      waiting.delete(seat)
      const voters = round === 0 ? [] : this.#choose(round, seat)
      sure(this.#voters[round])[seat] = voters
      this.#advance(sure(this.members[seat]), round, voters)
    }
    const passed = this.members.every(({ core }) => core.status.nextHeadRound > this.#target)
    if (!passed) return
    this.#target = round + 1
    this.#counted.clear()
  }

  /** Shows a member what is two rounds old and the chosen voters, and waits for its unit. */
  #advance(member: Member, round: number, voters: readonly number[]): void {
    this.#show(member, sure(this.#rounds[round - 2] ?? []))
    this.#feed(member, { kind: 'submit', items: [item(`${member.seat} in ${round}`)] })
    this.#show(
      member,
      voters.map((voter) => sure(sure(this.#rounds[round - 1])[voter])),
    )
    for (let ticks = 0; sure(this.#rounds[round])[member.seat] === undefined; ticks += 1) {
      if (ticks > 2) throw new Error(`seat ${member.seat} makes no unit of round ${round}`)
      this.#nowMs += 200
      this.#feed(member, { kind: 'tick' })
    }
  }

  #show(member: Member, units: readonly AdmittedUnit[]): void {
    const others = units.filter((unit) => unit.creator !== member.seat)
    if (others.length > 0) this.#feed(member, { kind: 'units', from: sure(others[0]).creator, units: others })
  }

  #feed(member: Member, input: AlephInput): void {
    const now = { monotonicMs: millis(this.#nowMs), wallMs: millis(this.#nowMs) }
    for (const effect of member.core.handle(input, now)) this.#carryOut(member, effect)
  }

  #carryOut(member: Member, effect: AlephEffect): void {
    switch (effect.kind) {
      case 'create': {
        const unit = sealUnit(effect.unit, new Uint8Array(64))
        const place = sure(this.#rounds[unit.round])
        if (place[member.seat] !== undefined) throw new Error(`a second unit of seat ${member.seat} in ${unit.round}`)
        place[member.seat] = unit
        return this.#feed(member, { kind: 'created', unit })
      }
      case 'ordered':
        member.heads.push(effect.head)
        return
      case 'coin': {
        const value = this.#coin.tell(member.seat, effect.round)
        if (value === undefined) return
        for (const each of this.members) this.#feed(each, { kind: 'coin', round: toRound(effect.round), value })
        return
      }
      case 'send':
      case 'ask':
      case 'trace':
        // Units are shown by `step`; what repairs losses has nothing to repair.
        return
      case 'fork':
      case 'dropped':
      case 'refused':
        throw new Error(effect.kind)
    }
  }

  /** The common vote of a round on the target, where it is known. */
  #common(round: number): Bit | undefined {
    const spied = (each: number): Bit | undefined => this.#coin.spied(each)
    return alternatingVote(DETERMINISTIC_PREFIX, spied)({ difference: round - this.#target, round, creator: 0 })
  }

  /** What the units of a finished round count as for those above them. */
  #counts(round: number): readonly Bit[] {
    const counted = this.#counted.get(round)
    if (counted !== undefined) return counted
    const voters = sure(this.#voters[round])
    const star = this.#target % this.members.length
    const common = this.#common(round)
    let counts: readonly Bit[]
    if (round === this.#target + 1) counts = voters.map((each): Bit => (each.includes(star) ? 1 : 0))
    else {
      const below = this.#counts(round - 1)
      // Where it can't know, it hopes for the value that keeps the votes split.
      const fill = common ?? opposite(this.#majority(below))
      counts = voters.map((each) => {
        const first = sure(below[sure(each[0])])
        return each.every((voter) => below[voter] === first) ? first : fill
      })
    }
    // In its first round nobody is undecided, so nothing there depends on a common vote.
    if (common !== undefined || round === this.#target + 1) this.#counted.set(round, counts)
    return counts
  }

  #majority(counts: readonly Bit[]): Bit {
    return counts.filter((count) => count === 1).length >= this.#quorum ? 1 : 0
  }

  /** The value that a quorum below counts as and that this round will not decide, if the hope holds. */
  #split(round: number): { readonly counts: readonly Bit[]; readonly value: Bit; readonly want: number } {
    const counts = this.#counts(round - 1)
    const value = this.#majority(counts)
    const next = this.#common(round + 1) ?? (this.#random.percent(50) ? 1 : 0)
    return { counts, value, want: next === value ? this.committee.size - this.#quorum : this.#quorum }
  }

  /** Who goes first: seats that stay undecided whatever the coin below turns out to be. */
  #first(round: number, waiting: readonly number[]): number {
    const one = sure(waiting[0])
    if (round < this.#target + 2) return one
    const { counts, value } = this.#split(round)
    return waiting.find((seat) => counts[seat] !== value) ?? one
  }

  /** A quorum of voters for the unit of `seat`, itself included. */
  #choose(round: number, seat: number): number[] {
    const all = this.members.map((member) => member.seat)
    const faulty = this.committee.size - this.#quorum
    if (round <= this.#target) return all
    const star = this.#target % this.members.length
    if (round === this.#target + 1) {
      const isFan = (seat - star + all.length) % all.length < faulty
      return isFan ? this.#pick([seat, star, ...all]) : this.#pick([seat, ...all.filter((each) => each !== star)])
    }
    const { counts, value, want } = this.#split(round)
    const holders = all.filter((each) => counts[each] === value)
    const others = all.filter((each) => counts[each] !== value)
    const voted = all.filter((each) => this.#isUnanimous(round, each, holders)).length
    if (holders.includes(seat) && holders.length >= this.#quorum && voted < want) return this.#pick([seat, ...holders])
    return this.#pick([seat, ...others.slice(0, 1), ...holders.slice(0, 1), ...all])
  }

  /** Whether the unit that a seat has made in this round already stands on holders alone. */
  #isUnanimous(round: number, seat: number, holders: readonly number[]): boolean {
    const voters = this.#voters[round]?.[seat]
    return voters !== undefined && voters.every((voter) => holders.includes(voter))
  }

  #pick(preferred: readonly number[]): number[] {
    return [...new Set(preferred)].slice(0, this.#quorum)
  }
}

function opposite(bit: Bit): Bit {
  return bit === 1 ? 0 : 1
}
