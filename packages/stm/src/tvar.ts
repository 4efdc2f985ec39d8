// The variables and the memory of one thread.
//
// While a synchronous body runs nothing else can, so what it reads is one state by itself; only a body that awaits can be
// overtaken. A clock counts commits. Each transaction reads the state as of its snapshot, the clock's value when it
// began: from the variable if it has not been written since, else from the history. A writer commits if nothing it read
// has been written since its snapshot: then all its reads and writes might have happened at the moment of commit. Else
// it runs again. Who only read is right as of its snapshot and never runs again for conflicts.

import { History } from './history.ts'
import { Line } from './line.ts'
import { READ, WRITTEN } from './log.ts'
import type { Attempt, Memory, Waiter } from './memory.ts'
import { GONE, Variable } from './variable.ts'
import { Waiting } from './waiting.ts'

/** A variable of this thread's memory. Its values are shared between transactions: treat them as immutable. */
export class TVar<T> extends Variable<T> {
  /** @internal */
  committed: T
  /**
   * The clock when `committed` was; 0 for the first value, which every snapshot may see: nobody older knows the variable.
   * @internal
   */
  version = 0
  /** @internal */
  waiters: Set<Waiter> | undefined = undefined

  constructor(value: T) {
    super()
    this.committed = value
  }

  get value(): T {
    return this.committed
  }

  /** @internal */
  get memory(): Memory {
    return LOCAL
  }

  /** @internal */
  readAt(snapshot: number): T | typeof GONE {
    if (this.version <= snapshot) return this.committed
    // The history holds what `committed` once was.
    const old = LOCAL.history.find(this, snapshot)
    return old === undefined ? GONE : (old.value as T)
  }

  /** @internal */
  publish(value: T, version: number): void {
    const { history, waiting } = LOCAL
    if (history.youngest !== undefined) history.keep(this, this.version, this.committed)
    this.committed = value
    this.version = version
    if (this.waiters !== undefined) waiting.wakeAll(this)
  }
}

/** A new variable; it may be made within a transaction too. */
export function newTVar<T>(value: T): TVar<T> {
  return new TVar(value)
}

class LocalMemory implements Memory {
  #clock = 0
  readonly history = new History()
  readonly waiting = new Waiting()
  readonly line = new Line(this.waiting)

  begin(): number {
    return this.#clock
  }

  suspend(attempt: Attempt): void {
    attempt.suspended = this.history.open(attempt.snapshot)
  }

  commit(attempt: Attempt): boolean {
    const { entries, count } = attempt.log
    if (this.#clock !== attempt.snapshot && isWriter(attempt) && isStale(attempt)) return false
    const version = this.#clock + 1
    for (let i = 0; i < count; i += 1) {
      const entry = entries[i]
      if (entry === undefined || (entry.flags & WRITTEN) === 0) continue
      this.#clock = version
      local(entry.variable).publish(entry.value, version)
    }
    return true
  }

  isHeld(attempt: Attempt, waiter: Waiter | undefined): boolean {
    return this.line.isHeld(attempt, waiter)
  }

  lost(attempt: Attempt, waiter: Waiter, isFavoured: boolean): void {
    this.line.lost(waiter, attempt, isFavoured)
  }

  mayStart(waiter: Waiter): boolean {
    return this.line.mayStart(waiter)
  }

  end(attempt: Attempt): void {
    const { suspended } = attempt
    if (suspended === undefined) return
    attempt.suspended = undefined
    this.history.close(suspended)
  }

  wait(attempt: Attempt, waiter: Waiter): boolean {
    if (isStale(attempt)) return false
    this.waiting.stand(waiter, attempt.log.reads().map(local))
    return true
  }

  cancel(waiter: Waiter): void {
    this.waiting.cancel(waiter)
    this.line.leave(waiter)
  }
}

/** The memory of this thread. */
export const LOCAL: LocalMemory = new LocalMemory()

/** A log admits the variables of its own memory only. */
function local(variable: Variable<unknown> | undefined): TVar<unknown> {
  return variable as TVar<unknown>
}

function isWriter(attempt: Attempt): boolean {
  const { entries, count } = attempt.log
  for (let i = 0; i < count; i += 1) if (((entries[i]?.flags ?? 0) & WRITTEN) !== 0) return true
  return false
}

function isStale(attempt: Attempt): boolean {
  const { entries, count } = attempt.log
  for (let i = 0; i < count; i += 1) {
    const entry = entries[i]
    if (entry === undefined || (entry.flags & READ) === 0) continue
    if (local(entry.variable).version > attempt.snapshot) return true
  }
  return false
}
