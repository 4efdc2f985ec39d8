// Reading: programs that only read, on a snapshot of pages. Readers share a module and never touch the writer's; what
// they answer is the same on every replica at the same height, except for gas, which is theirs alone.

import { utf8 } from '@quorate/kernel'
import type { Digest, Outcome, Program, ProgramRequest } from '@quorate/types'
import { rawOf } from '@quorate/types'
import { SqliteError } from './connection.ts'
import type { Engine, Opened } from './engine.ts'
import { READ_CACHE_KIB } from './engine.ts'
import { LocalTrouble, ProgramFailure } from './failure.ts'
import { STACK_OVERFLOW } from './failure-of.ts'
import { GasMeter } from './gas.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import { RULES } from './rules.ts'
import type { Prepared } from './statements.ts'
import { StatementCountError, Statements } from './statements.ts'

/** When a read runs: the time and randomness of the block whose state it sees. */
export interface ReadContext {
  readonly timeMs: number
  readonly seed: Digest
}

/** Answer to a read; `writes` where the program would write, and nothing ran. */
export type ReadOutcome = { readonly kind: 'read'; readonly outcome: Outcome } | { readonly kind: 'writes' }

function isWrite({ statement, notes }: Prepared): boolean {
  return !statement.isReadonly && notes.control === undefined
}

/** A snapshot that answers reads. Keep it while its height is asked for, then close it. */
export class Reader {
  readonly #engine: Engine
  readonly #context: ReadContext
  readonly #statements: Statements
  readonly #opened: Opened

  constructor(engine: Engine, pages: PageSource, context: ReadContext) {
    this.#engine = engine
    this.#context = context
    this.#opened = engine.open(new Overlay(pages), { cacheKib: READ_CACHE_KIB })
    this.#statements = new Statements(engine, this.#opened.connection)
  }

  /**
   * Runs a program, or says that it writes. BEGIN and COMMIT around reads are reads.
   * @throws LocalTrouble where the engine can't be used any more, by any reader of its thread.
   */
  read(program: Program): ReadOutcome {
    const { connection } = this.#opened
    // Inside a transaction from the start: some pragmas act while they are prepared, but not in one.
    this.#engine.refuel(RULES.transactionFuelMax)
    connection.exec('BEGIN')
    try {
      if (program.requests.some((request) => this.#writes(request))) return { kind: 'writes' }
      return { kind: 'read', outcome: this.#run(program) }
    } finally {
      if (!connection.isAutocommit) connection.exec('ROLLBACK')
    }
  }

  close(): void {
    this.#statements.close()
    this.#opened.close()
  }

  #run(program: Program): Outcome {
    const { connection } = this.#opened
    const meter = new GasMeter(RULES.transactionGasMax)
    this.#engine.vfs.setTime(this.#context.timeMs)
    const seed = rawOf(this.#context.seed)
    const run = new ProgramRun({
      engine: this.#engine,
      connection,
      statements: this.#statements,
      meter,
      seed,
      isReader: true,
    })
    try {
      return { kind: 'executed', replies: run.run(program), gas: meter.used }
    } catch (error) {
      if (!(error instanceof ProgramFailure)) throw error
      if (error.error.code === STACK_OVERFLOW || this.#engine.fuel < 0)
        throw new LocalTrouble('a read broke the engine of its thread')
      return { kind: 'failed', error: error.error, gas: meter.used }
    }
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

  /** A statement that can't be prepared here might be preparable after an earlier one that writes; that one is seen. */
  #statementWrites(sql: string): boolean {
    try {
      return this.#statements.single(sql, isWrite)
    } catch (error) {
      if (error instanceof SqliteError || error instanceof StatementCountError) return false
      throw error
    }
  }

  #sequenceWrites(sql: string): boolean {
    let writes = false
    try {
      this.#statements.each(utf8(sql), (prepared) => {
        writes ||= isWrite(prepared)
      })
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error
    }
    return writes
  }
}
