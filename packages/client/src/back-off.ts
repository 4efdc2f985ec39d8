/** How long to wait between attempts. */
export interface BackOff {
  readonly firstMs: number
  readonly mostMs: number
}

/**
 * Wait before attempt `attempt` (from 1 for the first repetition): "full jitter", a random share of an exponentially
 * growing bound, so that clients that failed together don't come back together. A server's own wish is a lower bound.
 */
export function waitMs(backOff: BackOff, attempt: number, share: number, wishMs = 0): number {
  const bound = Math.min(backOff.mostMs, backOff.firstMs * 2 ** Math.min(attempt - 1, 30))
  return wishMs + Math.floor(bound * share)
}
