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
  /** Length of its columns' names: each image of a row is told with them. */
  readonly namesLength: number
  /** Reads a row by its rowid, or by its primary key. Undefined where columns have taken all names of the rowid. */
  readonly select: string | undefined
  /** Reads all rows, the rowid first where there is one. */
  readonly selectAll: string | undefined
}

/** Tables by name, in lower case. */
export type Catalog = ReadonlyMap<string, Table>

const TABLES = "SELECT name, sql FROM sqlite_schema WHERE type = 'table'"
/** A table's primary key is an index of its own only where there are rowids to point to. */
const COLUMNS =
  'SELECT t.name, c.name, c.cid, c.pk, ' +
  "(SELECT count(*) FROM pragma_index_list(t.name) AS i WHERE i.origin = 'pk' " +
  'AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS s WHERE s.name = i.name)) ' +
  "FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' AND t.rootpage <> 0 AND c.hidden = 0 " +
  'ORDER BY t.rowid, c.cid'
const ROWID_NAMES = ['rowid', '_rowid_', 'oid'] as const
/** Tables that FTS5 and R-tree keep behind a virtual one, by the last word of their names. */
const SHADOW_WORDS: ReadonlySet<string> = new Set('config content data docsize idx node parent rowid'.split(' '))

/** All rows of a statement of our own. */
export function rowsOf(connection: Connection, sql: string): readonly (readonly SqlValue[])[] {
  const statement = connection.prepare(utf8(sql))
  const rows: SqlValue[][] = []
  try {
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

function tableOf(name: string, rows: readonly ColumnRow[], hasRowid: boolean): Table {
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
  const shape = { name, columns, numbers: rows.map((row) => row.number), key, hasRowid, namesLength }
  if (!hasRowid)
    return { ...shape, select: `SELECT ${list} ${from} WHERE ${where}`, selectAll: `SELECT ${list} ${from}` }
  if (rowid === undefined) return { ...shape, select: undefined, selectAll: undefined }
  return {
    ...shape,
    select: `SELECT ${list} ${from} WHERE ${rowid} = ?1`,
    selectAll: `SELECT ${rowid}, ${list} ${from} ORDER BY ${rowid}`,
  }
}

/** The tables as the connection sees them now. */
export function readCatalog(connection: Connection): Catalog {
  const virtual = new Set<string>()
  for (const [name, sql] of rowsOf(connection, TABLES))
    if (/^create\s+virtual\s/i.test(String(sql))) virtual.add(String(name).toLowerCase())
  const tables = new Map<string, { readonly name: string; readonly hasRowid: boolean; readonly rows: ColumnRow[] }>()
  for (const [table, column, number, keyPlace, isKeyWithoutIndex] of rowsOf(connection, COLUMNS)) {
    const name = String(table)
    const lower = name.toLowerCase()
    if (isInternal(name) || isShadow(lower, virtual)) continue
    const known = tables.get(lower) ?? { name, hasRowid: isKeyWithoutIndex === 0n, rows: [] }
    tables.set(lower, known)
    known.rows.push({ name: String(column), number: Number(number), keyPlace: Number(keyPlace) })
  }
  return new Map([...tables].map(([lower, { name, rows, hasRowid }]) => [lower, tableOf(name, rows, hasRowid)]))
}
