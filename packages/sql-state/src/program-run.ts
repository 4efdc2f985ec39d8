// Runs a client's program, or one statement of its session, on a connection that is already inside a transaction of
// ours.
//
// What may happen to a statement: it gives a result; it fails, and the program goes on (a constraint, a syntax error, a
// refusal); or it ends the program, which is undone as a whole (gas, heap, size of the replies, an engine that overran
// its stack, a rollback that SQLite did by itself). Local trouble is none of these and is thrown past here.

import { assert, utf8, utf8Lossy } from '@quorate/kernel'
import type {
  Condition,
  Program,
  ProgramRequest,
  Reply,
  SqlError,
  Statement as Words,
  StatementResult,
  Step,
  StepReply,
} from '@quorate/types'
import { bindArguments } from './arguments.ts'
import type { SchemaAction } from './authorizer.ts'
import { RESERVED_PREFIX } from './authorizer.ts'
import { ClientTransaction } from './client-transaction.ts'
import type { Connection } from './connection.ts'
import { SqliteError } from './connection.ts'
import type { Seen } from './digest.ts'
import { digestOf } from './digest.ts'
import type { Engine } from './engine.ts'
import { ProgramConflict, ProgramFailure, StatementRefusal } from './failure.ts'
import { failureOf, outOfGas, stackOverflow } from './failure-of.ts'
import type { GasMeter } from './gas.ts'
import { ReplyScale } from './reply-scale.ts'
import type { Prepared, Statements } from './statements.ts'
import { StatementCountError } from './statements.ts'
import { statementSeed } from './vfs.ts'

const NOTHING: StatementResult = { columns: [], rows: [], affectedRows: 0 }
/** A sequence binds no arguments and shows no rows. */
const SEQUENCE_WORDS: Words = { sql: '', args: [], namedArgs: [], wantRows: false }

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
  /** Told what each statement showed, in order, and whether it was one that writes. */
  readonly onSeen?: (words: Words, seen: Seen, isWrite: boolean) => void
  readonly watch?: ProgramWatch
}

/** Told what a program does to the schema, while it runs. */
export interface ProgramWatch {
  /** A statement is about to run. */
  before(changesSchema: boolean): void
  /** A statement that changes the schema has run, unless what comes undoes it. @param sql - Its text. */
  schemaChanged(change: SchemaAction | undefined, sql: string): void
}

/** One program on one connection. */
export class ProgramRun {
  readonly #context: RunContext
  readonly #transaction: ClientTransaction
  readonly #scale = new ReplyScale()
  /** Statements run so far: each draws its own random numbers. */
  #statement = 0
  /** The program is one statement, so that undoing it is undoing the program. */
  #isSingle = false

  constructor(context: RunContext) {
    this.#context = context
    this.#transaction = new ClientTransaction(context.connection, context.statements)
  }

  /** All requests, in order. Throws ProgramFailure or ProgramConflict where everything must be undone. */
  run(program: Program): readonly Reply[] {
    const [only] = program.requests
    this.#isSingle = program.requests.length === 1 && only?.kind === 'execute'
    const replies = program.requests.map((request) => this.#request(request))
    this.#transaction.finish()
    // The ledger's own COMMIT must not be what finds out.
    if (this.#transaction.hasDebt)
      throw new ProgramFailure({ code: 'SQLITE_CONSTRAINT', message: 'FOREIGN KEY constraint failed' }, false)
    return replies
  }

  /** One statement of an interactive transaction. Throws as `run` does. */
  step(words: Words): StepReply {
    return this.#execute(words)
  }

  /** What a statement would take and give. */
  describe(sql: string): Reply {
    try {
      this.#charge(sql.length)
      return this.#context.statements.single(sql, ({ statement }) => {
        const parameters = statement.parameters.map((name) => (name === undefined ? {} : { name }))
        const { columns, isExplain, isReadonly } = statement
        this.#scale.addReply()
        this.#scale.addNames(parameters, columns)
        return { kind: 'description', description: { parameters, columns, isExplain, isReadonly } }
      })
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
        this.#scale.addReply()
        return { kind: 'autocommit', autocommit: !this.#transaction.isOpen }
    }
  }

  #batch(steps: readonly Step[]): StepReply[] {
    const replies: StepReply[] = []
    for (const { condition, statement } of steps) {
      const isMet = condition === undefined || this.#isMet(condition, replies)
      if (!isMet) this.#scale.addReply()
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
        return !this.#transaction.isOpen
    }
  }

  #sequence(sql: string): Reply {
    const text = utf8(sql)
    let end = 0
    try {
      this.#scale.addReply()
      this.#charge(sql.length)
      this.#context.statements.each(text, (prepared, at) => {
        end = at + prepared.statement.consumed
        this.#charge(0)
        // Only what is interpreted needs its text.
        const needsText = prepared.notes.control !== undefined || prepared.notes.changesSchema
        this.#perform(
          prepared,
          needsText ? { ...SEQUENCE_WORDS, sql: utf8Lossy(text.subarray(at, end)) } : SEQUENCE_WORDS,
        )
        this.#requireIntact()
      })
      return { kind: 'sequence' }
    } catch (error) {
      const expected = this.#expected(error)
      // Only preparing gives an offset, and what failed to be prepared begins where the statement before it ended.
      return {
        kind: 'error',
        error: expected.offset === undefined ? expected : { ...expected, offset: expected.offset + end },
      }
    }
  }

  #execute(words: Words): StepReply {
    const { statements, onSeen, connection } = this.#context
    const statement = this.#statement
    let seen: Seen
    let reply: StepReply
    let isControl = false
    let isWrite = false
    try {
      this.#scale.addReply()
      this.#charge(words.sql.length)
      const before = connection.lastInsertRowid
      const { result, changesRows } = statements.single(words.sql, (prepared) => {
        const { notes } = prepared
        isControl = notes.control?.kind === 'transaction'
        isWrite = !prepared.statement.isReadonly && !this.#transaction.isReadonly
        return { result: this.#perform(prepared, words), changesRows: notes.changesRows }
      })
      this.#requireIntact()
      const inserted = changesRows && connection.lastInsertRowid !== before
      seen = { kind: 'result', result, wantRows: words.wantRows, changedRows: changesRows, inserted }
      reply = { kind: 'result', result }
    } catch (error) {
      const expected = this.#expected(error)
      seen = { kind: 'error', error: expected }
      reply = { kind: 'error', error: expected }
    }
    if (!isControl) onSeen?.(words, seen, isWrite)
    if (words.expect !== undefined && words.expect !== digestOf(seen)) throw new ProgramConflict(statement)
    return reply
  }

  #charge(sqlLength: number): void {
    if (!this.#context.meter.charge(sqlLength)) throw outOfGas()
  }

  #requireIntact(): void {
    if (!this.#context.engine.isIntact) throw stackOverflow()
  }

  /** The error a client sees; throws what ends the program. */
  #expected(error: unknown): SqlError {
    const expected = this.#expectedOf(error)
    this.#scale.addError(expected)
    return expected
  }

  #expectedOf(error: unknown): SqlError {
    if (error instanceof StatementRefusal) return error.error
    if (error instanceof StatementCountError) return { code: error.code, message: error.message }
    const failure = failureOf(error, this.#context.engine, this.#context.connection)
    if (failure !== undefined) throw failure
    if (error instanceof SqliteError) return error.error
    throw error
  }

  /** Runs a prepared statement as the client means it. */
  #perform(prepared: Prepared, words: Words): StatementResult {
    const { statement, notes } = prepared
    const { control, pragma } = notes
    this.#context.watch?.before(notes.changesSchema)
    if (control !== undefined) return this.#control(prepared, words.sql)
    if (pragma?.argument !== undefined && pragma.name === 'foreign_keys') {
      this.#transaction.foreignKeys(pragma.argument)
      return NOTHING
    }
    if (!statement.isReadonly && (this.#context.isReader || this.#transaction.isReadonly)) {
      throw new StatementRefusal('SQLITE_READONLY', 'attempt to write a readonly database')
    }
    if (statement.isReadonly) return this.#finish(prepared, this.#step(prepared, words))
    if (notes.changesSchema) return this.#transaction.unit(() => this.#changeSchema(prepared, words))
    if (this.#transaction.isOpen) return this.#finish(prepared, this.#step(prepared, words))
    if (!this.#isSingle) return this.#transaction.unit(() => this.#finish(prepared, this.#step(prepared, words)))
    return this.#finish(prepared, this.#step(prepared, words))
  }

  /**
   * The ledger's tables must stay without views, triggers and foreign keys of clients: those would run inside the
   * ledger's own statements. The authorizer is not told of every name (RENAME TO, REFERENCES), but all of them stand in
   * the statement's text.
   */
  #changeSchema(prepared: Prepared, words: Words): StatementResult {
    if (words.sql.toLowerCase().includes(RESERVED_PREFIX)) throw new StatementRefusal('SQLITE_AUTH', 'not authorized')
    const result = this.#step(prepared, words)
    this.#context.statements.drop()
    this.#context.watch?.schemaChanged(prepared.notes.schemaAction, words.sql)
    return this.#finish(prepared, result)
  }

  #finish({ notes }: Prepared, result: StatementResult): StatementResult {
    if (notes.pragma?.name === 'defer_foreign_keys') this.#transaction.deferForeignKeys()
    return result
  }

  #step({ statement, notes }: Prepared, words: Words): StatementResult {
    const { engine, connection, meter, seed } = this.#context
    engine.vfs.reseed(statementSeed(seed, this.#statement))
    this.#statement += 1
    const rows: ReturnType<typeof statement.row>[] = []
    const columns = words.wantRows ? statement.columns : []
    this.#scale.addNames([], columns)
    try {
      bindArguments(statement, words)
      engine.metered(meter, () => {
        while (statement.step()) {
          if (!words.wantRows) continue
          const row = statement.row()
          this.#scale.addRow(row)
          rows.push(row)
        }
      })
    } finally {
      meter.end(statement.steps())
      statement.reset()
    }
    const rowid = connection.lastInsertRowid
    const affectedRows = notes.changesRows && !notes.changesSchema ? connection.changes : 0
    return { columns, rows, affectedRows, ...(rowid === 0n ? {} : { lastInsertRowid: rowid }) }
  }

  #control({ notes }: Prepared, sql: string): StatementResult {
    const { control } = notes
    assert(control !== undefined, 'a control statement')
    if (control.kind === 'savepoint') this.#transaction.savepoint(control.operation, control.name)
    else this.#transaction.control(control.operation, sql)
    const rowid = this.#context.connection.lastInsertRowid
    return rowid === 0n ? NOTHING : { ...NOTHING, lastInsertRowid: rowid }
  }
}
