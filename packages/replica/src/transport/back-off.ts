import { TRANSPORT_LIMITS } from './limits.ts'

/**
 * Pause before the `failures`-th try in a row (from 1), in milliseconds. `random` in [0, 1) keeps peers from trying in
 * step.
 */
export function retryMs(failures: number, random: number): number {
  const { retryMsMin, retryMsMax } = TRANSPORT_LIMITS
  const whole = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures - 1, 30))
  return Math.max(retryMsMin, whole / 2 + (whole / 2) * random)
}

/** How long a peer is shunned that misbehaved for the `times`-th time (from 1), in milliseconds. */
export function penaltyMs(times: number): number {
  const { penaltyMsMin, penaltyMsMax } = TRANSPORT_LIMITS
  return Math.min(penaltyMsMax, penaltyMsMin * 2 ** Math.min(times - 1, 30))
}
