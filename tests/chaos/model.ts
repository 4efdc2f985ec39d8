// The serial model: a plain SQLite that runs the clients' statements in the ledger's order, one after the other. It shares
// nothing with the engine of the replicas, which is what makes its word worth something.

import { DatabaseSync } from 'node:sqlite'
import { cellOf } from './history.ts'
import type { Cell, Result, Statement } from './history.ts'

/** What a transaction gave in the model. `code` is SQLite's primary code name. */
export type ModelAnswer =
  | { readonly kind: 'done'; readonly results: readonly Result[] }
  | { readonly kind: 'failed'; readonly code: string }

const SQLITE_CONSTRAINT = 19

/** A database that nobody else touches. */
export class Model {
  readonly #db = new DatabaseSync(':memory:')

  /** Runs all of `statements` or none. Throws at an error that the load doesn't make on purpose. */
  run(statements: readonly Statement[]): ModelAnswer {
    this.#db.exec('BEGIN')
    try {
      const results = statements.map((statement): Result => {
        const rows = this.rows(statement)
        const changed = Object.values(this.#db.prepare('SELECT changes()').get() ?? {})[0]
        const isChange = !/^\s*(?:SELECT|CREATE)\b/i.test(statement.sql)
        return { rows, affectedRows: isChange ? Number(changed) : 0 }
      })
      this.#db.exec('COMMIT')
      return { kind: 'done', results }
    } catch (error) {
      this.#db.exec('ROLLBACK')
      const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
      if (code !== SQLITE_CONSTRAINT) throw error
      return { kind: 'failed', code: 'SQLITE_CONSTRAINT' }
    }
  }

  /** The rows of one statement. */
  rows({ sql, args }: Statement): readonly (readonly Cell[])[] {
    const statement = this.#db.prepare(sql)
    statement.setReadBigInts(true)
    return statement.all(...args).map((row) => Object.values(row).map(cellOf))
  }

  close(): void {
    this.#db.close()
  }
}
