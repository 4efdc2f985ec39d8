// Own units: which round, upon what, and never two for one round.

import { assert } from '@quorate/kernel'
import type { AdmittedUnit, Committee, Millis, Parent, Seat, UnsignedUnit } from '@quorate/types'
import { millis, round as toRound, seat as toSeat } from '@quorate/types'
import type { UnitStore } from '../dag/unit-store.ts'
import { ABSENT_ROUNDS_MAX } from './pacing.ts'

/** Makes own units one after the other; each must be signed and durable before the next. */
export class Creation {
  readonly #committee: Committee
  readonly #seat: Seat
  readonly #store: UnitStore
  #latest: Parent | undefined
  #ownTimestampMs: Millis = millis(0)
  #pending: UnsignedUnit | undefined

  constructor(committee: Committee, seat: Seat, store: UnitStore) {
    this.#committee = committee
    this.#seat = seat
    this.#store = store
  }

  /** Round of the latest own unit; -1 before the first. */
  get ownRound(): number {
    return this.#latest?.round ?? -1
  }

  /** Clock of the latest own unit; undefined before the first. */
  get ownTimestampMs(): Millis | undefined {
    return this.#latest === undefined ? undefined : this.#ownTimestampMs
  }

  /** Whether a unit is out for signing. */
  get isPending(): boolean {
    return this.#pending !== undefined
  }

  /** The highest round that can be made with what is known, above the own one; undefined while there is none. */
  nextRound(): number | undefined {
    const top = this.#store.maxRound
    const next = this.#store.seatsAt(top) >= this.#committee.quorum || top < 0 ? top + 1 : top
    return this.#canMake(next) ? next : undefined
  }

  /** The round to make without anything to say: up to where the others are, no further. */
  levelRound(): number | undefined {
    return this.#canMake(this.#store.maxRound) ? this.#store.maxRound : undefined
  }

  #canMake(round: number): boolean {
    if (round <= this.ownRound) return false
    // After a restart the latest own unit may still wait for what it stands on; a unit that skips it would be shunned.
    if (this.#latest !== undefined && !this.#store.hasParent(this.#latest)) return false
    return round === 0 || this.#store.seatsAt(round - 1) >= this.#committee.quorum
  }

  /** Whether everybody worth waiting for has a unit in round `below`. */
  isComplete(below: number, ignored: ReadonlySet<Seat>): boolean {
    if (this.#store.seatsAt(below) === this.#committee.size) return true
    for (let index = 0; index < this.#committee.size; index += 1) {
      const seat = toSeat(index)
      if (seat === this.#seat || ignored.has(seat) || this.#store.at(below, seat).length > 0) continue
      if (this.#store.top(seat) >= below - ABSENT_ROUNDS_MAX) return false
    }
    return true
  }

  /** The unit for `round`, unsigned. */
  make(round: number, payload: Uint8Array, wallMs: Millis): UnsignedUnit {
    assert(this.#pending === undefined && round > this.ownRound, 'one own unit at a time, each above the last')
    const parents: (Parent | undefined)[] = []
    for (let index = 0; index < this.#committee.size; index += 1) {
      const ref = round === 0 ? undefined : this.#store.parentFor(toSeat(index), round)
      parents.push(ref === undefined ? undefined : { round: ref.round, hash: ref.hash })
    }
    const direct = parents.filter((parent) => parent?.round === round - 1).length
    assert(round === 0 || direct >= this.#committee.quorum, `round ${round} stands on ${direct} units`)
    const timestampMs = millis(Math.max(wallMs, this.#ownTimestampMs))
    const { view } = this.#committee
    this.#pending = { view, creator: this.#seat, round: toRound(round), parents, timestampMs, payload }
    return this.#pending
  }

  /** The pending unit came back signed and durable. */
  created(unit: AdmittedUnit): void {
    assert(this.#pending?.round === unit.round && unit.creator === this.#seat, 'the unit that was asked for')
    this.#pending = undefined
    this.know(unit)
  }

  /** An own unit exists, made now or before a restart. */
  know(unit: AdmittedUnit): void {
    if (unit.round <= this.ownRound) return
    this.#latest = { round: unit.round, hash: unit.hash }
    this.#ownTimestampMs = unit.timestampMs
  }
}
