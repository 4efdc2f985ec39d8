import type { BackOff } from '../back-off.ts'
import { waitMs } from '../back-off.ts'
import type { Verdict } from './outcome.ts'
import type { Window } from './window.ts'

/** A request as the member's window knows it. */
export interface Slot {
  readonly epoch: number
  readonly wasFull: boolean
}

/** What a session knows of one member: how much it takes, and until when it is left in peace. */
export class Member {
  readonly url: string
  readonly #window: Window
  readonly #rest: BackOff
  readonly #random: () => number
  #inFlight = 0
  #restUntilMs = 0
  /** Signs of absence in a row. */
  #failures = 0

  constructor(url: string, window: Window, rest: BackOff, random: () => number) {
    this.url = url
    this.#window = window
    this.#rest = rest
    this.#random = random
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get limit(): number {
    return this.#window.limit
  }

  /** Monotonic time before which nothing is sent to it. */
  get restUntilMs(): number {
    return this.#restUntilMs
  }

  hasRoom(nowMs: number): boolean {
    return nowMs >= this.#restUntilMs && this.#inFlight < this.#window.limit
  }

  /** A request goes out. */
  take(): Slot {
    this.#inFlight += 1
    return { epoch: this.#window.epoch, wasFull: this.#inFlight >= this.#window.limit }
  }

  /** A request is over, with a verdict or, where its caller gave up, without. */
  free(slot: Slot, verdict: Verdict | undefined, nowMs: number): void {
    this.#inFlight -= 1
    if (verdict === undefined) return
    if (verdict.kind === 'final') {
      this.#failures = 0
      this.#window.succeeded(slot.epoch, slot.wasFull)
      return
    }
    if (verdict.kind === 'refused' && verdict.why === 'busy') {
      this.#failures = 0
      this.#window.congested(slot.epoch)
      this.#restUntil(nowMs + waitMs(this.#rest, 1, this.#random(), verdict.wishMs))
      return
    }
    const isNews = verdict.kind === 'silent' ? this.#window.congested(slot.epoch) : this.#window.collapsed(slot.epoch)
    const wishMs = verdict.kind === 'refused' ? verdict.wishMs : 0
    if (isNews) this.#failures += 1
    if (isNews) this.#restUntil(nowMs + waitMs(this.#rest, this.#failures, this.#random(), wishMs))
  }

  #restUntil(untilMs: number): void {
    this.#restUntilMs = Math.max(this.#restUntilMs, untilMs)
  }
}
