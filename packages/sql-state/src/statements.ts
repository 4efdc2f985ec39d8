// Prepared statements of one connection. A connection lives for one block, one session or one height of reading, so
// what is cached never outlives what it was prepared against; a change of schema throws the cache away.

import { utf8 } from '@quorate/kernel'
import type { StatementNotes } from './authorizer.ts'
import { noNotes } from './authorizer.ts'
import type { Connection } from './connection.ts'
import type { Engine } from './engine.ts'
import type { Statement } from './statement.ts'

/** Statements kept prepared. */
const CACHED_MAX = 256
/** Longest text that is kept. */
const CACHED_LENGTH_MAX = 16_384

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

/** The statements of one connection: the clients' and our own. */
export class Statements {
  readonly #engine: Engine
  readonly #connection: Connection
  readonly #cached = new Map<string, Prepared>()
  readonly #own = new Map<string, Statement>()

  constructor(engine: Engine, connection: Connection) {
    this.#engine = engine
    this.#connection = connection
  }

  /** Gives `use` the one statement that `sql` holds, prepared and bound to nothing. */
  single<T>(sql: string, use: (prepared: Prepared) => T): T {
    const cached = this.#cached.get(sql)
    if (cached !== undefined) return use(cached)
    const text = utf8(sql)
    const prepared = this.#prepare(() => this.#connection.prepare(text))
    if (prepared === undefined)
      throw new StatementCountError('SQL_NO_STATEMENT', 'SQL string does not contain any statement')
    let isKept = false
    try {
      if (this.#hasMore(text.subarray(prepared.statement.consumed))) {
        throw new StatementCountError('SQL_MANY_STATEMENTS', 'SQL string contains more than one statement')
      }
      // A pragma may act while it is prepared, so that running it again means preparing it again.
      if (prepared.notes.pragma === undefined && !prepared.notes.changesSchema && sql.length <= CACHED_LENGTH_MAX) {
        if (this.#cached.size >= CACHED_MAX) this.drop()
        this.#cached.set(sql, prepared)
        isKept = true
      }
      return use(prepared)
    } finally {
      if (!isKept) prepared.statement.finalize()
    }
  }

  /**
   * Prepares the statements of `sql` one after the other, each when the one before has been used; gives `use` where
   * each begins.
   */
  each(sql: Uint8Array, use: (prepared: Prepared, at: number) => void): void {
    const text = this.#connection.load(sql)
    try {
      for (let at = 0; at < sql.length;) {
        const prepared = this.#prepare(() => this.#connection.prepareAt(text, at))
        if (prepared === undefined) return
        try {
          use(prepared, at)
        } finally {
          prepared.statement.finalize()
        }
        at += prepared.statement.consumed
      }
    } finally {
      this.#connection.unload(text)
    }
  }

  #prepare(work: () => Statement | undefined): Prepared | undefined {
    const notes = noNotes()
    const statement = this.#engine.authorized(notes, work)
    if (statement === undefined) return undefined
    // EXPLAIN COMMIT asks as COMMIT does, and does nothing.
    return { statement, notes: statement.isExplain ? noNotes() : notes }
  }

  /** Runs our own statement `sql`, outside the authorizer, and gives its first row. */
  own(sql: string, ...args: Parameters<Statement['bind']>[1][]): ReturnType<Statement['row']> | undefined {
    return this.#run(sql, args, (statement) => (statement.step() ? statement.row() : undefined))
  }

  /** Likewise, and gives all rows. */
  ownAll(sql: string): readonly ReturnType<Statement['row']>[] {
    return this.#run(sql, [], (statement) => {
      const rows: ReturnType<Statement['row']>[] = []
      while (statement.step()) rows.push(statement.row())
      return rows
    })
  }

  #run<T>(sql: string, args: readonly Parameters<Statement['bind']>[1][], use: (statement: Statement) => T): T {
    let statement = this.#own.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(utf8(sql))
      if (statement === undefined) throw new TypeError(`no statement: ${sql}`)
      this.#own.set(sql, statement)
    }
    try {
      args.forEach((value, i) => statement.bind(i + 1, value))
      return use(statement)
    } finally {
      // The step counter is the phase of the gas meter: the hundredth COMMIT of a block must cost what the first did.
      statement.steps()
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
    const next = this.#prepare(() => this.#connection.prepare(rest))
    next?.statement.finalize()
    return next !== undefined
  }
}
