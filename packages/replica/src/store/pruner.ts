// Deletes what a ledger is not obliged to keep: blocks below a checkpoint, and units of views that have ended.
//
// A checkpoint may put ten thousand blocks out of use at once. Deleting them in one transaction would hold up votes for
// seconds. So only the wish is committed (a height, the heights to keep, the ended views), and what it means is done in
// small steps whenever nothing else is to be done. A crash between two steps costs nothing: what is left to do is found by
// looking.
//
// Limits: the file does not shrink; freed pages are used again. Under a load that never pauses the steps are taken beside the
// commits, one for each that the load made necessary, so that the file stays bounded.

import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Rows deleted in one step, and the bytes of those that hold some: about 3 ms, for which an append may have to wait. */
const STEP_ROWS = 256
const STEP_BYTES = 4 * 1024 * 1024
/** Steps that may be owed for what was added while there was something to prune. */
const OWED_STEPS_MAX = 256

/** Meta key of the height below which blocks are pruned. */
const FLOOR_KEY = 'pruned_below'

/** Prunes one open ledger. */
export class Pruner {
  readonly #db: DatabaseSync
  readonly #raise: StatementSync
  readonly #keep: StatementSync
  readonly #isKept: StatementSync
  readonly #endView: StatementSync
  readonly #forgetView: StatementSync
  readonly #oldBlocks: StatementSync
  readonly #dropBlock: readonly StatementSync[]
  readonly #oldIds: StatementSync
  readonly #dropTransaction: StatementSync
  readonly #dropIds: StatementSync
  readonly #endedView: StatementSync
  readonly #endedUnits: StatementSync
  readonly #dropUnit: StatementSync
  readonly #indexedBelow: StatementSync
  #floor: number
  /** The block whose ids are being deleted, and those left. */
  #underway: { readonly height: number; readonly ids: string[] } | undefined
  /** Blocks up to here were looked at. */
  #cursor = -1
  /** What is left to do, in this order. */
  #todo: { blocks: boolean; transactions: boolean; units: boolean } = { blocks: true, transactions: true, units: true }
  /** Set by records of the transaction under way, for when it is committed. */
  #next: { floor: number; units: boolean; added: number }
  #owedRows = 0

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#raise = db.prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
    this.#keep = db.prepare('INSERT INTO kept (height) VALUES (?) ON CONFLICT DO NOTHING')
    this.#isKept = db.prepare('SELECT 1 FROM kept WHERE height = ?')
    this.#endView = db.prepare('INSERT INTO ended_views (view) VALUES (?) ON CONFLICT DO NOTHING')
    this.#forgetView = db.prepare('DELETE FROM ended_views WHERE view = ?')
    this.#oldBlocks = db.prepare(
      `SELECT height, length(header) + length(results) + length(body) AS size FROM blocks
       WHERE height > ? AND height < ? AND height NOT IN (SELECT height FROM kept) ORDER BY height LIMIT ?`,
    )
    this.#dropBlock = ['blocks', 'certificates', 'votes'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE height = ?`),
    )
    this.#oldIds = db.prepare(
      `SELECT height, ids FROM indexed
       WHERE height < ? AND height NOT IN (SELECT height FROM kept) ORDER BY height LIMIT 1`,
    )
    // Of an id seen twice the other place may be a later one.
    this.#dropTransaction = db.prepare('DELETE FROM transactions WHERE id = ? AND height = ?')
    this.#dropIds = db.prepare('DELETE FROM indexed WHERE height = ?')
    this.#endedView = db.prepare('SELECT view FROM ended_views LIMIT 1')
    this.#endedUnits = db.prepare('SELECT rowid AS row, length(bytes) AS size FROM units WHERE view = ? LIMIT ?')
    this.#dropUnit = db.prepare('DELETE FROM units WHERE rowid = ?')
    this.#indexedBelow = db.prepare('SELECT min(height) AS height FROM unindexed')
    const known = db.prepare('SELECT value FROM meta WHERE key = ?').get(FLOOR_KEY)?.['value']
    this.#floor = known === undefined ? 0 : Number(known)
    this.#next = { floor: this.#floor, units: false, added: 0 }
  }

  /** Blocks below are pruned, or will be soon. */
  get floor(): number {
    return this.#floor
  }

  /** Whether there may be something to delete. */
  get isBehind(): boolean {
    return this.#todo.blocks || this.#todo.transactions || this.#todo.units
  }

  /** Whether more was added meanwhile than steps have made up for. */
  get isTooFarBehind(): boolean {
    return this.isBehind && this.#owedRows > OWED_STEPS_MAX * STEP_ROWS
  }

  /** Whether nothing of this height is to be written any more. */
  isPruned(height: number): boolean {
    return height < this.#next.floor && this.#isKept.get(height) === undefined
  }

  /** Inside the caller's transaction: blocks below go, except those at these heights. Never goes back. */
  raise(below: number, keep: readonly number[]): void {
    for (const height of keep) this.#keep.run(height)
    if (below <= this.#next.floor) return
    this.#raise.run(FLOOR_KEY, String(below))
    this.#next.floor = below
  }

  /** Inside the caller's transaction: the view's units go. */
  endView(view: string): void {
    this.#endView.run(view)
    this.#next.units = true
  }

  /** Inside the caller's transaction: a block with so many transactions is written. */
  added(transactions: number): void {
    this.#next.added += 1 + transactions
  }

  /** After the caller's commit. */
  committed(): void {
    const { floor, units, added } = this.#next
    if (floor > this.#floor) this.#todo = { ...this.#todo, blocks: true, transactions: true }
    if (units) this.#todo.units = true
    this.#floor = floor
    this.#owedRows = this.isBehind ? this.#owedRows + added : 0
    this.#next = { floor, units: false, added: 0 }
  }

  /** Deletes a little, in a transaction of its own. It needs no fsync: what a power cut undoes is done again. */
  step(): void {
    this.#db.exec('PRAGMA synchronous = NORMAL')
    this.#db.exec('BEGIN IMMEDIATE')
    if (this.#todo.blocks) this.#todo.blocks = this.#dropBlocks()
    else if (this.#todo.transactions) this.#todo.transactions = this.#dropTransactions()
    else if (this.#todo.units) this.#todo.units = this.#dropUnits()
    this.#db.exec('COMMIT')
    this.#db.exec('PRAGMA synchronous = FULL')
    this.#owedRows = Math.max(0, this.#owedRows - STEP_ROWS)
  }

  /** Each of these says whether there is more. */
  #dropBlocks(): boolean {
    let size = 0
    for (const row of this.#oldBlocks.all(this.#cursor, this.#floor, STEP_ROWS)) {
      const height = Number(row['height'])
      for (const drop of this.#dropBlock) drop.run(height)
      this.#cursor = height
      size += Number(row['size'])
      if (size > STEP_BYTES) return true
    }
    return this.#oldBlocks.get(this.#cursor, this.#floor, 1) !== undefined
  }

  #dropTransactions(): boolean {
    // Ids that are not in the index yet come into it first: those of old blocks are the next to.
    const waiting = this.#indexedBelow.get()?.['height']
    const below = typeof waiting === 'number' ? Math.min(waiting, this.#floor) : this.#floor
    this.#underway ??= this.#nextIds(below)
    if (this.#underway === undefined) return below < this.#floor
    const { height, ids } = this.#underway
    for (const id of ids.splice(-STEP_ROWS)) this.#dropTransaction.run(id, height)
    if (ids.length > 0) return true
    this.#dropIds.run(height)
    this.#underway = undefined
    return true
  }

  #nextIds(below: number): { readonly height: number; readonly ids: string[] } | undefined {
    const row = this.#oldIds.get(below)
    return row === undefined
      ? undefined
      : { height: Number(row['height']), ids: JSON.parse(String(row['ids'])) as string[] }
  }

  #dropUnits(): boolean {
    const view = this.#endedView.get()?.['view']
    if (typeof view !== 'string') return false
    let size = 0
    let rows = 0
    for (const row of this.#endedUnits.all(view, STEP_ROWS)) {
      this.#dropUnit.run(Number(row['row']))
      rows += 1
      size += Number(row['size'])
      if (size > STEP_BYTES) break
    }
    if (rows === 0) this.#forgetView.run(view)
    return true
  }
}
