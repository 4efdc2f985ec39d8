// That a slow transaction gets its turn.
//
// Optimism lets the quick win: a body that awaits for a while loses every time to those who write what it read. So a
// transaction that has lost CONFLICTS_MAX times stands in a line. The first in the line is favoured: whoever wants to
// commit a write to something that it read in an earlier attempt waits until it is through, but no
// longer than HOLD_MS_MAX. When that time is over it goes to the end of the line.
//
// The hold must be bounded, since the favoured body may await the very thing that it holds up. `atomicallySync` cannot
// wait and is not held up: if such writers never pause, a slow transaction can starve.

import { WRITTEN } from './log.ts'
import type { Attempt, Waiter } from './memory.ts'
import type { Variable } from './variable.ts'
import type { Waiting } from './waiting.ts'

/** After so many lost attempts a transaction is favoured. */
export const CONFLICTS_MAX = 8
/** For so long at a time others wait for a favoured transaction. */
export const HOLD_MS_MAX = 100

interface Standing {
  readonly waiter: Waiter
  /** What its earlier attempts read. */
  readonly reads: Set<Variable<unknown>>
}

/** The line of those who lost too often, and those who wait for its first. */
export class Favour {
  readonly #waiting: Waiting
  readonly #line: Standing[] = []
  readonly #held = { waiters: undefined }
  #timer: NodeJS.Timeout | undefined

  constructor(waiting: Waiting) {
    this.#waiting = waiting
  }

  /** `waiter` starts an attempt, and has lost often: if it is the first in the line others are held up from now on. */
  enter(waiter: Waiter): void {
    this.#standing(waiter)
    if (this.#line[0]?.waiter === waiter) this.#timer ??= setTimeout(() => this.#expire(), HOLD_MS_MAX)
  }

  /** `waiter` has lost an attempt, and others before; what it read is remembered for the next. */
  lost(waiter: Waiter, attempt: Attempt): void {
    const { reads } = this.#standing(waiter)
    for (const variable of attempt.log.reads()) reads.add(variable)
  }

  #standing(waiter: Waiter): Standing {
    const known = this.#line.find((each) => each.waiter === waiter)
    if (known !== undefined) return known
    const standing = { waiter, reads: new Set<Variable<unknown>>() }
    this.#line.push(standing)
    return standing
  }

  /** `waiter` is through, or sleeps: it holds up nobody. */
  leave(waiter: Waiter): void {
    const at = this.#line.findIndex((each) => each.waiter === waiter)
    if (at < 0) return
    this.#line.splice(at, 1)
    if (at === 0) this.#release()
  }

  isHeld(attempt: Attempt, waiter: Waiter | undefined): boolean {
    const first = this.#line[0]
    if (first === undefined || this.#timer === undefined || first.waiter === waiter) return false
    if (!writesAny(attempt, first.reads)) return false
    if (waiter !== undefined) this.#waiting.stand(waiter, [this.#held])
    return true
  }

  #expire(): void {
    const first = this.#line.shift()
    if (first !== undefined) this.#line.push(first)
    this.#release()
  }

  #release(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.wakeAll(this.#held)
  }
}

function writesAny(attempt: Attempt, reads: ReadonlySet<Variable<unknown>>): boolean {
  const { entries, count } = attempt.log
  for (let i = 0; i < count; i += 1) {
    const entry = entries[i]
    if (entry?.variable !== undefined && (entry.flags & WRITTEN) !== 0 && reads.has(entry.variable)) return true
  }
  return false
}
