// What a client's statement may do, asked by SQLite while it prepares. An allow-list where the effect leaves the
// database or depends on the machine, a deny-list for the ledger's own tables. What the statement turns out to be (a
// BEGIN, a schema change) is noted on the way: SQLite's own parser says it best.

import {
  FORBIDDEN_FUNCTIONS,
  FORBIDDEN_TABLES,
  PRAGMAS_FREE,
  PRAGMAS_NESTED,
  PRAGMAS_READ,
  VIRTUAL_TABLE_MODULES,
} from './rules.ts'

/** Names that begin so belong to the ledger: clients may read them. */
export const RESERVED_PREFIX = '_quorate'

const ACTION = {
  delete: 9,
  insert: 18,
  pragma: 19,
  read: 20,
  transaction: 22,
  update: 23,
  attach: 24,
  detach: 25,
  createVirtualTable: 29,
  function: 31,
  savepoint: 32,
} as const
const TEMP_ACTIONS: ReadonlySet<number> = new Set([3, 4, 5, 6, 12, 13, 14, 15])
const SCHEMA_ACTIONS: ReadonlySet<number> = new Set([1, 2, 7, 8, 10, 11, 16, 17, 26, 27, 28, 29, 30])
const TEMP_SCHEMAS: ReadonlySet<string> = new Set(['sqlite_temp_master', 'sqlite_temp_schema'])
/** REINDEX and ANALYZE, which ask for every table and change none. */
const REBUILD_ACTIONS: ReadonlySet<number> = new Set([27, 28])
/** CREATE INDEX, CREATE TRIGGER, DROP INDEX, DROP TRIGGER: the second argument is the table. ALTER TABLE: likewise. */
const ON_TABLE_ACTIONS: ReadonlySet<number> = new Set([1, 7, 10, 16, 26])

/** What a statement does to the schema. */
export interface SchemaAction {
  readonly operation: 'create' | 'drop' | 'alter'
  readonly type: 'table' | 'index' | 'trigger' | 'view'
  readonly name: string
  /** The table it is about; of a table or a view, itself. */
  readonly table: string
}

/** What a statement turned out to be while it was prepared. */
export interface StatementNotes {
  /** BEGIN, COMMIT or ROLLBACK; or SAVEPOINT's BEGIN, ROLLBACK or RELEASE with a name. */
  control: { readonly kind: 'transaction' | 'savepoint'; readonly operation: string; readonly name: string } | undefined
  pragma: { readonly name: string; readonly argument: string | undefined } | undefined
  changesSchema: boolean
  schemaAction: SchemaAction | undefined
  changesRows: boolean
}

/** Notes of a statement that is nothing special. */
export function noNotes(): StatementNotes {
  return { control: undefined, pragma: undefined, changesSchema: false, schemaAction: undefined, changesRows: false }
}

/** REINDEX and ANALYZE are none. */
const SCHEMA_WORDS: ReadonlyMap<number, readonly [SchemaAction['operation'], SchemaAction['type']]> = new Map([
  [1, ['create', 'index']],
  [2, ['create', 'table']],
  [7, ['create', 'trigger']],
  [8, ['create', 'view']],
  [10, ['drop', 'index']],
  [11, ['drop', 'table']],
  [16, ['drop', 'trigger']],
  [17, ['drop', 'view']],
  [26, ['alter', 'table']],
  [29, ['create', 'table']],
  [30, ['drop', 'table']],
])

function schemaActionOf(
  action: number,
  first: string | undefined,
  second: string | undefined,
): SchemaAction | undefined {
  const [operation, type] = SCHEMA_WORDS.get(action) ?? []
  if (operation === undefined || type === undefined) return undefined
  // ALTER TABLE names the database first.
  const name = (operation === 'alter' ? second : first) ?? ''
  const isOnTable = type === 'index' || type === 'trigger'
  return { operation, type, name, table: isOnTable ? (second ?? '') : name }
}

function isReserved(name: string | undefined): boolean {
  return name !== undefined && name.toLowerCase().startsWith(RESERVED_PREFIX)
}

function mayPragma(name: string, argument: string | undefined): boolean {
  if (PRAGMAS_FREE.has(name)) return true
  // Interpreted, not run (see program-run.ts): inside a transaction SQLite would ignore it.
  if (name === 'foreign_keys') return true
  return PRAGMAS_READ.has(name) && argument === undefined
}

/** A pragma may be read like a table, `pragma_table_info`; then SQLite asks for the pragma itself only when it runs. */
function mayRead(table: string): boolean {
  if (FORBIDDEN_TABLES.has(table)) return false
  if (!table.startsWith('pragma_')) return true
  const pragma = table.slice('pragma_'.length)
  return mayPragma(pragma, undefined) && pragma !== 'optimize'
}

/** What SQLite asks about, in the order of sqlite3_set_authorizer. */
export interface Question {
  readonly action: number
  readonly first: string | undefined
  readonly second: string | undefined
  /** `main` or `temp`, where it is about a table. */
  readonly database: string | undefined
}

/** SQLite's question; false denies, and the statement fails with SQLITE_AUTH. */
export function authorize(notes: StatementNotes, { action, first, second, database }: Question): boolean {
  if (action === ACTION.read) return first === undefined || mayRead(first.toLowerCase())
  // ALTER TABLE looks for references in the temporary schema, where there are none.
  if (database === 'temp' && action === ACTION.update && TEMP_SCHEMAS.has(first ?? '')) return true
  if (TEMP_ACTIONS.has(action) || database === 'temp') return false
  if (SCHEMA_ACTIONS.has(action)) {
    notes.changesSchema = true
    notes.schemaAction ??= schemaActionOf(action, first, second)
    if (action === ACTION.createVirtualTable && !VIRTUAL_TABLE_MODULES.has((second ?? '').toLowerCase())) return false
    if (REBUILD_ACTIONS.has(action)) return true
    return !isReserved(first) && !(ON_TABLE_ACTIONS.has(action) && isReserved(second))
  }
  switch (action) {
    case ACTION.attach:
    case ACTION.detach:
      return false
    case ACTION.insert:
    case ACTION.update:
    case ACTION.delete:
      if (first !== 'sqlite_master' && first !== 'sqlite_schema') notes.changesRows = true
      return !isReserved(first)
    case ACTION.pragma: {
      const name = (first ?? '').toLowerCase()
      notes.pragma = { name, argument: second }
      return mayPragma(name, second)
    }
    case ACTION.transaction:
      notes.control = { kind: 'transaction', operation: first ?? '', name: '' }
      return true
    case ACTION.savepoint:
      notes.control = { kind: 'savepoint', operation: first ?? '', name: (second ?? '').toLowerCase() }
      return !isReserved(second)
    case ACTION.function:
      return !FORBIDDEN_FUNCTIONS.has((second ?? '').toLowerCase())
    default:
      return true
  }
}

/**
 * The same question about a statement that SQLite prepares by itself while a client's runs: for FTS5, ALTER TABLE, a
 * pragma read as a table.
 */
export function authorizeNested(action: number, first: string | undefined): boolean {
  if (action === ACTION.attach || action === ACTION.detach) return false
  if (action !== ACTION.pragma) return true
  const name = (first ?? '').toLowerCase()
  return PRAGMAS_FREE.has(name) || PRAGMAS_READ.has(name) || PRAGMAS_NESTED.has(name)
}
