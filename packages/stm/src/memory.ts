import type { Snapshot } from './history.ts'
import type { Log } from './log.ts'

/** An attempt at running a body, as a memory sees it. */
export interface Attempt {
  readonly snapshot: number
  readonly log: Log
  /** What keeps its snapshot readable, if it awaits. */
  suspended: Snapshot | undefined
}

/** A call of `atomically`, as a memory sees it: something that it may have to wake, and may have to favour. */
export interface Waiter {
  /** Place in the line: a waiter that is woken in vain keeps it. */
  readonly order: number
  /** Where it stands, for whoever put it there. */
  places: readonly WaitingPlace[] | undefined
  /** Called at most once for each `wait` or `isHeld` that was true, or `mayStart` that was not; never from within these. */
  wake(): void
}

/** Where waiters stand; undefined when there are none. */
export interface WaitingPlace {
  waiters: Set<Waiter> | undefined
}

/** Where variables live and what makes commits atomic: the memory of this thread, or a heap that threads share. */
export interface Memory {
  /** The snapshot for a new attempt, and whether earlier ones have lost to others too often. */
  begin(isFavoured: boolean): number
  /** The body turned out to await: its snapshot must be readable until `end`. */
  suspend(attempt: Attempt): void
  /** Publishes what was written, all or nothing; false if something read has changed since the snapshot. */
  commit(attempt: Attempt): boolean
  /** Whether `waiter` must let a favoured one commit first; if so it is woken afterwards. */
  isHeld(attempt: Attempt, waiter: Waiter | undefined): boolean
  /** `attempt` was in vain: others have changed what it read. `isFavoured` is for the next one. */
  lost(attempt: Attempt, waiter: Waiter, isFavoured: boolean): void
  /** Whether one that has lost may run again now; else it is woken when it may. */
  mayStart(waiter: Waiter): boolean
  /** The attempt is over, committed or not. */
  end(attempt: Attempt): void
  /** Arranges that a change of anything read wakes `waiter`; false if something has changed already. */
  wait(attempt: Attempt, waiter: Waiter): boolean
  /** Undoes `wait`, `isHeld`, `lost`: `waiter` stands nowhere and will not be woken. */
  cancel(waiter: Waiter): void
}
