// When to make the next unit.
//
// A quorum of the last round is enough to go on, but units that miss a round are ordered a round later. Going on at
// once makes a sparse DAG and slow heads; waiting for everybody lets one silent member stop all. So: everybody who
// was there lately is here -> at once; otherwise a short grace, a fraction of the time a unit takes to arrive. That
// time is measured: from sending a unit to the first unit of another member that stands on it there are two ways. A
// unit that gives the others nothing to do measures nothing; and since whatever goes wrong makes a sample too long,
// the estimate falls faster than it rises.
//
// Nothing is made without work. Idle members stop, all on the same round: whoever sees a higher round than its own
// makes a unit for it, even an empty one, so that the first transaction after a pause finds a complete round and
// wakes everybody at once.

import type { UnsignedUnit } from '@quorate/types'

/**
 * Fraction of the one-way time to wait for the rest of a round. Measured in simulation: 3.3 delays to order instead
 * of 4.4.
 */
const GRACE_FRACTION = 0.3
/** Bounds of the grace. */
export const GRACE_MIN_MS = 1
export const GRACE_MAX_MS = 100
/** Weight of a new sample of the one-way time, above and below the estimate. */
const SAMPLE_WEIGHT_UP = 0.0625
const SAMPLE_WEIGHT_DOWN = 0.25
/** A longer sample is a pause, not a way. */
const SAMPLE_MAX_MS = 1_000
/** One-way time before there is a sample. */
const ONE_WAY_START_MS = 5
/** A member without a unit for so many rounds isn't waited for. */
export const ABSENT_ROUNDS_MAX = 8

/** The waiting strategy. It knows nothing of ordering. */
export class Pacing {
  #oneWayMs = ONE_WAY_START_MS
  #below = -1
  #sinceMs = 0
  #sentRound = -1
  #sentMs = 0

  /** Smoothed time from one member to another, disk and all. */
  get oneWayMs(): number {
    return this.#oneWayMs
  }

  get graceMs(): number {
    return Math.min(GRACE_MAX_MS, Math.max(GRACE_MIN_MS, this.#oneWayMs * GRACE_FRACTION))
  }

  /** A quorum of a round is known: the grace runs from the first time this is said of it. */
  reached(below: number, nowMs: number): void {
    if (below === this.#below) return
    this.#below = below
    this.#sinceMs = nowMs
  }

  /**
   * When to make a unit upon the round that was reached. `complete`: everybody who was there lately has a unit in it.
   */
  dueMs(complete: boolean): number {
    return complete ? this.#sinceMs : this.#sinceMs + this.graceMs
  }

  /** An own unit went out; `isWork` if the others will go on from it at once. */
  sent(round: number, isWork: boolean, nowMs: number): void {
    this.#sentRound = isWork ? round : -1
    this.#sentMs = nowMs
  }

  /** A unit of another member came in; `ownParentRound` is the own unit it stands on. */
  heard(unit: UnsignedUnit, ownParentRound: number | undefined, nowMs: number): void {
    if (this.#sentRound < 0 || ownParentRound !== this.#sentRound || unit.round !== this.#sentRound + 1) return
    this.#sentRound = -1
    const sample = Math.max(0, nowMs - this.#sentMs) / 2
    if (sample > SAMPLE_MAX_MS) return
    const change = sample - this.#oneWayMs
    this.#oneWayMs += change * (change > 0 ? SAMPLE_WEIGHT_UP : SAMPLE_WEIGHT_DOWN)
  }
}
