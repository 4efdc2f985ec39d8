// The ways a program ends before its end. All are outcomes, the same on every replica; local trouble is none of them.

import type { SqlError } from '@quorate/types'

/** Everything the program did is undone, and this is why. */
export class ProgramFailure extends Error {
  readonly error: SqlError
  /** SQLite has rolled back the enclosing transaction too: what stood before in the block must be done again. */
  readonly tookBlock: boolean

  constructor(error: SqlError, tookBlock: boolean) {
    super(error.message)
    this.error = error
    this.tookBlock = tookBlock
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
}
