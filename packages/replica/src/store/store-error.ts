/** Why the store can't go on. Each of them ends the replica: a ledger that may lack a record must not be built upon. */
export type StoreErrorCode =
  /** Another process uses the data directory. */
  | 'STORE_LOCKED'
  /** The file has another schema than this program. */
  | 'STORE_VERSION'
  /** The file belongs to another ledger. */
  | 'STORE_LEDGER'
  /** The file is damaged. */
  | 'STORE_CORRUPT'
  /** The operating system refused: disk full, I/O error, no permission. */
  | 'STORE_IO'
  /**
   * A record contradicts one that is durable already: a second vote at a height, another own unit in a round, another
   * block.
   */
  | 'STORE_CONFLICT'
  /** A block or vote at a height that was pruned: whoever writes it takes this replica for one that is further back. */
  | 'STORE_PRUNED'
  /** More is waiting to be written than `STORE_LIMITS` allows. */
  | 'STORE_OVERLOADED'
  /** The store was closed. */
  | 'STORE_CLOSED'

/** Trouble with `ledger.db`. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

// Primary result codes of SQLite (https://sqlite.org/rescode.html): the low byte of the extended code.
const CODES: Readonly<Record<number, StoreErrorCode>> = {
  5: 'STORE_LOCKED', // BUSY
  6: 'STORE_LOCKED', // LOCKED
  11: 'STORE_CORRUPT', // CORRUPT
  19: 'STORE_CONFLICT', // CONSTRAINT
  26: 'STORE_CORRUPT', // NOTADB
}

/** Any error as a `StoreError`. `doing` says what was attempted, `path` on which file. */
export function toStoreError(error: unknown, doing: string, path: string): StoreError {
  if (error instanceof StoreError) return error
  const message = error instanceof Error ? error.message : String(error)
  const sqlite = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0
  const detail = sqlite === 0 ? message : `${message} (SQLite ${sqlite})`
  return new StoreError(CODES[sqlite & 0xff] ?? 'STORE_IO', `${path}: ${doing}: ${detail}`)
}
