// Those who lost to others get their turn.
//
// Optimism lets the quick win, and wastes the work of all others: eight bodies that await and change one variable would
// run eight times for each commit, and a slow one would never get through. So who has lost stands in a line, at every
// variable that it has read, and runs again when it is the first at all of them: losers of one dispute run one after
// another, those of different disputes at the same time. Newcomers don't stand there; they may still win. But who has lost
// CONFLICTS_MAX times is favoured: while it runs as the first, others who want to commit a write to what it has read wait
// for it.
//
// Both waits are bounded, since a body may await the very one that waits for it: who has run for HOLD_MS_MAX goes to the
// end of the line. Whoever stands in the line joined all its variables at once, so the eldest is the first everywhere, and
// nobody waits in a circle. `atomicallySync` can't wait and is not held up: if such writers never pause, a slow
// transaction can starve.

import { WRITTEN } from './log.ts'
import type { Attempt, Waiter, WaitingPlace } from './memory.ts'
import type { Variable } from './variable.ts'
import type { Waiting } from './waiting.ts'

/** After so many lost attempts a transaction is favoured. */
export const CONFLICTS_MAX = 8
/** For so long at a time others wait for one that is first. */
export const HOLD_MS_MAX = 100
/** How often that is looked at. */
const TICK_MS = 50

/** One who lost, and those who are held up by it. */
interface Standing extends WaitingPlace {
  readonly waiter: Waiter
  /** What its attempts have read. */
  readonly reads: ReadonlySet<Variable<unknown>>
  /** Since when it has been the first everywhere, as `performance.now()`; undefined while it is not. */
  firstMs: number | undefined
  /** Whether an attempt is under way: also one that went to the end of the line, and must not be woken. */
  isRunning: boolean
  isFavoured: boolean
}

/** The line. It is empty while there are no conflicts. */
export class Line {
  readonly #waiting: Waiting
  readonly #standings = new Map<Waiter, Standing>()
  readonly #queues = new Map<Variable<unknown>, Set<Standing>>()
  #timer: NodeJS.Timeout | undefined

  constructor(waiting: Waiting) {
    this.#waiting = waiting
  }

  /** How many stand in it: for tests of leaks. */
  get length(): number {
    return this.#standings.size
  }

  /** `waiter` has lost `attempt`. It keeps its place if it has read nothing new. */
  lost(waiter: Waiter, attempt: Attempt, isFavoured: boolean): void {
    const reads = attempt.log.reads()
    const known = this.#standings.get(waiter)
    if (known !== undefined && reads.every((each) => known.reads.has(each))) {
      known.isFavoured = isFavoured
      known.isRunning = false
      return
    }
    if (known !== undefined) this.#remove(known)
    this.#join({ waiter, reads: new Set([...(known?.reads ?? []), ...reads]), isRunning: false, isFavoured })
  }

  /** Whether `waiter` is to run now. If not, it is woken when it is. */
  mayStart(waiter: Waiter): boolean {
    const standing = this.#standings.get(waiter)
    if (standing === undefined) return true
    standing.isRunning = this.#isFirst(standing)
    return standing.isRunning
  }

  /** `waiter` is through, or sleeps: nobody waits for it. */
  leave(waiter: Waiter): void {
    const standing = this.#standings.get(waiter)
    if (standing !== undefined) this.#remove(standing)
  }

  /** Whether `attempt` must let a favoured one commit first; then its waiter, if it has one, is woken afterwards. */
  isHeld(attempt: Attempt, waiter: Waiter | undefined): boolean {
    if (this.#standings.size === 0) return false
    // Two that hold each other up would only lose time.
    if (waiter !== undefined && this.#standings.get(waiter)?.isFavoured === true) return false
    const { entries, count } = attempt.log
    for (let i = 0; i < count; i += 1) {
      const entry = entries[i]
      if (entry?.variable === undefined || (entry.flags & WRITTEN) === 0) continue
      const first = this.#firstAt(entry.variable)
      if (first === undefined || !first.isFavoured || first.firstMs === undefined) continue
      if (waiter !== undefined) this.#waiting.stand(waiter, [first])
      return true
    }
    return false
  }

  #join(kept: Pick<Standing, 'waiter' | 'reads' | 'isRunning' | 'isFavoured'>): void {
    const standing: Standing = { ...kept, firstMs: undefined, waiters: undefined }
    this.#standings.set(standing.waiter, standing)
    for (const variable of standing.reads) {
      const queue = this.#queues.get(variable)
      if (queue === undefined) this.#queues.set(variable, new Set([standing]))
      else queue.add(standing)
    }
    this.#timer ??= setInterval(() => this.#expire(), TICK_MS)
  }

  #remove(standing: Standing): void {
    this.#standings.delete(standing.waiter)
    for (const variable of standing.reads) {
      const queue = this.#queues.get(variable)
      queue?.delete(standing)
      if (queue?.size === 0) this.#queues.delete(variable)
    }
    for (const variable of standing.reads) {
      const next = this.#firstAt(variable)
      if (next === undefined || !this.#isFirst(next) || next.isRunning) continue
      next.isRunning = true
      this.#waiting.wake(next.waiter)
    }
    this.#waiting.wakeAll(standing)
    if (this.#standings.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #firstAt(variable: Variable<unknown>): Standing | undefined {
    const queue = this.#queues.get(variable)
    if (queue === undefined) return undefined
    for (const standing of queue) return standing
    return undefined
  }

  /** Whether it is the first everywhere; if so, its time counts from now on. */
  #isFirst(standing: Standing): boolean {
    for (const variable of standing.reads) if (this.#firstAt(variable) !== standing) return false
    standing.firstMs ??= performance.now()
    return true
  }

  /** Those who have been first for too long start again at the end. */
  #expire(): void {
    const before = performance.now() - HOLD_MS_MAX + TICK_MS
    for (const standing of this.#standings.values()) {
      if (standing.firstMs === undefined || standing.firstMs > before) continue
      this.#remove(standing)
      this.#join(standing)
    }
  }
}
