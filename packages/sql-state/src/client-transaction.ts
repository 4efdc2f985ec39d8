// What a client says of transactions, interpreted.
//
// The client believes it talks to a connection of its own, in autocommit, with BEGIN and COMMIT. Passed through, its
// COMMIT would end the ledger's transaction. So its BEGIN is a savepoint of ours, and what SQLite would do at a commit
// (settle deferred foreign keys, forget `defer_foreign_keys`) is done at the point the client thinks is one. Names of
// our savepoints are reserved by the authorizer.

import { StatementRefusal } from './failure.ts'
import type { Connection } from './connection.ts'
import type { Statements } from './statements.ts'

const CLIENT = '_quorate_client'
const UNIT = '_quorate_unit'
/** A comment that is not closed ends with the text: looking for its end again from each place within takes for ever. */
const COMMENTS = /\/\*.*?(?:\*\/|$)|--[^\n]*/gs

function foreignKeyRefusal(): StatementRefusal {
  return new StatementRefusal('SQLITE_CONSTRAINT', 'FOREIGN KEY constraint failed')
}

/** The transaction that the client sees, on a connection that is inside one of ours. */
export class ClientTransaction {
  readonly #connection: Connection
  readonly #statements: Statements
  #isOpen = false
  /** Opened by SAVEPOINT instead of BEGIN: releasing the outermost savepoint commits. */
  #isImplicit = false
  #isReadonly = false
  readonly #savepoints: string[] = []
  #foreignKeys = true
  #deferred = false

  constructor(connection: Connection, statements: Statements) {
    this.#connection = connection
    this.#statements = statements
  }

  /** Whether the client is inside BEGIN. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether the client promised not to write. */
  get isReadonly(): boolean {
    return this.#isReadonly
  }

  /** Whether the foreign keys of what was done would fail a commit now. */
  get hasDebt(): boolean {
    return this.#connection.hasForeignKeyDebt
  }

  /** BEGIN, COMMIT or ROLLBACK. @param sql - The statement's text. */
  control(operation: string, sql: string): void {
    if (operation === 'BEGIN') this.#begin(sql)
    else if (operation === 'COMMIT') this.#commit()
    else this.#rollbackByClient()
  }

  /** SAVEPOINT (operation BEGIN), RELEASE or ROLLBACK TO. Outside BEGIN the outermost one is a transaction. */
  savepoint(operation: string, name: string): void {
    const quoted = `"${name.replaceAll('"', '""')}"`
    if (operation === 'BEGIN') {
      if (!this.#isOpen) this.#open(true)
      this.#connection.exec(`SAVEPOINT ${quoted}`)
      this.#savepoints.push(name)
      return
    }
    const at = this.#savepoints.lastIndexOf(name)
    if (at < 0) throw new StatementRefusal('SQLITE_ERROR', `no such savepoint: ${name}`)
    if (operation === 'ROLLBACK') {
      // The schema may go back to what cached statements don't know.
      this.#statements.drop()
      this.#connection.exec(`ROLLBACK TO ${quoted}`)
      this.#savepoints.length = at + 1
      return
    }
    const isOutermost = at === 0 && this.#isImplicit
    if (isOutermost && this.hasDebt) throw foreignKeyRefusal()
    this.#connection.exec(`RELEASE ${quoted}`)
    this.#savepoints.length = at
    if (isOutermost) this.#commit()
  }

  /** `PRAGMA foreign_keys = argument`: like SQLite's, without effect inside a transaction. */
  foreignKeys(argument: string): void {
    if (!this.#isOpen) this.#setForeignKeys(/^(1|on|yes|true)$/i.test(argument))
  }

  /** A statement `PRAGMA defer_foreign_keys` was prepared; it holds until the client's transaction ends. */
  deferForeignKeys(): void {
    this.#deferred = true
    if (!this.#isOpen) this.#undefer()
  }

  /**
   * Runs a statement that is a transaction by itself: its changes stand together or not at all, foreign keys settled.
   */
  unit<T>(work: () => T): T {
    this.#statements.own(`SAVEPOINT ${UNIT}`)
    try {
      const result = work()
      if (!this.#isOpen && this.hasDebt) throw foreignKeyRefusal()
      this.#statements.own(`RELEASE ${UNIT}`)
      return result
    } catch (error) {
      // Where SQLite has rolled back everything, there is no savepoint left.
      if (this.#connection.isAutocommit) throw error
      // INSERT OR FAIL keeps what it did before it failed, and that may be what no commit accepts.
      const isOwed = !this.#isOpen && this.hasDebt
      if (isOwed || error instanceof StatementRefusal) this.#backTo(UNIT)
      else this.#statements.own(`RELEASE ${UNIT}`)
      throw isOwed ? foreignKeyRefusal() : error
    }
  }

  /** The program ends: what the client left open is rolled back, its settings go. */
  finish(): void {
    if (this.#isOpen) this.#rollback()
    if (!this.#foreignKeys) this.#setForeignKeys(true)
  }

  #begin(sql: string): void {
    if (this.#isOpen) throw new StatementRefusal('SQLITE_ERROR', 'cannot start a transaction within a transaction')
    this.#open(false)
    // SQLite takes READONLY for a name and lets writes through; libSQL's clients mean it.
    this.#isReadonly = /\bREADONLY\b/i.test(sql.replaceAll(COMMENTS, ' '))
  }

  #open(isImplicit: boolean): void {
    this.#statements.own(`SAVEPOINT ${CLIENT}`)
    this.#isOpen = true
    this.#isImplicit = isImplicit
  }

  #commit(): void {
    if (!this.#isOpen) throw new StatementRefusal('SQLITE_ERROR', 'cannot commit - no transaction is active')
    if (this.hasDebt) throw foreignKeyRefusal()
    this.#statements.own(`RELEASE ${CLIENT}`)
    this.#close()
  }

  #rollbackByClient(): void {
    if (!this.#isOpen) throw new StatementRefusal('SQLITE_ERROR', 'cannot rollback - no transaction is active')
    this.#rollback()
  }

  #rollback(): void {
    this.#backTo(CLIENT)
    this.#close()
  }

  #backTo(savepoint: string): void {
    this.#statements.drop()
    this.#statements.own(`ROLLBACK TO ${savepoint}`)
    this.#statements.own(`RELEASE ${savepoint}`)
  }

  #close(): void {
    this.#isOpen = false
    this.#isReadonly = false
    this.#savepoints.length = 0
    this.#undefer()
  }

  #undefer(): void {
    if (this.#deferred) this.#connection.exec('PRAGMA defer_foreign_keys=OFF')
    this.#deferred = false
  }

  #setForeignKeys(on: boolean): void {
    this.#foreignKeys = on
    this.#statements.drop()
    this.#connection.setForeignKeys(on)
  }
}
