// Runs a client's program on a connection that is already inside a transaction: the block's, or a reader's.
//
// The client believes it talks to a connection of its own, in autocommit, with BEGIN and COMMIT. Passed through, its COMMIT would
// end the block. So what it says of transactions is interpreted with savepoints, and what SQLite would do at a commit (settle
// deferred foreign keys) is done at the point the client thinks is one. Names of our savepoints are reserved by the authorizer.

import { assert, utf8 } from '@quorate/kernel'
import type { Condition, Description, Program, ProgramRequest, Reply, SqlError, Statement as Words, StatementResult, Step, StepReply } from '@quorate/types'
import { bindArguments } from './arguments.ts'
import type { Connection } from './connection.ts'
import { SqliteError } from './connection.ts'
import type { Seen } from './digest.ts'
import { digestOf } from './digest.ts'
import type { Engine, GasMeter } from './engine.ts'
import { LocalTrouble, ProgramConflict, ProgramFailure } from './failure.ts'
import { RULES } from './rules.ts'
import type { Prepared } from './statements.ts'
import { StatementCountError, Statements } from './statements.ts'
import { statementSeed } from './vfs.ts'
import { RESULT } from './wasm.ts'

const CLIENT = '_quorate_client'
const UNIT = '_quorate_unit'
const CORRUPT_VIRTUAL_TABLE = 267

/** A statement's failure that its client sees, with the rest of the program going on. */
class Refusal extends Error {
  readonly error: SqlError

  constructor(code: string, message: string) {
    super(message)
    this.error = { code, message }
  }
}

/** What a program runs with. */
export interface RunContext {
  readonly engine: Engine
  readonly connection: Connection
  readonly statements: Statements
  readonly meter: GasMeter
  /** Seed of the transaction; each statement draws from its own part. */
  readonly seed: Uint8Array
  /** A reader: whatever isn't read-only fails with SQLITE_READONLY. */
  readonly isReader: boolean
  /** Told what each statement showed, in order. */
  readonly onSeen?: (words: Words, seen: Seen) => void
}

/** One program on one connection. */
export class ProgramRun {
  readonly #context: RunContext
  #inTransaction = false
  /** Opened by SAVEPOINT instead of BEGIN: releasing the outermost savepoint commits. */
  #isImplicit = false
  #isReadonly = false
  readonly #savepoints: string[] = []
  #statement = 0
  #resultBytes = 0
  #isSingle = false
  #foreignKeys = true

  constructor(context: RunContext) {
    this.#context = context
  }

  /** Whether the client is outside BEGIN. */
  get isAutocommit(): boolean {
    return !this.#inTransaction
  }

  /** All requests, in order. Throws ProgramFailure or ProgramConflict where everything must be undone. */
  run(program: Program): readonly Reply[] {
    const [only] = program.requests
    this.#isSingle = program.requests.length === 1 && only?.kind === 'execute'
    const replies = program.requests.map((request) => this.#request(request))
    this.finish()
    return replies
  }

  /** One statement of an interactive transaction. */
  step(words: Words): StepReply {
    return this.#execute(words)
  }

  /** Rolls back what the client left open, and its settings. */
  finish(): void {
    if (this.#inTransaction) this.#rollback()
    if (!this.#foreignKeys) this.#setForeignKeys(true)
  }

  describe(sql: string): Reply {
    try {
      const { statement } = this.#context.statements.single(sql)
      const description: Description = {
        parameters: statement.parameters.map((name) => (name === undefined ? {} : { name })),
        columns: statement.columns,
        isExplain: statement.isExplain,
        isReadonly: statement.isReadonly,
      }
      return { kind: 'description', description }
    } catch (error) {
      return { kind: 'error', error: this.#expected(error) }
    }
  }

  #request(request: ProgramRequest): Reply {
    switch (request.kind) {
      case 'execute': {
        const reply = this.#execute(request.statement)
        assert(reply.kind !== 'skipped', 'a statement without a condition is not skipped')
        return reply
      }
      case 'batch':
        return { kind: 'batch', steps: this.#batch(request.steps) }
      case 'sequence':
        return this.#sequence(request.sql)
      case 'describe':
        return this.describe(request.sql)
      case 'autocommit':
        return { kind: 'autocommit', autocommit: this.isAutocommit }
    }
  }

  #batch(steps: readonly Step[]): StepReply[] {
    const replies: StepReply[] = []
    for (const { condition, statement } of steps) {
      const isMet = condition === undefined || this.#isMet(condition, replies)
      replies.push(isMet ? this.#execute(statement) : { kind: 'skipped' })
    }
    return replies
  }

  #isMet(condition: Condition, replies: readonly StepReply[]): boolean {
    switch (condition.kind) {
      case 'ok':
        return replies[condition.step]?.kind === 'result'
      case 'error':
        return replies[condition.step]?.kind === 'error'
      case 'not':
        return !this.#isMet(condition.condition, replies)
      case 'and':
        return condition.conditions.every((each) => this.#isMet(each, replies))
      case 'or':
        return condition.conditions.some((each) => this.#isMet(each, replies))
      case 'autocommit':
        return this.isAutocommit
    }
  }

  #sequence(sql: string): Reply {
    let rest = utf8(sql)
    const nothing = { sql, args: [], namedArgs: [], wantRows: false }
    try {
      while (rest.length > 0) {
        const prepared = this.#context.statements.first(rest)
        if (prepared === undefined) break
        try {
          this.#perform(prepared, nothing)
        } finally {
          prepared.statement.finalize()
        }
        rest = rest.subarray(prepared.statement.consumed)
      }
      return { kind: 'sequence' }
    } catch (error) {
      return { kind: 'error', error: this.#expected(error) }
    }
  }

  #execute(words: Words): StepReply {
    const { statements, onSeen } = this.#context
    let seen: Seen
    let reply: StepReply
    let isControl = false
    try {
      const prepared = statements.single(words.sql)
      isControl = prepared.notes.control?.kind === 'transaction'
      const before = this.#context.connection.lastInsertRowid
      const result = this.#perform(prepared, words)
      const { changesRows } = prepared.notes
      const inserted = changesRows && this.#context.connection.lastInsertRowid !== before
      seen = { kind: 'result', result, wantRows: words.wantRows, changedRows: changesRows, inserted }
      reply = { kind: 'result', result }
    } catch (error) {
      const expected = this.#expected(error)
      seen = { kind: 'error', error: expected }
      reply = { kind: 'error', error: expected }
    }
    if (!isControl) onSeen?.(words, seen)
    if (words.expect !== undefined && words.expect !== digestOf(seen)) throw new ProgramConflict(this.#statement - 1)
    return reply
  }

  /** The error a client sees; rethrows what ends the program. */
  #expected(error: unknown): SqlError {
    if (error instanceof Refusal) return error.error
    if (error instanceof StatementCountError) return { code: error.code, message: error.message }
    if (!(error instanceof SqliteError)) throw error
    const { connection, engine } = this.#context
    const tookBlock = connection.isAutocommit
    const primary = error.result % 256
    if (primary === RESULT.interrupt) {
      throw new ProgramFailure({ code: 'OUT_OF_GAS', message: `out of gas: more than ${RULES.transactionGasMax} steps` }, tookBlock)
    }
    if (primary === RESULT.nomem) {
      if (!engine.hasMemory) throw new LocalTrouble('the SQL engine has no memory left')
      throw new ProgramFailure({ code: 'SQLITE_NOMEM', message: `out of memory: more than ${RULES.heapBytesMax} bytes` }, tookBlock)
    }
    const isDamaged = primary === RESULT.corrupt && error.result !== CORRUPT_VIRTUAL_TABLE
    if (primary === RESULT.ioerr || primary === RESULT.cantopen || isDamaged) throw new LocalTrouble(`SQL engine: ${error.message}`)
    if (tookBlock) throw new ProgramFailure(error.error, true)
    return error.error
  }

  /** Runs a prepared statement as the client means it. */
  #perform(prepared: Prepared, words: Words): StatementResult {
    const { statement, notes } = prepared
    if (notes.control !== undefined) return this.#control(prepared, words)
    if (notes.pragma?.name === 'foreign_keys' && notes.pragma.argument !== undefined) return this.#pragmaForeignKeys(notes.pragma.argument)
    if (!statement.isReadonly && (this.#context.isReader || this.#isReadonly)) {
      throw new Refusal('SQLITE_READONLY', 'attempt to write a readonly database')
    }
    if (this.#inTransaction || statement.isReadonly || this.#isSingle) return this.#finishUnit(prepared, words)
    const { statements } = this.#context
    statements.own(`SAVEPOINT ${UNIT}`)
    try {
      const result = this.#finishUnit(prepared, words)
      statements.own(`RELEASE ${UNIT}`)
      return result
    } catch (error) {
      if (!this.#context.connection.isAutocommit) {
        if (error instanceof Refusal) statements.own(`ROLLBACK TO ${UNIT}`)
        statements.own(`RELEASE ${UNIT}`)
      }
      throw error
    }
  }

  /** Runs the statement; outside BEGIN, settles foreign keys as its own commit would. */
  #finishUnit(prepared: Prepared, words: Words): StatementResult {
    const { connection, statements } = this.#context
    const result = this.#step(prepared, words)
    if (!this.#inTransaction && !prepared.statement.isReadonly && connection.hasForeignKeyDebt) {
      if (this.#isSingle) throw new ProgramFailure({ code: 'SQLITE_CONSTRAINT', message: 'FOREIGN KEY constraint failed' }, false)
      throw new Refusal('SQLITE_CONSTRAINT', 'FOREIGN KEY constraint failed')
    }
    if (prepared.notes.changesSchema) statements.drop()
    return result
  }

  #step({ statement, notes }: Prepared, words: Words): StatementResult {
    const { engine, connection, meter, seed } = this.#context
    engine.vfs.reseed(statementSeed(seed, this.#statement))
    this.#statement += 1
    const rows: ReturnType<typeof statement.row>[] = []
    const columns = words.wantRows ? statement.columns : []
    try {
      bindArguments(statement, words)
      engine.metered(meter, () => {
        while (statement.step()) {
          if (!words.wantRows) continue
          const row = statement.row()
          this.#weigh(row)
          rows.push(row)
        }
      })
    } finally {
      statement.reset()
      meter.end(statement.steps())
    }
    const rowid = connection.lastInsertRowid
    const affectedRows = notes.changesRows && !notes.changesSchema ? connection.changes : 0
    return { columns, rows, affectedRows, ...(rowid === 0n ? {} : { lastInsertRowid: rowid }) }
  }

  #weigh(row: readonly unknown[]): void {
    for (const value of row) {
      this.#resultBytes += typeof value === 'string' ? value.length * 3 : value instanceof Uint8Array ? value.length + 4 : 9
    }
    this.#resultBytes += 1
    if (this.#resultBytes > RULES.resultBytesMax) {
      throw new ProgramFailure({ code: 'RESPONSE_TOO_LARGE', message: `the rows take more than ${RULES.resultBytesMax} bytes` }, false)
    }
  }

  #control(prepared: Prepared, words: Words): StatementResult {
    const { control } = prepared.notes
    assert(control !== undefined, 'a control statement')
    if (control.kind === 'savepoint') this.#savepoint(prepared, words)
    else if (control.operation === 'BEGIN') this.#begin(words.sql)
    else if (control.operation === 'COMMIT') this.#commit()
    else this.#rollbackByClient()
    const rowid = this.#context.connection.lastInsertRowid
    return { columns: [], rows: [], affectedRows: 0, ...(rowid === 0n ? {} : { lastInsertRowid: rowid }) }
  }

  #begin(sql: string): void {
    if (this.#inTransaction) throw new Refusal('SQLITE_ERROR', 'cannot start a transaction within a transaction')
    this.#open(false)
    // SQLite takes READONLY for a name and lets writes through; libSQL's clients mean it.
    this.#isReadonly = /^\W*BEGIN\b.*\bREADONLY\b/is.test(sql)
  }

  #open(isImplicit: boolean): void {
    this.#context.statements.own(`SAVEPOINT ${CLIENT}`)
    this.#inTransaction = true
    this.#isImplicit = isImplicit
  }

  #commit(): void {
    if (!this.#inTransaction) throw new Refusal('SQLITE_ERROR', 'cannot commit - no transaction is active')
    if (this.#context.connection.hasForeignKeyDebt) throw new Refusal('SQLITE_CONSTRAINT', 'FOREIGN KEY constraint failed')
    this.#context.statements.own(`RELEASE ${CLIENT}`)
    this.#close()
  }

  #rollbackByClient(): void {
    if (!this.#inTransaction) throw new Refusal('SQLITE_ERROR', 'cannot rollback - no transaction is active')
    this.#rollback()
  }

  #rollback(): void {
    const { statements } = this.#context
    statements.drop()
    statements.own(`ROLLBACK TO ${CLIENT}`)
    statements.own(`RELEASE ${CLIENT}`)
    this.#close()
  }

  #close(): void {
    this.#inTransaction = false
    this.#isReadonly = false
    this.#savepoints.length = 0
  }

  /** The client's own savepoints are SQLite's; outside BEGIN the outermost one is a transaction. */
  #savepoint(prepared: Prepared, words: Words): void {
    const { control } = prepared.notes
    assert(control !== undefined, 'a control statement')
    const { operation, name } = control
    if (operation === 'BEGIN') {
      if (!this.#inTransaction) this.#open(true)
      this.#step(prepared, words)
      this.#savepoints.push(name)
      return
    }
    const at = this.#savepoints.lastIndexOf(name)
    if (at < 0) throw new Refusal('SQLITE_ERROR', `no such savepoint: ${name}`)
    const isOutermost = operation === 'RELEASE' && at === 0 && this.#isImplicit
    if (isOutermost && this.#context.connection.hasForeignKeyDebt) throw new Refusal('SQLITE_CONSTRAINT', 'FOREIGN KEY constraint failed')
    // Rolling back may undo a schema that cached statements know.
    if (operation === 'ROLLBACK') this.#context.statements.drop()
    const quoted = `"${name.replaceAll('"', '""')}"`
    this.#context.connection.exec(operation === 'ROLLBACK' ? `ROLLBACK TO ${quoted}` : `RELEASE ${quoted}`)
    this.#savepoints.length = operation === 'ROLLBACK' ? at + 1 : at
    if (isOutermost) this.#commit()
  }

  #pragmaForeignKeys(argument: string): StatementResult {
    if (!this.#inTransaction) this.#setForeignKeys(/^(1|on|yes|true)$/i.test(argument))
    return { columns: [], rows: [], affectedRows: 0 }
  }

  #setForeignKeys(on: boolean): void {
    this.#foreignKeys = on
    this.#context.statements.drop()
    this.#context.connection.setForeignKeys(on)
  }
}
