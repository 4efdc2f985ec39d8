// A stranger can cause refusals as fast as it likes. It must not fill the log with them: of each kind one is told, the
// next after a pause together with how many there were in between. All of them are counted elsewhere.

import type { MemberId } from '@quorate/types'
import type { Refusal } from './refusal.ts'

/** A refusal, for the log. */
export interface Notice {
  readonly reason: Refusal
  /** Of the other side. */
  readonly address: string
  /** The peer, where it is known to be one. */
  readonly peer: MemberId | undefined
  /** Both sides of the mismatch. */
  readonly detail: string
  /** Further ones of the same reason and peer since the last notice. */
  readonly suppressed: number
}

/** Least time between two notices of one reason and peer. */
export const NOTICE_PAUSE_MS = 10_000

/** Passes on a few of many notices. Keyed by reason and peer, so bounded by their number. */
export class Notices {
  readonly #tell: (notice: Notice) => void
  readonly #last = new Map<string, { atMs: number; suppressed: number }>()

  constructor(tell: (notice: Notice) => void) {
    this.#tell = tell
  }

  tell(notice: Omit<Notice, 'suppressed'>, nowMs: number): void {
    const key = `${notice.reason} ${notice.peer ?? 'stranger'}`
    const last = this.#last.get(key)
    if (last !== undefined && nowMs - last.atMs < NOTICE_PAUSE_MS) {
      last.suppressed += 1
      return
    }
    this.#last.set(key, { atMs: nowMs, suppressed: 0 })
    this.#tell({ ...notice, suppressed: last?.suppressed ?? 0 })
  }
}
