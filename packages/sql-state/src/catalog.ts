// Which tables there are whose rows belong to clients, and how to read a row of each. The ledger's own tables, SQLite's,
// virtual tables and their shadows are not among them.
//
// Not `pragma_table_list`, which would tell all this: it prepares every view, and a client's view may be such that
// preparing it never ends.

import { utf8 } from '@quorate/kernel'
import type { SqlValue } from '@quorate/types'
import { RESERVED_PREFIX } from './authorizer.ts'
import type { Connection } from './connection.ts'

/** A table whose rows belong to clients. */
export interface Table {
  readonly name: string
  /** Names of its columns, without those that are generated. */
  readonly columns: readonly string[]
  /** Of each of them its number in the table, generated columns counted. */
  readonly numbers: readonly number[]
  /** Positions in `columns` of the primary key, in its order. */
  readonly key: readonly number[]
  readonly hasRowid: boolean
  /** Where its rows begin in the file: stays when it is renamed. */
  readonly root: bigint
  /** Length of its columns' names: each image of a row is told with them. */
  readonly namesLength: number
  /** Reads a row by its rowid, or by its primary key. Undefined where columns have taken all names of the rowid. */
  readonly select: string | undefined
  /** Reads all rows, the rowid first where there is one. */
  readonly selectAll: string | undefined
}

/** Tables by name, spelt as SQLite remembers it: it folds the case of ASCII only, so that folding here would mix tables up. */
export type Catalog = ReadonlyMap<string, Table>

const VIRTUAL = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage = 0"
/** A primary key is an index of its own, with a row in the schema, only where there are rowids to point to. */
const IS_WITHOUT_ROWID =
  "t.sql LIKE '%without%' AND EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i WHERE i.origin = 'pk' " +
  'AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS s WHERE s.name = i.name))'
const ORDINARY = "t.type = 'table' AND t.rootpage <> 0"
const TABLES = `SELECT t.name, t.rootpage, ${IS_WITHOUT_ROWID} FROM sqlite_schema AS t WHERE ${ORDINARY}`
const COLUMNS =
  'SELECT t.name, c.name, c.cid, c.pk FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c ' +
  `WHERE ${ORDINARY} AND c.hidden = 0 ORDER BY t.rowid, c.cid`
/** The same of one table, which comes first in the plan. */
const ONE = ' AND t.name = ?1'
const NAME_AT = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage = ?1"
const ROWID_NAMES = ['rowid', '_rowid_', 'oid'] as const
/** Tables that FTS5 and R-tree keep behind a virtual one, by the last word of their names. */
const SHADOW_WORDS: ReadonlySet<string> = new Set('config content data docsize idx node parent rowid'.split(' '))

/** All rows of a statement of our own. */
export function rowsOf(
  connection: Connection,
  sql: string,
  ...args: readonly SqlValue[]
): readonly (readonly SqlValue[])[] {
  const statement = connection.prepare(utf8(sql))
  const rows: SqlValue[][] = []
  try {
    args.forEach((value, i) => statement?.bind(i + 1, value))
    while (statement?.step() === true) rows.push(statement.row())
  } finally {
    statement?.finalize()
  }
  return rows
}

/** A name as SQL spells it, whatever it contains. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function isShadow(name: string, virtual: ReadonlySet<string>): boolean {
  const at = name.lastIndexOf('_')
  return at > 0 && SHADOW_WORDS.has(name.slice(at + 1)) && virtual.has(name.slice(0, at))
}

/** Whether what is called so belongs to SQLite or the ledger. */
export function isInternal(name: string): boolean {
  const lower = name.toLowerCase()
  return lower.startsWith(RESERVED_PREFIX) || lower.startsWith('sqlite_')
}

interface ColumnRow {
  readonly name: string
  readonly number: number
  readonly keyPlace: number
}

interface TableRows {
  readonly name: string
  readonly root: bigint
  readonly hasRowid: boolean
  readonly rows: ColumnRow[]
}

function tableOf({ name, root, hasRowid, rows }: TableRows): Table {
  const columns = rows.map((row) => row.name)
  const key = [...rows.keys()]
    .filter((at) => (rows[at]?.keyPlace ?? 0) > 0)
    .sort((a, b) => (rows[a]?.keyPlace ?? 0) - (rows[b]?.keyPlace ?? 0))
  const taken = new Set(columns.map((column) => column.toLowerCase()))
  const rowid = ROWID_NAMES.find((each) => !taken.has(each))
  const list = columns.map(quoted).join(', ')
  const where = key.map((at, i) => `${quoted(columns[at] ?? '')} IS ?${i + 1}`).join(' AND ')
  const from = `FROM main.${quoted(name)}`
  const namesLength = columns.reduce((sum, column) => sum + column.length, 0)
  const shape = { name, columns, numbers: rows.map((row) => row.number), key, hasRowid, root, namesLength }
  if (!hasRowid)
    return { ...shape, select: `SELECT ${list} ${from} WHERE ${where}`, selectAll: `SELECT ${list} ${from}` }
  if (rowid === undefined) return { ...shape, select: undefined, selectAll: undefined }
  return {
    ...shape,
    select: `SELECT ${list} ${from} WHERE ${rowid} = ?1`,
    selectAll: `SELECT ${rowid}, ${list} ${from} ORDER BY ${rowid}`,
  }
}

function read(connection: Connection, name: string | undefined): readonly Table[] {
  const [filter, args] = name === undefined ? ['', []] : [ONE, [name]]
  const virtual = new Set(rowsOf(connection, VIRTUAL).map(([each]) => String(each).toLowerCase()))
  const tables = new Map<string, TableRows>()
  for (const [table, root, isWithout] of rowsOf(connection, TABLES + filter, ...args)) {
    const each = String(table)
    if (isInternal(each) || isShadow(each.toLowerCase(), virtual)) continue
    tables.set(each, { name: each, root: root as bigint, hasRowid: isWithout === 0n, rows: [] })
  }
  for (const [table, column, number, keyPlace] of rowsOf(
    connection,
    COLUMNS.replace(' ORDER', `${filter} ORDER`),
    ...args,
  ))
    tables.get(String(table))?.rows.push({ name: String(column), number: Number(number), keyPlace: Number(keyPlace) })
  return [...tables.values()].map(tableOf)
}

/** The tables as the connection sees them now. */
export function readCatalog(connection: Connection): Map<string, Table> {
  return new Map(read(connection, undefined).map((table) => [table.name, table]))
}

/** One of them; undefined where there is none of this name. */
export function readTable(connection: Connection, name: string): Table | undefined {
  return read(connection, name)[0]
}

/** Name of the table that was `table`, and may have been renamed. */
export function presentName(connection: Connection, table: Table): string | undefined {
  const [row] = rowsOf(connection, NAME_AT, table.root)
  return row === undefined ? undefined : String(row[0])
}

/** Names of the tables that a virtual table of this name hides as its own. */
export function shadowsOf(name: string): readonly string[] {
  return [...SHADOW_WORDS].map((word) => `${name}_${word}`)
}
