/** Time as a session needs it. A simulator gives its own; nothing else here knows what time it is. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  readonly nowMs: () => number
  /** Calls `ring` once after `delayMs`, a little late at most; the function returned calls it off. */
  readonly after: (delayMs: number, ring: () => void) => () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, ring) => {
    // A timer may fire up to a millisecond early by the finer clock.
    const timer = setTimeout(ring, Math.ceil(delayMs) + 1)
    return () => clearTimeout(timer)
  },
}
