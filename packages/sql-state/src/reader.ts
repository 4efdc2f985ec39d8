// Reading: programs that only read, on a snapshot of pages. Readers share a module and never touch the writer's; what they
// answer is the same on every replica at the same height, except for gas, which is theirs alone.

import { utf8 } from '@quorate/kernel'
import type { Outcome, Program, ProgramRequest } from '@quorate/types'
import { rawOf } from '@quorate/types'
import type { Digest } from '@quorate/types'
import { SqliteError } from './connection.ts'
import type { Engine } from './engine.ts'
import { GasMeter } from './engine.ts'
import { ProgramFailure } from './failure.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import { RULES } from './rules.ts'
import { StatementCountError, Statements } from './statements.ts'

/** When a read runs: the time and randomness of the block whose state it sees. */
export interface ReadContext {
  readonly timeMs: number
  readonly seed: Digest
}

/** Answer to a read; `writes` where the program would write, and nothing ran. */
export type ReadOutcome = { readonly kind: 'read'; readonly outcome: Outcome } | { readonly kind: 'writes' }

/** A snapshot that answers reads. Keep it while its height is asked for, then close it. */
export class Reader {
  readonly #engine: Engine
  readonly #context: ReadContext
  readonly #statements: Statements
  readonly #opened: ReturnType<Engine['open']>

  constructor(engine: Engine, pages: PageSource, context: ReadContext) {
    this.#engine = engine
    this.#context = context
    this.#opened = engine.open(new Overlay(pages))
    this.#statements = new Statements(engine, this.#opened.connection)
  }

  /** Runs a program, or says that it writes. BEGIN and COMMIT around reads are reads. */
  read(program: Program): ReadOutcome {
    const { connection } = this.#opened
    const { engine, statements } = { engine: this.#engine, statements: this.#statements }
    if (program.requests.some((request) => this.#writes(request))) return { kind: 'writes' }
    engine.vfs.setTime(this.#context.timeMs)
    const meter = new GasMeter(RULES.transactionGasMax)
    const run = new ProgramRun({ engine, connection, statements, meter, seed: rawOf(this.#context.seed), isReader: true })
    connection.exec('BEGIN')
    try {
      return { kind: 'read', outcome: { kind: 'executed', replies: run.run(program), gas: meter.used } }
    } catch (error) {
      if (!(error instanceof ProgramFailure)) throw error
      return { kind: 'read', outcome: { kind: 'failed', error: error.error, gas: meter.used } }
    } finally {
      statements.drop()
      if (!connection.isAutocommit) connection.exec('ROLLBACK')
    }
  }

  close(): void {
    this.#statements.close()
    this.#opened.close()
  }

  #writes(request: ProgramRequest): boolean {
    switch (request.kind) {
      case 'execute':
        return this.#statementWrites(request.statement.sql)
      case 'batch':
        return request.steps.some((step) => this.#statementWrites(step.statement.sql))
      case 'sequence':
        return this.#sequenceWrites(request.sql)
      case 'describe':
      case 'autocommit':
        return false
    }
  }

  /** A statement that can't be prepared here might be preparable after an earlier one: that is for the ledger to say. */
  #statementWrites(sql: string): boolean {
    try {
      const { statement, notes } = this.#statements.single(sql)
      return !statement.isReadonly && notes.control === undefined
    } catch (error) {
      if (error instanceof SqliteError || error instanceof StatementCountError) return false
      throw error
    }
  }

  #sequenceWrites(sql: string): boolean {
    let rest = utf8(sql)
    try {
      for (let next = this.#statements.first(rest); next !== undefined; next = this.#statements.first(rest)) {
        const { statement, notes } = next
        const writes = !statement.isReadonly && notes.control === undefined
        rest = rest.subarray(statement.consumed)
        statement.finalize()
        if (writes) return true
      }
      return false
    } catch (error) {
      if (error instanceof SqliteError) return false
      throw error
    }
  }
}
