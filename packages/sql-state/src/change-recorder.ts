// Finds out what a transaction changed, row by row, while it runs.
//
// Problem: SQLite's preupdate hook is called before each change of a row, by whatever statement, trigger or cascade. But
// a call says what is about to be done, not what stands in the end: a statement that fails takes back its changes (or
// keeps them, after OR FAIL), ROLLBACK TO takes back those of many statements, and nobody is called for that. To follow
// it one would have to repeat SQLite's rules of what is undone when.
//
// So the hook only says which rows were touched, and how they were before the first touch. At the end each of them is
// read: what differs is a change, whatever happened in between. A row changed twice is told once; one that was made and
// removed, not at all. That is what a transaction is to everyone outside of it.
//
// A change of the schema divides a transaction: rows before it have other columns, or stand in a table of another name.
// So they are read before each such statement. If it is rolled back later, what was read is worthless, and what was
// touched before counts on. That shows in the schema's version, which every change of the schema moves forward and
// every rollback takes back along with the change: what was noted under a version beyond the present one was undone.
//
// Order: within a transaction (or a part of it) deletes come first, then the others by first touch. A row whose primary
// key changes is told as a delete and an insert. So whoever applies the changes by key never removes what he has put.
//
// Limits: the rows that are touched, and their images, are in memory; beyond the block's bounds only the names of
// tables are kept, and told as resets.

import { bytesEqual } from '@quorate/kernel'
import type { SqlValue } from '@quorate/types'
import type { SchemaAction } from './authorizer.ts'
import type { BlockConnection } from './block-connection.ts'
import type { Table } from './catalog.ts'
import { isInternal, rowsOf } from './catalog.ts'
import type { Change, RowChange } from './change.ts'
import { CHANGE_LIMITS } from './change.ts'
import type { Engine, RowCall } from './engine.ts'
import { OWN_FUEL } from './engine.ts'
import type { CatalogBefore, CatalogMemory } from './live-catalog.ts'
import { LiveCatalog } from './live-catalog.ts'
import type { ProgramWatch } from './program-run.ts'

type Row = readonly SqlValue[]

/** A row that was touched. */
interface Touch {
  readonly table: Table
  readonly rowid: bigint | undefined
  /** Values of its primary key, of a table without rowids. */
  readonly key: Row
  readonly before: Row | undefined
}

/** Rows that were touched since the last change of the schema, by table and key, in order of the first touch. */
type Touched = Map<string, Touch>

/** A change of the schema, and what came before it. */
interface Part {
  readonly touched: Touched
  readonly changes: readonly Change[]
  /** Version of the schema after it. */
  readonly version: bigint
  readonly before: CatalogBefore
}

const TABLE_SQL = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1"

function sizeOf(row: Row | undefined): number {
  let size = 0
  for (const value of row ?? []) size += typeof value === 'string' || value instanceof Uint8Array ? value.length + 8 : 8
  return size
}

function isSame(a: SqlValue | undefined, b: SqlValue | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return bytesEqual(a, b)
  return Object.is(a, b)
}

function areSame(a: Row, b: Row): boolean {
  return a.length === b.length && a.every((value, i) => isSame(value, b[i]))
}

/** Tells keys apart exactly, also those that a collation takes for equal. */
function nameOfKey(key: Row): string {
  return JSON.stringify(
    key.map((value) => {
      if (value instanceof Uint8Array) return ['blob', [...value].join()]
      if (typeof value === 'number') return ['real', Object.is(value, -0) ? '-0' : String(value)]
      return [typeof value, String(value)]
    }),
  )
}

export class ChangeRecorder implements ProgramWatch {
  readonly #engine: Engine
  readonly #block: BlockConnection
  readonly #catalog: LiveCatalog
  #touched: Touched = new Map()
  /** What was touched before the statement that changes the schema and is under way, and what came of it. */
  #pending: { readonly touched: Touched; readonly changes: readonly Change[] } | undefined
  readonly #parts: Part[] = []
  /** Names of the tables touched since the transaction began. */
  readonly #tables = new Set<string>()
  #isRecording = false
  #trouble: unknown
  /** Left of the block's bounds. */
  #rows: number = CHANGE_LIMITS.rowsMax
  #bytes: number = CHANGE_LIMITS.bytesMax
  #isOver = false

  constructor(engine: Engine, block: BlockConnection, memory: CatalogMemory) {
    this.#catalog = new LiveCatalog(block, memory)
    this.#engine = engine
    this.#block = block
  }

  /** A transaction begins. */
  begin(): void {
    this.#forget()
    this.#catalog.begin()
    this.#hook(true)
  }

  before(changesSchema: boolean): void {
    this.#settle()
    this.#dropUndone()
    if (!changesSchema) return
    this.#pending = { touched: this.#touched, changes: this.#flush() }
    this.#touched = new Map()
  }

  schemaChanged(action: SchemaAction | undefined, sql: string): void {
    const pending = this.#pending
    const version = this.#catalog.readVersion()
    // CREATE TABLE IF NOT EXISTS, REINDEX: nothing has changed.
    if (pending === undefined || version === this.#catalog.version) return
    this.#pending = undefined
    const before = this.#catalog.advance(version, action)
    const told = action === undefined || isInternal(action.name) ? [] : [this.#schemaChange(action, sql)]
    this.#parts.push({ touched: pending.touched, changes: [...pending.changes, ...told], version, before })
    if (action?.operation === 'create' && action.type === 'table') this.#touchAll(action.name)
  }

  /** What the transaction has changed; it is about to be committed. */
  finish(): readonly Change[] {
    this.#settle()
    this.#dropUndone()
    const last = this.#flush()
    const all = [...this.#parts.flatMap((part) => part.changes), ...last]
    const changes = this.#isOver ? this.#resets(all) : all
    this.#catalog.keep()
    this.#forget()
    return changes
  }

  /** Stops watching, until `begin`: whatever is under way, or comes, is not told. */
  pause(): void {
    this.#hook(false)
    this.#forget()
  }

  #forget(): void {
    this.#touched = new Map()
    this.#pending = undefined
    this.#parts.length = 0
    this.#tables.clear()
    this.#isOver = false
    this.#trouble = undefined
  }

  /** Statements that were prepared without the hook may clear a table without telling of its rows. */
  #hook(on: boolean): void {
    if (this.#isRecording === on) return
    this.#isRecording = on
    if (this.#block.connection.isBroken) return
    this.#block.statements.drop()
    this.#engine.watchRows(this.#block.connection, on ? (call) => this.#called(call) : undefined)
  }

  /** The statement before this one is over: where it failed to change the schema, all goes on as before it. */
  #settle(): void {
    if (this.#trouble !== undefined) throw this.#trouble
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    this.#touched = pending.touched
  }

  /** Drops what was noted of changes of the schema that have been rolled back since. */
  #dropUndone(): void {
    if (this.#parts.length === 0) return
    const version = this.#catalog.readVersion()
    for (let last = this.#parts.at(-1); last !== undefined && last.version > version; last = this.#parts.at(-1)) {
      this.#parts.pop()
      // The rollback leads into the part that this change of the schema ended; what was touched later is gone with it.
      this.#touched = last.touched
      this.#catalog.undo(version, last.before)
    }
  }

  /** Inside SQLite: nothing may be thrown, and nothing asked of the connection but the row. */
  #called(call: RowCall): void {
    if (this.#trouble !== undefined) return
    this.#engine.refuel(OWN_FUEL)
    try {
      this.#touch(call)
    } catch (error) {
      this.#trouble = error
    }
  }

  #touch({ operation, table: name, oldRowid, newRowid }: RowCall): void {
    const table = this.#catalog.get(name)
    if (table === undefined) return
    this.#tables.add(table.name)
    if (this.#isOver) return
    if (operation !== 'insert') this.#touchRow(table, 'old', oldRowid)
    if (operation !== 'delete') this.#touchRow(table, 'new', newRowid)
  }

  #touchRow(table: Table, image: 'old' | 'new', changing: bigint): void {
    const { connection } = this.#block
    const valueAt = (at: number): SqlValue => connection.changingValue(image, table.numbers[at] ?? 0)
    const rowid = table.hasRowid ? changing : undefined
    const key = table.hasRowid ? [] : table.key.map(valueAt)
    const name = `${table.name}\0${rowid === undefined ? nameOfKey(key) : String(rowid)}`
    if (this.#touched.has(name)) return
    // A row that is about to be put where none was touched: there is none.
    const before = image === 'old' ? table.columns.map((_, at) => valueAt(at)) : undefined
    if (this.#spend(table, before)) this.#touched.set(name, { table, rowid, key, before })
  }

  /** Rows of a table that was made full: CREATE TABLE AS calls no hook. */
  #touchAll(name: string): void {
    const table = this.#catalog.get(name)
    if (table?.selectAll === undefined) return
    const [first] = rowsOf(this.#block.connection, `${table.selectAll} LIMIT 1`)
    if (first === undefined) return
    this.#tables.add(table.name)
    for (const row of rowsOf(this.#block.connection, `${table.selectAll} LIMIT ${CHANGE_LIMITS.rowsMax + 1}`)) {
      const rowid = row[0] as bigint
      if (this.#spend(table, undefined))
        this.#touched.set(`${table.name}\0${rowid}`, { table, rowid, key: [], before: undefined })
    }
  }

  /** Takes a row from the block's bounds; false where they are passed. */
  #spend(table: Table, row: Row | undefined): boolean {
    this.#rows -= 1
    this.#bytes -= sizeOf(row) + 2 * table.namesLength
    this.#isOver ||= this.#rows < 0 || this.#bytes < 0
    return !this.#isOver
  }

  /** Reads the rows that were touched. */
  #flush(): readonly Change[] {
    const deletes: Change[] = []
    const others: Change[] = []
    const unreadable = new Set<string>()
    for (const { table, rowid, key, before } of this.#touched.values()) {
      if (this.#isOver) break
      const now = this.#catalog.get(table.name)
      // It was dropped, and with it its rows.
      if (now === undefined) continue
      if (now.select === undefined || !areSame(now.columns, table.columns)) {
        unreadable.add(table.name)
        continue
      }
      const after = this.#read(now, rowid, key)
      this.#bytes -= sizeOf(after)
      this.#isOver ||= this.#bytes < 0
      const change: RowChange = {
        kind: 'row',
        table: now.name,
        columns: now.columns,
        key: now.key,
        rowid,
        before,
        after,
      }
      if (before !== undefined && after !== undefined) {
        if (areSame(before, after)) continue
        if (now.key.every((at) => isSame(before[at], after[at]))) {
          others.push(change)
          continue
        }
      }
      if (before !== undefined) deletes.push({ ...change, after: undefined })
      if (after !== undefined) others.push({ ...change, before: undefined })
    }
    const resets = [...unreadable].map((table): Change => ({ kind: 'reset', table }))
    return [...deletes, ...others, ...resets]
  }

  #read(table: Table, rowid: bigint | undefined, key: Row): Row | undefined {
    const row = this.#block.own(table.select ?? '', ...(rowid === undefined ? key : [rowid]))
    if (row === undefined || rowid !== undefined) return row
    // A collation may have found another key that it takes for the same.
    return table.key.every((at, i) => isSame(row[at], key[i])) ? row : undefined
  }

  #schemaChange(action: SchemaAction, sql: string): Change {
    const isTable = action.operation === 'create' && action.type === 'table'
    const stored = isTable ? this.#block.own(TABLE_SQL, action.name)?.[0] : undefined
    return { kind: 'schema', ...action, sql: typeof stored === 'string' ? stored : sql.trim() }
  }

  /** All that can be said of a transaction that is beyond the bounds. */
  #resets(changes: readonly Change[]): readonly Change[] {
    const left = [...this.#tables].filter((name) => this.#catalog.get(name) !== undefined)
    return [
      ...changes.filter((change) => change.kind === 'schema'),
      ...left.map((table): Change => ({ kind: 'reset', table })),
    ]
  }
}
