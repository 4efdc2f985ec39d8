import type { Clock } from '@quorate/replica/host'
import type { Millis } from '@quorate/types'
import { millis } from '@quorate/types'
import type { World } from './world.ts'

/** Wall clocks begin here: 2026-01-02T03:04:05Z. */
export const EPOCH_MS = 1_767_323_045_000

/** How a machine's clocks go wrong. */
export interface ClockManners {
  /** Its wall clock is ahead by so much (behind, where negative). */
  readonly skewMs: number
  /** Both clocks run so many millionths too fast. */
  readonly driftPpm: number
}

/** A machine's clocks. They outlive its replica's crashes; alarms are one process's and go with it. */
export class SimClock {
  readonly #world: World
  readonly #rate: number
  #wallOffsetMs: number
  /** As of the last jump, and of the beginning: between two jumps it only grows. */
  #lowestMs: number
  #highestMs: number

  constructor(world: World, manners: ClockManners) {
    this.#world = world
    this.#rate = 1 + manners.driftPpm / 1_000_000
    this.#wallOffsetMs = EPOCH_MS + manners.skewMs
    this.#lowestMs = this.#wallOffsetMs
    this.#highestMs = this.#wallOffsetMs
  }

  /** Lowest and highest that the wall clock ever showed. */
  get extremesMs(): readonly [lowest: number, highest: number] {
    const nowMs = this.wallMs()
    return [Math.min(this.#lowestMs, nowMs), Math.max(this.#highestMs, nowMs)]
  }

  /** The wall clock is set, forward or back. */
  jump(byMs: number): void {
    const [lowest, highest] = this.extremesMs
    this.#lowestMs = lowest
    this.#highestMs = highest
    this.#wallOffsetMs += byMs
  }

  monotonicMs(): Millis {
    return millis(this.#world.nowMs * this.#rate)
  }

  wallMs(): Millis {
    return millis(Math.floor(this.#world.nowMs * this.#rate + this.#wallOffsetMs))
  }

  /** The clock of one process: its alarm rings only while `isAlive`. */
  ofProcess(isAlive: () => boolean): Clock {
    // An alarm is set anew with every input, mostly to a later time: one appointment stays and looks again when it comes.
    let due: { readonly atMs: number; readonly ring: () => void } | undefined
    let appointedMs = Infinity
    const appoint = (atMs: number): void => {
      // Never early: rounding must not make an alarm ring before its time, or it would be set again at once.
      const atVirtualMs = atMs / this.#rate + 0.001
      if (atVirtualMs >= appointedMs) return
      appointedMs = atVirtualMs
      this.#world.at(atVirtualMs, () => {
        if (appointedMs === atVirtualMs) appointedMs = Infinity
        if (due === undefined || !isAlive()) return
        if (due.atMs > this.monotonicMs()) return appoint(due.atMs)
        const { ring } = due
        due = undefined
        ring()
      })
    }
    return {
      monotonicMs: () => this.monotonicMs(),
      wallMs: () => this.wallMs(),
      alarm: (atMs, ring) => {
        due = atMs === undefined ? undefined : { atMs, ring }
        if (atMs !== undefined && isAlive()) appoint(atMs)
      },
    }
  }
}
