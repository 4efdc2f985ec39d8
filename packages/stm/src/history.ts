// Old values, for as long as a transaction that awaits may still read them.
//
// A version chain in every variable has to be pruned, by someone, for variables that nobody writes again. Here old values
// belong to their readers instead: a commit hands the value it replaces to the youngest live snapshot, if that could see
// it. A snapshot that is older and needs it too finds it there: it looks in its own values, then in those of ever younger
// snapshots, and the first find is the value that was replaced first after it, which is the one it must see. When a
// snapshot ends, its values move to the next older one, unless that has earlier ones, and are gone if there is none. So
// nothing is kept without a live reader, and while nobody awaits within a transaction all of this costs one comparison
// per write.
//
// Limit: reading a replaced value costs a step per live snapshot in between; live snapshots are transactions that await.

import type { Variable } from './variable.ts'

interface Old {
  readonly value: unknown
}

/** A moment that somebody still reads, with the values replaced while it was the youngest such moment. */
export interface Snapshot {
  readonly at: number
  users: number
  readonly old: Map<Variable<unknown>, Old>
  older: Snapshot | undefined
  younger: Snapshot | undefined
}

/** The live snapshots, oldest to youngest. */
export class History {
  youngest: Snapshot | undefined
  #oldest: Snapshot | undefined

  /** Keeps everything visible at `at`, which is never below an earlier one, until `close`. */
  open(at: number): Snapshot {
    const last = this.youngest
    if (last !== undefined && last.at === at) {
      last.users += 1
      return last
    }
    const snapshot: Snapshot = { at, users: 1, old: new Map(), older: last, younger: undefined }
    if (last === undefined) this.#oldest = snapshot
    else last.younger = snapshot
    this.youngest = snapshot
    return snapshot
  }

  close(snapshot: Snapshot): void {
    snapshot.users -= 1
    if (snapshot.users > 0) return
    const { older, younger } = snapshot
    if (older !== undefined) {
      // What the older one has was replaced first after it. What it hasn't was not written between the two, so it sees this.
      for (const [variable, old] of snapshot.old) if (!older.old.has(variable)) older.old.set(variable, old)
      older.younger = younger
    } else {
      this.#oldest = younger
    }
    if (younger === undefined) this.youngest = older
    else younger.older = older
  }

  /** Takes the value that is being replaced; call it while `youngest` is not undefined. */
  keep(variable: Variable<unknown>, version: number, value: unknown): void {
    const snapshot = this.youngest
    if (snapshot === undefined || version > snapshot.at) return
    snapshot.old.set(variable, { value })
  }

  /** The value at the moment `at`, of a variable that was written after it; undefined if it is not kept. */
  find(variable: Variable<unknown>, at: number): Old | undefined {
    let from = this.youngest
    while (from?.older !== undefined && from.older.at >= at) from = from.older
    for (let snapshot = from; snapshot !== undefined; snapshot = snapshot.younger) {
      const old = snapshot.old.get(variable)
      if (old !== undefined) return old
    }
    return undefined
  }

  /** How many snapshots and old values are kept: for tests of leaks. */
  get kept(): { readonly snapshots: number; readonly values: number } {
    let snapshots = 0
    let values = 0
    for (let each = this.#oldest; each !== undefined; each = each.younger) {
      snapshots += 1
      values += each.old.size
    }
    return { snapshots, values }
  }
}
