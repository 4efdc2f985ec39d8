// The ways a program ends before its end. All are outcomes, the same on every replica; local trouble is none of them.

import type { SqlError } from '@quorate/types'

/** Everything the program did is undone, and this is why. */
export class ProgramFailure extends Error {
  readonly error: SqlError
  /** The engine may be in any state: it must be restored before it is used again. */
  readonly brokeEngine: boolean

  constructor(error: SqlError, brokeEngine: boolean) {
    super(error.message)
    this.error = error
    this.brokeEngine = brokeEngine
  }
}

/** An interactive transaction saw something else when it was run again. */
export class ProgramConflict extends Error {
  readonly statement: number

  constructor(statement: number) {
    super(`statement ${statement} gave another result than its client saw`)
    this.statement = statement
  }
}

/** The machine, not the program, is at fault: the replica must stop. */
export class LocalTrouble extends Error {
  override readonly name = 'LocalTrouble'
  readonly code = 'LOCAL_TROUBLE'
}

/** The WASM module trapped, or ran out of its stack, inside a statement. Its memory can't be trusted any more. */
export class EngineTrap extends Error {
  override readonly name = 'EngineTrap'
}

/** One statement failed by our rules; the rest of the program goes on. */
export class StatementRefusal extends Error {
  readonly error: SqlError

  constructor(code: string, message: string) {
    super(message)
    this.error = { code, message }
  }
}
