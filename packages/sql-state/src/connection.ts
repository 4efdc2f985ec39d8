// One open database: a thin, fast binding over SQLite's C interface. It knows nothing of ledgers; it prepares, binds,
// steps, and turns failures into values.

import { utf8 } from '@quorate/kernel'
import type { SqlError, SqlValue } from '@quorate/types'
import { EngineTrap, LocalTrouble } from './failure.ts'
import { Statement } from './statement.ts'
import type { StatementHost } from './statement.ts'
import type { PageVfs } from './vfs.ts'
import type { Memory, Pointer } from './wasm.ts'
import { codeName, RESULT } from './wasm.ts'

const OPEN_READWRITE_CREATE = 0x6
const PREPARE_PERSISTENT = 1
const STATUS_MEMORY_USED = 0
const STATUS_DEFERRED_FOREIGN_KEYS = 10
const CONFIG_FOREIGN_KEYS = 1002
const SCRATCH_BYTES = 64

/** SQLite refused something; the message is sqlite3_errmsg's. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError'
  readonly error: SqlError
  /** Extended result code. */
  readonly result: number

  constructor(error: SqlError, result: number) {
    super(error.message)
    this.error = error
    this.result = result
  }
}

/** SQL in the module's memory, for as long as its statements are prepared one after the other. */
export interface LoadedText {
  readonly pointer: Pointer
  readonly length: number
}

/** An open database. */
export class Connection implements StatementHost {
  readonly #vfs: PageVfs
  readonly #memory: Memory
  readonly #db: Pointer
  readonly #scratch: Pointer
  #buffer: Pointer = 0
  #bufferBytes = 0
  #isBroken = false

  /** Opens the mounted file `name`. */
  constructor(vfs: PageVfs, name: string) {
    this.#vfs = vfs
    this.#memory = vfs.memory
    const { exports } = this.#memory
    this.#scratch = exports.malloc(SCRATCH_BYTES)
    const path = this.borrow(utf8(`${name}\0`))
    const result = exports.sqlite3_open_v2(path, this.#scratch, OPEN_READWRITE_CREATE, 0)
    this.#db = this.#memory.u32(this.#scratch)
    if (result !== RESULT.ok) throw this.error(result)
  }

  /** Copies `bytes` into the module, until the next borrow. */
  borrow(bytes: Uint8Array): Pointer {
    const { exports } = this.#memory
    if (bytes.length + 1 > this.#bufferBytes) {
      if (this.#buffer !== 0) exports.free(this.#buffer)
      this.#bufferBytes = Math.max(1024, (bytes.length + 1) * 2)
      this.#buffer = exports.malloc(this.#bufferBytes)
      if (this.#buffer === 0) throw new LocalTrouble(`the SQL engine has no ${this.#bufferBytes} bytes left`)
    }
    this.#memory.bytes.set(bytes, this.#buffer)
    this.#memory.bytes[this.#buffer + bytes.length] = 0
    return this.#buffer
  }

  /** The C string at `at`, or undefined for NULL. */
  text(at: Pointer): string | undefined {
    return this.#memory.text(at)
  }

  /** The module has thrown: nothing of this connection may be used any more. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /**
   * What the module threw instead of returning. A trap is the build's own, the same on every machine; a RangeError says
   * that this thread's stack is too small for the module's, which is the machine's fault.
   */
  broken(error: unknown): Error {
    this.#isBroken = true
    if (error instanceof RangeError) return new LocalTrouble(`the SQL engine's thread: ${error.message}`)
    return new EngineTrap(error instanceof Error ? error.message : String(error))
  }

  /** The error that `result` stands for. Local trouble is thrown instead: it must stop the replica. */
  error(result: number): SqliteError {
    this.#vfs.check()
    const { exports } = this.#memory
    const message = this.text(exports.sqlite3_errmsg(this.#db)) ?? 'unknown error'
    const offset = exports.sqlite3_error_offset(this.#db)
    const code = codeName(result)
    const extended = exports.sqlite3_extended_errcode(this.#db)
    return new SqliteError(
      offset < 0 ? { code, message } : { code, message, offset },
      extended % 256 === result % 256 ? extended : result,
    )
  }

  #require(result: number): void {
    if (result !== RESULT.ok) throw this.error(result)
  }

  /**
   * Copies `sql` into the module: a text of many statements is copied once, not once for each. Free it with `unload`.
   */
  load(sql: Uint8Array): LoadedText {
    const pointer = this.#memory.exports.malloc(sql.length + 1)
    if (pointer === 0) throw new LocalTrouble(`the SQL engine has no ${sql.length} bytes left`)
    this.#memory.bytes.set(sql, pointer)
    this.#memory.bytes[pointer + sql.length] = 0
    return { pointer, length: sql.length }
  }

  unload({ pointer }: LoadedText): void {
    if (!this.#isBroken) this.#memory.exports.free(pointer)
  }

  /** Prepares the statement at byte `at` of `text`; undefined where only white space and comments are left. */
  prepareAt({ pointer, length }: LoadedText, at: number): Statement | undefined {
    const { exports } = this.#memory
    const start = pointer + at
    let result: number
    try {
      result = exports.sqlite3_prepare_v3(
        this.#db,
        start,
        length - at + 1,
        PREPARE_PERSISTENT,
        this.#scratch,
        this.#scratch + 4,
      )
    } catch (error) {
      throw this.broken(error)
    }
    if (result !== RESULT.ok) throw this.error(result)
    const statement = this.#memory.u32(this.#scratch)
    return statement === 0
      ? undefined
      : new Statement(this, this.#memory, statement, this.#memory.u32(this.#scratch + 4) - start)
  }

  /** Prepares the first statement of `sql`. */
  prepare(sql: Uint8Array): Statement | undefined {
    return this.prepareAt({ pointer: this.borrow(sql), length: sql.length }, 0)
  }

  /** Runs our own SQL to its end. */
  exec(sql: string): void {
    const text = this.borrow(utf8(sql))
    let result: number
    try {
      result = this.#memory.exports.sqlite3_exec(this.#db, text, 0, 0, 0)
    } catch (error) {
      throw this.broken(error)
    }
    this.#require(result)
  }

  /** Rows changed by the last INSERT, UPDATE or DELETE. */
  get changes(): number {
    return this.#memory.exports.sqlite3_changes(this.#db)
  }

  get lastInsertRowid(): bigint {
    return this.#memory.exports.sqlite3_last_insert_rowid(this.#db)
  }

  set lastInsertRowid(rowid: bigint) {
    this.#memory.exports.sqlite3_set_last_insert_rowid(this.#db, rowid)
  }

  /** False inside a transaction. True where SQLite itself has rolled one back. */
  get isAutocommit(): boolean {
    return this.#isBroken || this.#memory.exports.sqlite3_get_autocommit(this.#db) !== 0
  }

  /** Whether a foreign key is violated that would fail a COMMIT now. */
  get hasForeignKeyDebt(): boolean {
    this.#memory.exports.sqlite3_db_status(this.#db, STATUS_DEFERRED_FOREIGN_KEYS, this.#scratch, this.#scratch + 4, 0)
    return this.#memory.u32(this.#scratch) !== 0
  }

  /** Bytes that SQLite has allocated, for all connections of the module. */
  get memoryUsed(): number {
    this.#memory.exports.sqlite3_status(STATUS_MEMORY_USED, this.#scratch, this.#scratch + 4, 0)
    return this.#memory.u32(this.#scratch)
  }

  /** Unlike the pragma, this works inside a transaction. Prepared statements must be made anew. */
  setForeignKeys(on: boolean): void {
    this.config(CONFIG_FOREIGN_KEYS, on)
  }

  /** sqlite3_db_config of a boolean setting. */
  config(operation: number, on: boolean): void {
    this.#require(this.#memory.exports.sqlite3__wasm_db_config_ip(this.#db, operation, on ? 1 : 0, 0))
  }

  limit(id: number, value: number): void {
    this.#memory.exports.sqlite3_limit(this.#db, id, value)
  }

  /** Has `callback` called before each change of a row, until it is 0. Prepared statements must be made anew. */
  hookChanges(callback: Pointer): void {
    this.#memory.exports.sqlite3_preupdate_hook(this.#db, callback, 0)
  }

  /** Within the callback: a column of the row as it is (`old`), or will be. */
  changingValue(image: 'old' | 'new', column: number): SqlValue {
    const { exports } = this.#memory
    const read = image === 'old' ? exports.sqlite3_preupdate_old : exports.sqlite3_preupdate_new
    const result = read(this.#db, column, this.#scratch)
    if (result !== RESULT.ok) throw this.error(result)
    return this.#memory.value(this.#memory.u32(this.#scratch))
  }

  /** Installs pointers made once per module (see engine.ts). */
  watch(progress: { readonly steps: number; readonly pointer: Pointer }, authorizer: Pointer): void {
    this.#memory.exports.sqlite3_progress_handler(this.#db, progress.steps, progress.pointer, 0)
    this.#memory.exports.sqlite3_set_authorizer(this.#db, authorizer, 0)
  }

  close(): void {
    const { exports } = this.#memory
    exports.sqlite3_close_v2(this.#db)
    exports.free(this.#scratch)
    if (this.#buffer !== 0) exports.free(this.#buffer)
    this.#buffer = 0
  }
}
