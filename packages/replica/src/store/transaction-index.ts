// Where a transaction stands, by its id. Ids are random, so every row of the index lands on another page: some 10 us
// each, a hundred times a block's share of its own commit. A vote must not wait for that. So a block's ids are
// committed with it as one row, in order, and moved into the index in small steps whenever nothing else is to be done.
//
// Limits: the steps cost the same processor time, only later. When blocks come faster than steps, the backlog reaches
// its bound and the writer waits for steps after all.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TransactionPlace } from './record.ts'

/** Ids moved in one step: about 3 ms, for which an append may have to wait. */
const STEP_IDS = 256
/** Most blocks whose ids wait to be moved. */
export const BACKLOG_BLOCKS_MAX = 256

interface Underway {
  readonly height: number
  readonly ids: readonly string[]
  at: number
}

/** Finds transactions by id, with the index proper lagging a little behind. */
export class TransactionIndex {
  readonly #db: DatabaseSync
  readonly #putIds: StatementSync
  readonly #nextIds: StatementSync
  readonly #moveIds: StatementSync
  readonly #forgetIds: StatementSync
  readonly #put: StatementSync
  readonly #find: StatementSync
  readonly #findWaiting: StatementSync
  readonly #countWaiting: StatementSync
  #underway: Underway | undefined
  #backlog: number

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#putIds = db.prepare('INSERT INTO unindexed (height, ids) VALUES (?, ?)')
    this.#nextIds = db.prepare('SELECT height, ids FROM unindexed ORDER BY height LIMIT 1')
    this.#moveIds = db.prepare('INSERT OR REPLACE INTO indexed SELECT height, ids FROM unindexed WHERE height = ?')
    this.#forgetIds = db.prepare('DELETE FROM unindexed WHERE height = ?')
    this.#put = db.prepare('INSERT INTO transactions (id, height, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    this.#find = db.prepare('SELECT height, position FROM transactions WHERE id = ?')
    this.#findWaiting = db.prepare(
      'SELECT height, key AS position FROM unindexed, json_each(ids) WHERE value = ? ORDER BY height, key LIMIT 1',
    )
    this.#countWaiting = db.prepare('SELECT count(*) AS count FROM unindexed')
    this.#backlog = this.#count()
  }

  /** Blocks whose ids wait to be moved. */
  get backlog(): number {
    return this.#backlog
  }

  /** Notes a block's ids, inside the caller's transaction. */
  note(height: number, ids: readonly string[]): void {
    if (ids.length === 0) return
    this.#putIds.run(height, JSON.stringify(ids))
  }

  /** After the caller's commit: how many wait now. */
  recount(): void {
    this.#backlog = this.#count()
  }

  /** Of an id seen twice the first place. */
  find(id: string): TransactionPlace | undefined {
    const row = this.#find.get(id) ?? this.#findWaiting.get(id)
    return row === undefined ? undefined : { height: Number(row['height']), position: Number(row['position']) }
  }

  /**
   * Moves some ids, in a transaction of its own. It needs no fsync: what a power cut undoes is done again, because the
   * block's row goes only with its last id.
   */
  step(): void {
    this.#underway ??= this.#next()
    if (this.#underway === undefined) return
    const { height, ids, at } = this.#underway
    const end = Math.min(ids.length, at + STEP_IDS)
    this.#db.exec('PRAGMA synchronous = NORMAL')
    this.#db.exec('BEGIN IMMEDIATE')
    for (let position = at; position < end; position += 1) {
      const id = ids[position] ?? ''
      if (id !== '') this.#put.run(id, height, position)
    }
    if (end === ids.length) {
      // They are kept in order as long as their block: an index by height would cost more than all of this.
      this.#moveIds.run(height)
      this.#forgetIds.run(height)
    }
    this.#db.exec('COMMIT')
    this.#db.exec('PRAGMA synchronous = FULL')
    this.#underway.at = end
    if (end < ids.length) return
    this.#underway = undefined
    this.#backlog -= 1
  }

  #next(): Underway | undefined {
    const row = this.#nextIds.get()
    if (row === undefined) return undefined
    return { height: Number(row['height']), ids: JSON.parse(String(row['ids'])) as string[], at: 0 }
  }

  #count(): number {
    return Number(this.#countWaiting.get()?.['count'])
  }
}
