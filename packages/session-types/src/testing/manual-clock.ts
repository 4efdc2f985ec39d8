import type { Clock } from '../clock.ts'

/** A clock that stands until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 0
  #alarms: { readonly atMs: number; readonly ring: () => void }[] = []
  /** Timers made so far. */
  made = 0

  readonly nowMs = (): number => this.#nowMs

  readonly after = (delayMs: number, ring: () => void): (() => void) => {
    const alarm = { atMs: this.#nowMs + delayMs, ring }
    this.#alarms.push(alarm)
    this.made += 1
    return () => {
      this.#alarms = this.#alarms.filter((each) => each !== alarm)
    }
  }

  /** Alarms that are set. */
  get pending(): number {
    return this.#alarms.length
  }

  /** Lets time pass, ringing alarms in order; those set meanwhile too, if they are due. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#alarms].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > untilMs) break
      this.#alarms = this.#alarms.filter((each) => each !== next)
      this.#nowMs = next.atMs
      next.ring()
    }
    this.#nowMs = untilMs
  }
}

/** Resolves once all microtasks that are due have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
