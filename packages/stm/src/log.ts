// What a transaction has read and written so far.
//
// Most transactions touch a handful of variables, so the log is a short array that is searched from the start; only a
// long one gets an index. A log and its entries are used again by the next transaction, so that a small transaction
// allocates nothing for them. Writes inside a scope (`nested`, a branch of `orElse`) are journaled with what they
// replaced, so undoing costs as much as what is undone, and nothing is copied when a scope opens. Undoing keeps the
// marks of what was read: that a branch gave up depends on what it read, so commit must check that too, or two
// transactions could each act upon the other's failed branch.

import type { Variable } from './variable.ts'

/** The committed value was read: commit validates it, `retry` waits on it. */
export const READ = 1
/** `value` is to be published. */
export const WRITTEN = 2

/** Up to this many entries are searched one by one. */
const SCAN_MAX = 8
/** A log that grew beyond this is not kept for the next transaction. */
const KEEP_MAX = 64

/** One variable in a log. With neither flag `value` means nothing. */
export interface Entry<T> {
  variable: Variable<T> | undefined
  value: T | undefined
  flags: number
}

interface Undo {
  readonly entry: Entry<unknown>
  readonly value: unknown
  readonly flags: number
}

/** The variables that a transaction touched, in the order in which it did. */
export class Log {
  readonly entries: Entry<unknown>[] = []
  count = 0
  #index: Map<Variable<unknown>, Entry<unknown>> | undefined
  readonly #journal: Undo[] = []

  find<T>(variable: Variable<T>): Entry<T> | undefined {
    // An entry is made for its variable and holds nothing but its values: this is the one place that says so.
    if (this.#index !== undefined) return this.#index.get(variable as Variable<unknown>) as Entry<T> | undefined
    for (let i = 0; i < this.count; i += 1) {
      const entry = this.entries[i]
      if (entry !== undefined && entry.variable === variable) return entry as Entry<T>
    }
    return undefined
  }

  /** Adds an entry for a variable that has none. */
  add<T>(variable: Variable<T>, value: T, flags: number): Entry<T> {
    let entry = this.entries[this.count] as Entry<T> | undefined
    if (entry === undefined) {
      entry = { variable, value, flags }
      this.entries.push(entry as Entry<unknown>)
    } else {
      entry.variable = variable
      entry.value = value
      entry.flags = flags
    }
    this.count += 1
    if (this.#index !== undefined) this.#index.set(variable as Variable<unknown>, entry as Entry<unknown>)
    else if (this.count > SCAN_MAX) this.#makeIndex()
    return entry
  }

  #makeIndex(): void {
    this.#index = new Map()
    for (const entry of this.entries) if (entry.variable !== undefined) this.#index.set(entry.variable, entry)
  }

  /** The variables whose committed value was read. */
  reads(): Variable<unknown>[] {
    const found: Variable<unknown>[] = []
    for (let i = 0; i < this.count; i += 1) {
      const entry = this.entries[i]
      if (entry?.variable !== undefined && (entry.flags & READ) !== 0) found.push(entry.variable)
    }
    return found
  }

  /** Where the journal stands, for `undoTo`. */
  get mark(): number {
    return this.#journal.length
  }

  /** Remembers an entry as it is, before a write inside a scope. */
  remember<T>(entry: Entry<T>): void {
    this.#journal.push({ entry: entry as Entry<unknown>, value: entry.value, flags: entry.flags })
  }

  /** Undoes the writes since `mark`; what was read stays read. */
  undoTo(mark: number): void {
    for (let undo = this.#popAbove(mark); undo !== undefined; undo = this.#popAbove(mark)) {
      undo.entry.value = undo.value
      undo.entry.flags = undo.flags
    }
  }

  #popAbove(mark: number): Undo | undefined {
    return this.#journal.length > mark ? this.#journal.pop() : undefined
  }

  /** Forgets everything, so that the next transaction finds it as new. */
  clear(): void {
    for (let i = 0; i < this.count; i += 1) {
      const entry = this.entries[i]
      if (entry === undefined) continue
      entry.variable = undefined
      entry.value = undefined
      entry.flags = 0
    }
    this.count = 0
    this.#index = undefined
    if (this.#journal.length > 0) this.#journal.length = 0
  }
}

let spare: Log | undefined

/** An empty log. */
export function takeLog(): Log {
  const log = spare
  if (log === undefined) return new Log()
  spare = undefined
  return log
}

/** Gives a log back when its transaction is over. */
export function returnLog(log: Log): void {
  if (log.entries.length > KEEP_MAX) return
  log.clear()
  spare = log
}
