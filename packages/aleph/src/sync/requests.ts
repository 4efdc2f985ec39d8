// Asking for missing parents.
//
// A parent of the round just before is most likely on its way: a member that is nearer to its creator has already
// built on it. Asking at once would fetch its payload twice, so the first question waits about as long as a unit
// travels; older parents are asked for at once. The first to be asked is who sent the unit that stands on it (it must
// have it), then the others in turn, with a wait that doubles.

import type { AdmittedUnit, Digest, Seat, ViewId } from '@quorate/types'
import { seat as toSeat } from '@quorate/types'
import type { Want } from '../dag/waiting-room.ts'
import type { AlephEffect } from '../effect.ts'
import type { AlephLimits } from '../limits.ts'

/** Bounds of the wait between two questions for one unit. */
export const RETRY_MIN_MS = 20
export const RETRY_MAX_MS = 2_000
/** Bounds of the wait before the first question. */
const FIRST_MIN_MS = 1
const FIRST_MAX_MS = 20

/** Who asks. */
export interface Asker {
  readonly view: ViewId
  readonly seat: Seat
  readonly size: number
  readonly limits: AlephLimits
}

/** When to ask for the missing parents of `unit` for the first time. */
export function firstAskMs(unit: AdmittedUnit, oldestMissing: number, nowMs: number, oneWayMs: number): number {
  return oldestMissing < unit.round - 1 ? nowMs : nowMs + Math.min(FIRST_MAX_MS, Math.max(FIRST_MIN_MS, oneWayMs))
}

/** The seat to ask at the given try: the source first, then the others in turn. */
function target(want: Want, asker: Asker): Seat | undefined {
  if (asker.size === 1) return undefined
  let at = (want.from + want.tries) % asker.size
  if (at === asker.seat) at = (at + 1) % asker.size
  return toSeat(at)
}

/** The requests that are due, and the time of the next one. */
export function dueRequests(wants: Iterable<Want>, asker: Asker, nowMs: number, oneWayMs: number): AlephEffect[] {
  const bySeat = new Map<Seat, Digest[]>()
  for (const want of wants) {
    if (want.askAtMs > nowMs) continue
    const to = target(want, asker)
    if (to === undefined) continue
    let hashes = bySeat.get(to)
    if (hashes === undefined) bySeat.set(to, (hashes = []))
    if (hashes.length >= asker.limits.requestHashesMax) continue
    hashes.push(want.hash)
    const waitMs = Math.max(RETRY_MIN_MS, 4 * oneWayMs) * (1 << Math.min(want.tries, 10))
    want.askAtMs = nowMs + Math.min(RETRY_MAX_MS, waitMs)
    want.tries += 1
  }
  return [...bySeat].sort(([a], [b]) => a - b).map(([to, hashes]) => ({ kind: 'ask', to, hashes }))
}

/** When the next request is due; undefined where nothing is missing. */
export function nextRequestMs(wants: Iterable<Want>): number | undefined {
  let next: number | undefined
  for (const { askAtMs } of wants) next = next === undefined ? askAtMs : Math.min(next, askAtMs)
  return next
}
