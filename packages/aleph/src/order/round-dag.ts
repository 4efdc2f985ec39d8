// The DAG as the orderer sees it: rounds, creators, edges. No payload, no signature, no clock.
//
// Units are dense integers in order of insertion. The units of a round have positions: the first unit of a seat
// stands at the seat's own number, and every further one (a fork) behind all seats. The units of round r - 1 on which
// a unit of round r stands, its voters, are a bitset over those positions; so a vote without forks is a population
// count, and forks stay exact.
//
// Rounds below `floor` are forgotten. Edges are integers and not references, so nothing below the floor is kept alive
// by what stands above it: a look-up there finds nothing, which means "present, and of no further interest".

import type { Brand } from '@quorate/kernel'
import { assert, must } from '@quorate/kernel'
import type { Bits } from './bits.ts'
import { addBit, emptyBits, popcount, wordAt } from './bits.ts'

/** A unit in one RoundDag. Never reused, meaningless in another. */
export type UnitIndex = Brand<number, 'UnitIndex'>

/** A unit as it is inserted. */
export interface DagUnit {
  readonly round: number
  readonly creator: number
  /** Orders units of one creator and round; opaque otherwise. */
  readonly hash: string
  /** All known parents; those below the floor may be left out. */
  readonly parents: readonly UnitIndex[]
  /** The units of `round - 1` that count as this unit's voters. Without it: the parents of that round. */
  readonly voters?: readonly UnitIndex[]
  /** It stands on less than a quorum: nobody's voter, and so never a head. */
  readonly muted?: boolean
}

interface Entry {
  readonly round: number
  readonly creator: number
  readonly position: number
  readonly hash: string
  readonly parents: readonly UnitIndex[]
  readonly voters: Bits
  readonly muted: boolean
  ordered: boolean
}

interface RoundEntry {
  readonly units: UnitIndex[]
  readonly bySeat: UnitIndex[][]
  /** Creators of the positions behind the seats. */
  readonly forkCreators: number[]
  seats: number
}

const NONE: readonly UnitIndex[] = []

/** Units by round and creator, with their edges. The caller inserts parents before children. */
export class RoundDag {
  /** n, the number of seats. */
  readonly size: number
  /** n - f. */
  readonly quorum: number
  readonly #rounds = new Map<number, RoundEntry>()
  #entries: (Entry | undefined)[] = []
  #base = 0
  #maxRound = -1
  #floor = 0

  constructor(size: number, quorum: number) {
    assert(size >= 1 && quorum >= 1 && quorum <= size, `quorum ${quorum} of ${size}`)
    this.size = size
    this.quorum = quorum
  }

  /** Highest round with a unit; -1 when there is none. */
  get maxRound(): number {
    return this.#maxRound
  }

  /** Lowest round that is kept. */
  get floor(): number {
    return this.#floor
  }

  /** Number of units that are kept. */
  get count(): number {
    let count = 0
    for (const { units } of this.#rounds.values()) count += units.length
    return count
  }

  insert(unit: DagUnit): UnitIndex {
    const { round, creator, hash, parents, muted = false } = unit
    assert(round >= this.#floor, `round ${round} below the floor ${this.#floor}`)
    assert(creator >= 0 && creator < this.size, `seat ${creator} of ${this.size}`)
    const index = (this.#base + this.#entries.length) as UnitIndex
    const place = this.#roundEntry(round)
    const seat = must(place.bySeat[creator], 'a seat in every round')
    const position = seat.length === 0 ? creator : this.size + place.forkCreators.push(creator) - 1
    if (seat.length === 0) place.seats += 1
    seat.push(index)
    place.units.push(index)
    let voters = emptyBits(this.size)
    for (const parent of unit.voters ?? parents) {
      const entry = this.#find(parent)
      if (entry?.round === round - 1 && !entry.muted) voters = addBit(voters, entry.position)
    }
    this.#entries.push({ round, creator, position, hash, parents, voters, muted, ordered: false })
    this.#maxRound = Math.max(this.#maxRound, round)
    return index
  }

  #roundEntry(round: number): RoundEntry {
    let entry = this.#rounds.get(round)
    if (entry === undefined) {
      entry = { units: [], bySeat: Array.from({ length: this.size }, () => []), forkCreators: [], seats: 0 }
      this.#rounds.set(round, entry)
    }
    return entry
  }

  #find(unit: UnitIndex): Entry | undefined {
    return this.#entries[unit - this.#base]
  }

  #at(unit: UnitIndex): Entry {
    return must(this.#find(unit), `unit ${unit} is forgotten or unknown`)
  }

  /** Whether the unit is still kept. */
  has(unit: UnitIndex): boolean {
    return this.#find(unit) !== undefined
  }

  /** Units of a round in order of insertion. */
  byRound(round: number): readonly UnitIndex[] {
    return this.#rounds.get(round)?.units ?? NONE
  }

  /** Units of one seat in one round: usually none or one; more are forks. */
  at(round: number, creator: number): readonly UnitIndex[] {
    return this.#rounds.get(round)?.bySeat[creator] ?? NONE
  }

  /** Number of seats with a unit in the round. */
  seatsAt(round: number): number {
    return this.#rounds.get(round)?.seats ?? 0
  }

  roundOf(unit: UnitIndex): number {
    return this.#at(unit).round
  }

  creatorOf(unit: UnitIndex): number {
    return this.#at(unit).creator
  }

  hashOf(unit: UnitIndex): string {
    return this.#at(unit).hash
  }

  positionOf(unit: UnitIndex): number {
    return this.#at(unit).position
  }

  parentsOf(unit: UnitIndex): readonly UnitIndex[] {
    return this.#at(unit).parents
  }

  /** Positions, in the round before, of the units this one stands on. */
  votersOf(unit: UnitIndex): Bits {
    return this.#at(unit).voters
  }

  isOrdered(unit: UnitIndex): boolean {
    return this.#at(unit).ordered
  }

  markOrdered(unit: UnitIndex): void {
    this.#at(unit).ordered = true
  }

  /**
   * Number of distinct seats among positions of a round: those in `voters` that also are (`inside`) or are not
   * (otherwise) in `set`. A seat whose forks stand on both sides counts on both.
   */
  countSeats(round: number, voters: Bits, set: Bits, inside: boolean): number {
    let count = 0
    let forked = false
    for (let word = 0; word < voters.length; word += 1) {
      const of = wordAt(set, word)
      const chosen = wordAt(voters, word) & (inside ? of : ~of)
      if (chosen === 0) continue
      const seatBits = Math.min(32, Math.max(0, this.size - word * 32))
      const seats = seatBits === 32 ? chosen : chosen & ((1 << seatBits) - 1)
      count += popcount(seats)
      if (seats !== chosen) forked = true
    }
    return forked ? this.#countForkedSeats(round, voters, set, inside) : count
  }

  #countForkedSeats(round: number, voters: Bits, set: Bits, inside: boolean): number {
    const forkCreators = this.#rounds.get(round)?.forkCreators ?? []
    let seats = emptyBits(this.size)
    for (let position = 0; position < this.size + forkCreators.length; position += 1) {
      const word = position >>> 5
      const of = wordAt(set, word)
      const chosen = wordAt(voters, word) & (inside ? of : ~of)
      if (((chosen >>> (position & 31)) & 1) === 0) continue
      const forkCreator = forkCreators[position - this.size]
      seats = addBit(seats, forkCreator ?? position)
    }
    let count = 0
    for (const word of seats) count += popcount(word)
    return count
  }

  /** Forgets every unit below `floor` and returns them, lowest round first. The floor never falls. */
  prune(floor: number): UnitIndex[] {
    const forgotten: UnitIndex[] = []
    for (; this.#floor < floor; this.#floor += 1) {
      const entry = this.#rounds.get(this.#floor)
      if (entry === undefined) continue
      for (const unit of entry.units) {
        forgotten.push(unit)
        this.#entries[unit - this.#base] = undefined
      }
      this.#rounds.delete(this.#floor)
    }
    let gone = 0
    while (gone < this.#entries.length && this.#entries[gone] === undefined) gone += 1
    if (gone > 1024 && gone * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(gone)
      this.#base += gone
    }
    return forgotten
  }
}
