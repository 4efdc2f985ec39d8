// Which errors of SQLite end the program, and as what.

import type { Connection } from './connection.ts'
import { SqliteError } from './connection.ts'
import type { Engine } from './engine.ts'
import { EngineTrap, LocalTrouble, ProgramFailure } from './failure.ts'
import { RULES } from './rules.ts'
import { RESULT } from './wasm.ts'

/** SQLITE_IOERR_NOMEM: the journal in memory found none. */
const IOERR_NOMEM = 3082

/** Code of a program that made the engine overrun its stack. */
export const STACK_OVERFLOW = 'STACK_OVERFLOW'

/** The transaction's or the read's gas is used up. */
export function outOfGas(brokeEngine = false): ProgramFailure {
  const message = `out of gas: more than ${RULES.transactionGasMax} steps, or as much work within them`
  return new ProgramFailure({ code: 'OUT_OF_GAS', message }, brokeEngine)
}

/** The statement needed more stack than the engine has: views, triggers or expressions nested in their thousands. */
export function stackOverflow(): ProgramFailure {
  return new ProgramFailure({ code: STACK_OVERFLOW, message: 'the statement is nested too deeply' }, true)
}

/**
 * What `error` means for the program as a whole, or undefined where it is one statement's, or no error of the engine.
 */
export function failureOf(error: unknown, engine: Engine, connection: Connection): ProgramFailure | undefined {
  if (error instanceof ProgramFailure) return error
  if (error instanceof LocalTrouble) return undefined
  // The trap may come to us through any call, and out of a clean-up on the way.
  if (engine.fuel < 0) return outOfGas(true)
  if (error instanceof EngineTrap) return stackOverflow()
  if (!(error instanceof SqliteError)) return undefined
  if (!engine.isIntact) return stackOverflow()
  const primary = error.result % 256
  if (primary === RESULT.interrupt) return outOfGas()
  if (primary === RESULT.nomem || error.result === IOERR_NOMEM) {
    return new ProgramFailure({ code: 'SQLITE_NOMEM', message: 'out of memory' }, true)
  }
  // Trouble below was thrown before; an error of files without it is the engine's own, and the same everywhere.
  if (primary === RESULT.ioerr) return new ProgramFailure(error.error, true)
  // SQLite has rolled back by itself (ON CONFLICT ROLLBACK): all that the program did is gone.
  return connection.isAutocommit ? new ProgramFailure(error.error, false) : undefined
}
