// The units of one view above the floor, by hash, by place and by seat, and the order over them.
//
// A unit is known in one of two ways: with its content, or only by name, because a block says that it is ordered
// already (after a restart or a state transfer). A name is enough as a parent: votes on the heads still to come never
// reach it.
//
// Content is kept for others to ask for, but not without bound: ordered, durable units lose theirs first, the oldest
// first.

import { assert, must } from '@quorate/kernel'
import type { AdmittedUnit, Digest, Parent, Round, Seat } from '@quorate/types'
import { round as toRound, seat as toSeat } from '@quorate/types'
import type { Base } from '../input.ts'
import type { AlephLimits } from '../limits.ts'
import { parentDepthMax } from '../limits.ts'
import { Orderer } from '../order/orderer.ts'
import type { OrderRules } from '../order/rules.ts'
import type { UnitIndex } from '../order/round-dag.ts'
import { RoundDag } from '../order/round-dag.ts'

/** A unit of the DAG. */
export interface Ref {
  readonly creator: Seat
  readonly round: Round
  readonly hash: Digest
  /** Undefined where only the name is known, or the content is let go. */
  unit: AdmittedUnit | undefined
  /** Undefined where the unit was ordered before the base. */
  readonly index: UnitIndex | undefined
  /** On disk, or listed to be written with an own unit. */
  durable: boolean
  /** Stands on less than a quorum of true parents: nobody's voter, and no parent of ours. */
  readonly muted: boolean
  readonly insertedMs: number
}

/** A decided head, with units in place of indexes. */
export interface OrderedBatch {
  readonly round: Round
  readonly slot: number
  readonly head: Digest
  readonly units: readonly AdmittedUnit[]
  /** Units that fell below the floor without being ordered. */
  readonly lost: readonly AdmittedUnit[]
}

/** Units for a peer; `whole` where nothing had to be left out. */
export interface Answer {
  readonly units: readonly AdmittedUnit[]
  readonly whole: boolean
}

interface Place {
  readonly bySeat: Ref[][]
  seats: number
}

/** How a unit enters. */
export interface Insertion {
  readonly nowMs: number
  readonly durable: boolean
}

/** The DAG of one view. */
export class UnitStore {
  readonly #size: number
  readonly #quorum: number
  readonly #limits: AlephLimits
  readonly #dag: RoundDag
  readonly #orderer: Orderer
  readonly #byHash = new Map<Digest, Ref>()
  readonly #byIndex = new Map<UnitIndex, Ref>()
  readonly #places = new Map<number, Place>()
  readonly #tops: number[]
  readonly #open: number[]
  readonly #retained: Ref[] = []
  #retainedAt = 0
  #bytes = 0
  #maxRound = -1
  #lastRound = -1
  #floor: number

  constructor(size: number, quorum: number, rules: OrderRules, limits: AlephLimits, base: Base | undefined) {
    this.#size = size
    this.#quorum = quorum
    this.#limits = limits
    this.#dag = new RoundDag(size, quorum)
    this.#orderer = new Orderer(this.#dag, rules, base)
    this.#floor = this.#dag.floor
    this.#tops = Array.from({ length: size }, () => -1)
    this.#open = Array.from({ length: size }, () => 0)
    for (const { creator, round, hash } of base?.ordered ?? []) {
      if (round < this.#floor || this.#byHash.has(hash)) continue
      const known = { unit: undefined, index: undefined, durable: true, muted: false, insertedMs: 0 }
      this.#place({ creator, round, hash, ...known })
    }
  }

  /** Lowest round that is kept. */
  get floor(): Round {
    return toRound(this.#floor)
  }

  /** Highest round with a unit that others may stand on; -1 where there is none. */
  get maxRound(): number {
    return this.#maxRound
  }

  /** Round whose heads come next. */
  get nextHeadRound(): Round {
    return toRound(this.#orderer.round)
  }

  /** Units that are kept. */
  get count(): number {
    return this.#byHash.size
  }

  /** Bytes of content that is kept. */
  get bytes(): number {
    return this.#bytes
  }

  find(hash: Digest): Ref | undefined {
    return this.#byHash.get(hash)
  }

  /** Whether the parent is known, or so old that it doesn't matter. */
  hasParent(parent: Parent): boolean {
    return parent.round < this.#floor || this.#byHash.has(parent.hash)
  }

  /** Units of a seat in a round: more than one are forks. */
  at(round: number, seat: number): readonly Ref[] {
    return this.#places.get(round)?.bySeat[seat] ?? []
  }

  /** Number of seats with a unit in the round that others may stand on. */
  seatsAt(round: number): number {
    return this.#places.get(round)?.seats ?? 0
  }

  /** Highest known round of a seat; -1 where there is none. */
  top(seat: number): number {
    return this.#tops[seat] ?? -1
  }

  highestBelow(seat: Seat, round: number): number {
    for (let at = Math.min(round - 1, this.top(seat)); at >= this.#floor; at -= 1) {
      if (this.at(at, seat).length > 0) return at
    }
    return -1
  }

  /** The unit to name as a seat's parent in a unit of `round`: the highest, a true voter if there is a choice. */
  parentFor(seat: Seat, round: number): Ref | undefined {
    const lowest = Math.max(this.#floor, round - parentDepthMax(this.#limits))
    for (let at = Math.min(round - 1, this.top(seat)); at >= lowest; at -= 1) {
      const units = this.at(at, seat)
      if (units.length > 0) return units.find((ref) => !ref.muted) ?? units[0]
    }
    return undefined
  }

  /** Units with payload of the seat that are neither ordered nor forgotten. */
  openPayloads(seat: Seat): number {
    return this.#open[seat] ?? 0
  }

  /** Adds a unit whose parents are all known or below the floor. */
  insert(unit: AdmittedUnit, { nowMs, durable }: Insertion): Ref {
    assert(!this.#byHash.has(unit.hash) && unit.round >= this.#floor, 'a new unit, not below the floor')
    const parents: UnitIndex[] = []
    let direct = 0
    for (const [seat, parent] of unit.parents.entries()) {
      if (parent === undefined) continue
      const ref = this.#byHash.get(parent.hash)
      if (ref === undefined) {
        if (parent.round < this.#floor && parent.round === unit.round - 1) direct += 1
        continue
      }
      // An edge that lies about its end is no edge: others may have forgotten that end and can't see the lie.
      if (ref.creator !== seat || ref.round !== parent.round) continue
      if (parent.round === unit.round - 1 && !ref.muted) direct += 1
      if (ref.index !== undefined) parents.push(ref.index)
    }
    const muted = unit.round > 0 && direct < this.#quorum
    const { creator, round, hash } = unit
    const index = this.#dag.insert({ round, creator, hash, parents, muted })
    const ref: Ref = { creator, round, hash, unit, index, durable, muted, insertedMs: nowMs }
    this.#byIndex.set(index, ref)
    this.#place(ref)
    this.#bytes += unit.bytes.length
    if (unit.payload.length > 0) this.#open[creator] = this.openPayloads(creator) + 1
    return ref
  }

  /** Gives a unit that is known by name its content, so that others can ask for it. */
  complete(unit: AdmittedUnit): void {
    const ref = this.#byHash.get(unit.hash)
    if (ref === undefined || ref.unit !== undefined || ref.index !== undefined) return
    ref.unit = unit
    this.#bytes += unit.bytes.length
    this.#retained.push(ref)
    this.#release()
  }

  #place(ref: Ref): void {
    let place = this.#places.get(ref.round)
    if (place === undefined) {
      place = { bySeat: Array.from({ length: this.#size }, () => []), seats: 0 }
      this.#places.set(ref.round, place)
    }
    const seat = must(place.bySeat[ref.creator], 'a seat of the committee')
    if (!ref.muted && seat.every((other) => other.muted)) place.seats += 1
    seat.push(ref)
    this.#byHash.set(ref.hash, ref)
    this.#tops[ref.creator] = Math.max(this.top(ref.creator), ref.round)
    this.#lastRound = Math.max(this.#lastRound, ref.round)
    if (!ref.muted) this.#maxRound = Math.max(this.#maxRound, ref.round)
  }

  /** Everything that became ordered. */
  advance(): OrderedBatch[] {
    return this.#orderer.advance().map(({ round, slot, head, units, forgotten }): OrderedBatch => {
      const refs = units.map((index) => must(this.#byIndex.get(index), 'an ordered unit is known'))
      for (const ref of refs) {
        this.#close(ref.unit)
        this.#retained.push(ref)
      }
      const batch = refs.map((ref) => must(ref.unit, 'a unit keeps its content until it is ordered'))
      const headHash = must(this.#byIndex.get(head), 'a head is known').hash
      const lost = forgotten.flatMap(({ unit, ordered }) => {
        const ref = this.#byIndex.get(unit)
        return ordered || ref?.unit === undefined ? [] : [ref.unit]
      })
      for (const unit of lost) this.#close(unit)
      // The orderer may be several heads further already; units of the batches in between are still wanted here.
      this.#forgetTo(round - this.#limits.windowRounds)
      this.#release()
      return { round: toRound(round), slot, head: headHash, units: batch, lost }
    })
  }

  /** The unit's payload is no longer open: ordered, or never to be. */
  #close(unit: AdmittedUnit | undefined): void {
    if (unit !== undefined && unit.payload.length > 0) this.#open[unit.creator] = this.openPayloads(unit.creator) - 1
  }

  #forgetTo(floor: number): void {
    for (; this.#floor < floor; this.#floor += 1) {
      const place = this.#places.get(this.#floor)
      if (place === undefined) continue
      for (const ref of place.bySeat.flat()) {
        this.#byHash.delete(ref.hash)
        if (ref.index !== undefined) this.#byIndex.delete(ref.index)
        this.#letGo(ref)
      }
      this.#places.delete(this.#floor)
    }
  }

  #release(): void {
    const queue = this.#retained
    while (this.#retainedAt < queue.length) {
      const ref = must(queue[this.#retainedAt], 'within the queue')
      if (ref.unit !== undefined && (this.#bytes <= this.#limits.retainedBytesMax || !ref.durable)) break
      this.#letGo(ref)
      this.#retainedAt += 1
    }
    if (this.#retainedAt > 1024 && this.#retainedAt * 2 > queue.length) {
      queue.splice(0, this.#retainedAt)
      this.#retainedAt = 0
    }
  }

  #letGo(ref: Ref): void {
    if (ref.unit !== undefined) this.#bytes -= ref.unit.bytes.length
    ref.unit = undefined
  }

  /**
   * What the unit with these parents stands on and isn't durable, lowest rounds first. All of it counts as durable
   * from now on.
   */
  takeUndurable(parents: readonly (Parent | undefined)[]): AdmittedUnit[] {
    const found: AdmittedUnit[] = []
    const stack: Digest[] = parents.flatMap((parent) => parent?.hash ?? [])
    for (let hash = stack.pop(); hash !== undefined; hash = stack.pop()) {
      const ref = this.#byHash.get(hash)
      if (ref === undefined || ref.durable) continue
      ref.durable = true
      if (ref.unit === undefined) continue
      found.push(ref.unit)
      for (const parent of ref.unit.parents) if (parent !== undefined) stack.push(parent.hash)
    }
    return found.sort((a, b) => a.round - b.round || a.creator - b.creator)
  }

  /** Highest round of each seat. */
  frontier(): (Round | undefined)[] {
    return this.#tops.map((top) => (top < 0 ? undefined : toRound(top)))
  }

  /**
   * Units above a peer's frontier, lowest rounds first, within the limits of an answer; only those known before
   * `beforeMs`.
   */
  above(rounds: readonly (Round | undefined)[], beforeMs: number): Answer {
    const units: AdmittedUnit[] = []
    let bytes = 0
    let lowest = this.#lastRound + 1
    for (let seat = 0; seat < this.#size; seat += 1) {
      if (this.top(seat) > (rounds[seat] ?? -1)) lowest = Math.min(lowest, (rounds[seat] ?? -1) + 1)
    }
    for (let round = Math.max(lowest, this.#floor); round <= this.#lastRound; round += 1) {
      for (let seat = 0; seat < this.#size; seat += 1) {
        if (round <= (rounds[seat] ?? -1)) continue
        for (const { unit, insertedMs } of this.at(round, toSeat(seat))) {
          if (unit === undefined || insertedMs > beforeMs) continue
          const { answerBytesMax } = this.#limits
          if (units.length > 0 && bytes + unit.bytes.length > answerBytesMax) return { units, whole: false }
          if (units.push(unit) >= this.#limits.answerUnitsMax) return { units, whole: false }
          bytes += unit.bytes.length
        }
      }
    }
    return { units, whole: true }
  }
}
