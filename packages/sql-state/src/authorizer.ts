// What a client's statement may do, asked by SQLite while it prepares. An allow-list where the effect leaves the database or
// depends on the machine, a deny-list for the ledger's own tables. What the statement turns out to be (a BEGIN, a schema change)
// is noted on the way: SQLite's own parser says it best.

import { PRAGMAS_FREE, PRAGMAS_READ } from './rules.ts'

/** Names that begin so belong to the ledger: clients may read them. */
export const RESERVED_PREFIX = '_quorate_'

const ACTION = { delete: 9, insert: 18, pragma: 19, transaction: 22, update: 23, attach: 24, detach: 25, function: 31, savepoint: 32 } as const
const TEMP_ACTIONS: ReadonlySet<number> = new Set([3, 4, 5, 6, 12, 13, 14, 15])
const SCHEMA_ACTIONS: ReadonlySet<number> = new Set([1, 2, 7, 8, 10, 11, 16, 17, 26, 27, 28, 29, 30])
const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set(['load_extension', 'fts3_tokenizer', 'readfile', 'writefile', 'edit', 'sqlite_source_id'])

/** What a statement turned out to be while it was prepared. */
export interface StatementNotes {
  /** BEGIN, COMMIT or ROLLBACK; or SAVEPOINT's BEGIN, ROLLBACK or RELEASE with a name. */
  control: { readonly kind: 'transaction' | 'savepoint'; readonly operation: string; readonly name: string } | undefined
  pragma: { readonly name: string; readonly argument: string | undefined } | undefined
  changesSchema: boolean
  changesRows: boolean
}

/** Notes of a statement that is nothing special. */
export function noNotes(): StatementNotes {
  return { control: undefined, pragma: undefined, changesSchema: false, changesRows: false }
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

/** SQLite's question with its arguments; false denies, and the statement fails with SQLITE_AUTH. */
export function authorize(notes: StatementNotes, action: number, first: string | undefined, second: string | undefined): boolean {
  if (TEMP_ACTIONS.has(action)) return false
  if (SCHEMA_ACTIONS.has(action)) {
    notes.changesSchema = true
    return !isReserved(first) && !(action === 26 && isReserved(second)) && !((action === 1 || action === 7) && isReserved(second))
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
