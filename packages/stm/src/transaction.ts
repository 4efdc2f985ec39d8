// A transaction: what a body may do, over a log. Which values are read and how they are published is the memory's part.
//
// Leaving a body needs a throw, and a body may catch what it should not. So a throw is only the means: `retry` and
// `abort` first write into the transaction what is to happen, and from then on every operation throws again. Whatever the
// body does, its driver looks at that note and not at how the body ended.

import { StmError } from './errors.ts'
import type { Snapshot } from './history.ts'
import type { Entry, Log } from './log.ts'
import { READ, returnLog, takeLog, WRITTEN } from './log.ts'
import type { Memory } from './memory.ts'
import type { Variable } from './variable.ts'
import { GONE } from './variable.ts'

/** What a transaction's body can do. It is valid until the body's end, for one operation at a time. */
export interface Tx {
  /** The variable's value: written here, or committed when this transaction began. */
  read<T>(variable: Variable<T>): T
  /** Sets the value, visible to others from the commit on. Values are shared, so treat them as immutable. */
  write<T>(variable: Variable<T>, value: T): void
  /** Writes what `change` makes of the value. */
  update<T>(variable: Variable<T>, change: (value: T) => T): void
  /** Writes the second half of what `change` makes of the value; returns the first. */
  modify<T, R>(variable: Variable<T>, change: (value: T) => readonly [result: R, next: T]): R
  /** Writes `value`; returns what was there. */
  replace<T>(variable: Variable<T>, value: T): T
  /** Exchanges the values of two variables. */
  swap<T>(a: Variable<T>, b: Variable<T>): void
  /** Undoes this attempt and runs the body again once something that it read has changed. */
  retry(): never
  /** `retry` unless `condition` holds. */
  check(condition: boolean): void
  /**
   * The result of the first branch that does not retry. A branch that does is undone, and what it read still counts: its
   * change wakes the whole, and commit validates it. With no branch left it retries. Branches may return promises.
   */
  orElse<B extends readonly ((tx: Tx) => unknown)[]>(...branches: B): ReturnType<B[number]>
  /** Runs `body` as part of this transaction; if it throws, its writes alone are undone and the error passes on. */
  nested<T>(body: (tx: Tx) => T): T
  /** Undoes the whole transaction and fails it with `error`, past every `catch` in the body. */
  abort(error: unknown): never
  /** Runs `action` after the commit, in order, and not if there is none. It may start transactions. */
  afterCommit(action: () => void): void
}

export const OPEN = 0
export const RETRY = 1
export const ABORT = 2
export const CONFLICT = 3
export const ENDED = 4

/** Made once: leaving a body is ordinary control flow and must not cost a stack trace. */
const LEFT = new StmError('LEFT', 'the transaction is being left; a body that catches this must not go on')

/** Whether awaiting `value` would run code of its own. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

interface Scope {
  readonly journal: number
  readonly actions: number
}

/** One attempt at running a body. */
export class Transaction implements Tx {
  readonly memory: Memory
  readonly snapshot: number
  suspended: Snapshot | undefined = undefined
  log: Log = takeLog()
  state: number = OPEN
  /** What `abort` was given. */
  reason: unknown = undefined
  #scopes: Scope[] | undefined = undefined
  #actions: (() => void)[] | undefined = undefined

  constructor(memory: Memory, snapshot: number) {
    this.memory = memory
    this.snapshot = snapshot
  }

  read<T>(variable: Variable<T>): T {
    // With a flag set the entry holds a value of the variable's type, be it undefined.
    return this.#readable(variable).value as T
  }

  write<T>(variable: Variable<T>, value: T): void {
    if (this.state !== OPEN) this.#refuse()
    const entry = this.log.find(variable)
    if (entry !== undefined) return this.#set(entry, value)
    this.#own(variable)
    if (this.#scopes === undefined) this.log.add(variable, value, WRITTEN)
    else this.#set(this.log.add(variable, value, 0), value)
  }

  update<T>(variable: Variable<T>, change: (value: T) => T): void {
    const entry = this.#readable(variable)
    this.#setAfter(entry, change(entry.value as T))
  }

  modify<T, R>(variable: Variable<T>, change: (value: T) => readonly [result: R, next: T]): R {
    const entry = this.#readable(variable)
    const [result, next] = change(entry.value as T)
    this.#setAfter(entry, next)
    return result
  }

  replace<T>(variable: Variable<T>, value: T): T {
    const entry = this.#readable(variable)
    const old = entry.value as T
    this.#set(entry, value)
    return old
  }

  swap<T>(a: Variable<T>, b: Variable<T>): void {
    this.write(a, this.replace(b, this.read(a)))
  }

  retry(): never {
    return this.#leave(RETRY)
  }

  check(condition: boolean): void {
    if (!condition) this.#leave(RETRY)
  }

  abort(error: unknown): never {
    if (this.state === OPEN) this.reason = error
    return this.#leave(ABORT)
  }

  orElse<B extends readonly ((tx: Tx) => unknown)[]>(...branches: B): ReturnType<B[number]> {
    if (this.state !== OPEN) this.#refuse()
    return this.#tryFrom(branches, 0) as ReturnType<B[number]>
  }

  #tryFrom(branches: readonly ((tx: Tx) => unknown)[], at: number): unknown {
    const branch = branches[at]
    if (branch === undefined) return this.retry()
    const next = (): unknown => this.#tryFrom(branches, at + 1)
    const depth = this.#enter()
    let result: unknown
    try {
      result = branch(this)
    } catch (error) {
      if (this.#exit(depth, false, true)) return next()
      throw error
    }
    if (!isThenable(result)) return this.#exit(depth, true, true) ? next() : result
    return result.then(
      (value) => (this.#exit(depth, true, true) ? next() : value),
      (error: unknown) => {
        if (this.#exit(depth, false, true)) return next()
        throw error
      },
    )
  }

  nested<T>(body: (tx: Tx) => T): T {
    if (this.state !== OPEN) this.#refuse()
    const depth = this.#enter()
    let result: T
    try {
      result = body(this)
    } catch (error) {
      this.#exit(depth, false, false)
      throw error
    }
    if (!isThenable(result)) {
      this.#exit(depth, true, false)
      return result
    }
    const ending = result.then(
      (value) => {
        this.#exit(depth, true, false)
        return value
      },
      (error: unknown) => {
        this.#exit(depth, false, false)
        throw error
      },
    )
    return ending as T
  }

  afterCommit(action: () => void): void {
    if (this.state !== OPEN) this.#refuse()
    this.#actions ??= []
    this.#actions.push(action)
  }

  /** Ends the attempt: from now on its operations are refused. Returns the actions to run if it was committed. */
  end(): readonly (() => void)[] | undefined {
    if (this.state === ENDED) return undefined
    const actions = this.#actions
    returnLog(this.log)
    this.state = ENDED
    this.#actions = undefined
    this.#scopes = undefined
    return actions
  }

  #readable<T>(variable: Variable<T>): Entry<T> {
    if (this.state !== OPEN) this.#refuse()
    const entry = this.log.find(variable)
    if (entry !== undefined && entry.flags !== 0) return entry
    this.#own(variable)
    const value = variable.readAt(this.snapshot)
    if (value === GONE) return this.#leave(CONFLICT)
    if (entry === undefined) return this.log.add(variable, value, READ)
    entry.value = value
    entry.flags = READ
    return entry
  }

  #own<T>(variable: Variable<T>): void {
    if (variable.memory !== this.memory) {
      throw new StmError('MIXED', 'a variable of another memory than the one this transaction runs on')
    }
  }

  #set<T>(entry: Entry<T>, value: T): void {
    if (this.#scopes !== undefined) this.log.remember(entry)
    entry.value = value
    entry.flags |= WRITTEN
  }

  /** `#set` after foreign code has run, which may have ended this transaction. */
  #setAfter<T>(entry: Entry<T>, value: T): void {
    if (this.state !== OPEN) this.#refuse()
    this.#set(entry, value)
  }

  #leave(state: typeof RETRY | typeof ABORT | typeof CONFLICT): never {
    if (this.state === OPEN) this.state = state
    return this.#refuse()
  }

  #refuse(): never {
    if (this.state === ENDED) throw new StmError('ENDED', 'the transaction was used after its end')
    throw LEFT
  }

  /** Opens a scope; returns how deep it lies. */
  #enter(): number {
    this.#scopes ??= []
    return this.#scopes.push({ journal: this.log.mark, actions: this.#actions?.length ?? 0 })
  }

  /**
   * Closes the scope at `depth`: keeps its writes if it returned, undoes them otherwise. True if it retried and
   * `absorbs` says that there is an alternative, which may then run.
   */
  #exit(depth: number, returned: boolean, absorbs: boolean): boolean {
    if (this.state === ENDED) this.#refuse()
    if (this.#scopes?.length !== depth) {
      const open = `${this.#scopes?.length ?? 0} scopes are open, this one is number ${depth}`
      this.reason = new StmError('INTERLEAVED', `scopes of one transaction must enclose each other: ${open}`)
      this.state = ABORT
      this.#refuse()
    }
    const scope = this.#scopes.pop()
    if (this.#scopes.length === 0) this.#scopes = undefined
    if (returned && this.state === OPEN) return false
    this.log.undoTo(scope?.journal ?? 0)
    if (this.#actions !== undefined) this.#actions.length = Math.min(this.#actions.length, scope?.actions ?? 0)
    if (this.state === RETRY && absorbs) {
      this.state = OPEN
      return true
    }
    if (this.state !== OPEN) this.#refuse()
    return false
  }
}
