// Prepared statements of one connection. A connection lives for one block, one session or one height of reading, so what is
// cached never outlives what it was prepared against; a change of schema throws the cache away.

import { utf8 } from '@quorate/kernel'
import type { StatementNotes } from './authorizer.ts'
import { noNotes } from './authorizer.ts'
import type { Connection, Statement } from './connection.ts'
import type { Engine } from './engine.ts'

/** Statements kept prepared. */
const CACHED_MAX = 256

/** A client's statement, prepared. */
export interface Prepared {
  readonly statement: Statement
  readonly notes: StatementNotes
}

/** Thrown for SQL texts that hold no statement, or more than one where one belongs. */
export class StatementCountError extends Error {
  readonly code: 'SQL_NO_STATEMENT' | 'SQL_MANY_STATEMENTS'

  constructor(code: 'SQL_NO_STATEMENT' | 'SQL_MANY_STATEMENTS', message: string) {
    super(message)
    this.code = code
  }
}

export class Statements {
  readonly #engine: Engine
  readonly #connection: Connection
  readonly #cached = new Map<string, Prepared>()
  readonly #own = new Map<string, Statement>()

  constructor(engine: Engine, connection: Connection) {
    this.#engine = engine
    this.#connection = connection
  }

  /** Prepares what must be exactly one statement. Reset it after use; don't finalize it. */
  single(sql: string): Prepared {
    const cached = this.#cached.get(sql)
    if (cached !== undefined) return cached
    const text = utf8(sql)
    const prepared = this.first(text)
    if (prepared === undefined) throw new StatementCountError('SQL_NO_STATEMENT', 'SQL string does not contain any statement')
    if (this.#hasMore(text.subarray(prepared.statement.consumed))) {
      prepared.statement.finalize()
      throw new StatementCountError('SQL_MANY_STATEMENTS', 'SQL string contains more than one statement')
    }
    if (this.#cached.size >= CACHED_MAX) this.drop()
    this.#cached.set(sql, prepared)
    return prepared
  }

  /** Prepares the first statement of `text`, uncached: finalize it. Undefined where there is none. */
  first(text: Uint8Array): Prepared | undefined {
    const notes = noNotes()
    const statement = this.#engine.authorized(notes, () => this.#connection.prepare(text))
    return statement === undefined ? undefined : { statement, notes }
  }

  /** Runs our own statement `sql`, outside authorizer and gas, and gives its first row. */
  own(sql: string, ...args: Parameters<Statement['bind']>[1][]): ReturnType<Statement['row']> | undefined {
    let statement = this.#own.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(utf8(sql))
      if (statement === undefined) throw new TypeError(`no statement: ${sql}`)
      this.#own.set(sql, statement)
    }
    try {
      args.forEach((value, i) => statement.bind(i + 1, value))
      const row = statement.step() ? statement.row() : undefined
      if (row !== undefined && !statement.isReadonly) while (statement.step());
      return row
    } finally {
      statement.reset()
    }
  }

  /** Forgets clients' statements: the schema changed, or a setting they were prepared under. */
  drop(): void {
    for (const { statement } of this.#cached.values()) statement.finalize()
    this.#cached.clear()
  }

  /** Forgets everything; the connection is about to close. */
  close(): void {
    this.drop()
    for (const statement of this.#own.values()) statement.finalize()
    this.#own.clear()
  }

  #hasMore(rest: Uint8Array): boolean {
    if (rest.length === 0) return false
    const next = this.first(rest)
    next?.statement.finalize()
    return next !== undefined
  }
}
