// The part of the WASM build of SQLite that the engine touches. The build is pinned; this file names what it must
// export.

import { utf8Lossy } from '@quorate/kernel'
import type { SqlValue } from '@quorate/types'

/** A C pointer: an offset in the module's memory. */
export type Pointer = number

/** SQLite's C functions, as exported. 64-bit integers are bigints. */
export interface SqliteExports {
  readonly sqlite3_malloc: (bytes: number) => Pointer
  readonly sqlite3_free: (pointer: Pointer) => void
  readonly malloc: (bytes: number) => Pointer
  readonly free: (pointer: Pointer) => void
  readonly sqlite3_open_v2: (name: Pointer, db: Pointer, flags: number, vfs: Pointer) => number
  readonly sqlite3_close_v2: (db: Pointer) => number
  readonly sqlite3_exec: (db: Pointer, sql: Pointer, callback: Pointer, argument: Pointer, message: Pointer) => number
  readonly sqlite3_prepare_v3: (
    db: Pointer,
    sql: Pointer,
    bytes: number,
    flags: number,
    statement: Pointer,
    tail: Pointer,
  ) => number
  readonly sqlite3_step: (statement: Pointer) => number
  readonly sqlite3_reset: (statement: Pointer) => number
  readonly sqlite3_clear_bindings: (statement: Pointer) => number
  readonly sqlite3_finalize: (statement: Pointer) => number
  readonly sqlite3_bind_parameter_count: (statement: Pointer) => number
  readonly sqlite3_bind_parameter_name: (statement: Pointer, index: number) => Pointer
  readonly sqlite3_bind_null: (statement: Pointer, index: number) => number
  readonly sqlite3_bind_int64: (statement: Pointer, index: number, value: bigint) => number
  readonly sqlite3_bind_double: (statement: Pointer, index: number, value: number) => number
  readonly sqlite3_bind_text: (
    statement: Pointer,
    index: number,
    text: Pointer,
    bytes: number,
    destructor: Pointer,
  ) => number
  readonly sqlite3_bind_blob: (
    statement: Pointer,
    index: number,
    blob: Pointer,
    bytes: number,
    destructor: Pointer,
  ) => number
  readonly sqlite3_column_count: (statement: Pointer) => number
  readonly sqlite3_column_name: (statement: Pointer, column: number) => Pointer
  readonly sqlite3_column_decltype: (statement: Pointer, column: number) => Pointer
  readonly sqlite3_column_type: (statement: Pointer, column: number) => number
  readonly sqlite3_column_int64: (statement: Pointer, column: number) => bigint
  readonly sqlite3_column_double: (statement: Pointer, column: number) => number
  readonly sqlite3_column_text: (statement: Pointer, column: number) => Pointer
  readonly sqlite3_column_blob: (statement: Pointer, column: number) => Pointer
  readonly sqlite3_column_bytes: (statement: Pointer, column: number) => number
  readonly sqlite3_stmt_readonly: (statement: Pointer) => number
  readonly sqlite3_stmt_isexplain: (statement: Pointer) => number
  readonly sqlite3_stmt_status: (statement: Pointer, operation: number, reset: number) => number
  readonly sqlite3_errmsg: (db: Pointer) => Pointer
  readonly sqlite3_extended_errcode: (db: Pointer) => number
  readonly sqlite3_error_offset: (db: Pointer) => number
  readonly sqlite3_changes: (db: Pointer) => number
  readonly sqlite3_last_insert_rowid: (db: Pointer) => bigint
  readonly sqlite3_set_last_insert_rowid: (db: Pointer, rowid: bigint) => void
  readonly sqlite3_get_autocommit: (db: Pointer) => number
  readonly sqlite3_limit: (db: Pointer, id: number, value: number) => number
  readonly sqlite3_db_status: (
    db: Pointer,
    operation: number,
    current: Pointer,
    highest: Pointer,
    reset: number,
  ) => number
  readonly sqlite3__wasm_db_config_ip: (db: Pointer, operation: number, value: number, out: Pointer) => number
  readonly sqlite3_progress_handler: (db: Pointer, steps: number, callback: Pointer, argument: Pointer) => void
  readonly sqlite3_set_authorizer: (db: Pointer, callback: Pointer, argument: Pointer) => number
  /** The callback gets (argument, db, operation, database, table, old rowid, new rowid), before each change of a row. */
  readonly sqlite3_preupdate_hook: (db: Pointer, callback: Pointer, argument: Pointer) => Pointer
  readonly sqlite3_preupdate_old: (db: Pointer, column: number, value: Pointer) => number
  readonly sqlite3_preupdate_new: (db: Pointer, column: number, value: Pointer) => number
  readonly sqlite3_value_type: (value: Pointer) => number
  readonly sqlite3_value_int64: (value: Pointer) => bigint
  readonly sqlite3_value_double: (value: Pointer) => number
  readonly sqlite3_value_text: (value: Pointer) => Pointer
  readonly sqlite3_value_blob: (value: Pointer) => Pointer
  readonly sqlite3_value_bytes: (value: Pointer) => number
  readonly sqlite3_randomness: (bytes: number, target: Pointer) => void
  /** `current` and `highest` point to 32-bit integers. */
  readonly sqlite3_status: (operation: number, current: Pointer, highest: Pointer, reset: number) => number
  readonly emscripten_stack_get_current: () => Pointer
  /** Put there by `withFuel`. A WebAssembly.Global. */
  readonly quorate_fuel?: { value: number }
  readonly sqlite3_vfs_register: (vfs: Pointer, isDefault: number) => number
}

/** What the module's loader gives, as far as it is used. */
export interface SqliteModule {
  readonly version: { readonly libVersion: string; readonly sourceId: string }
  readonly wasm: {
    readonly exports: SqliteExports
    /** The module's memory; a new view after it has grown. */
    readonly heap8u: () => Uint8Array
    readonly installFunction: (signature: string, callback: (...args: never[]) => unknown) => Pointer
  }
}

/** SQLite's result codes that are told apart. */
export const RESULT = {
  ok: 0,
  error: 1,
  interrupt: 9,
  nomem: 7,
  ioerr: 10,
  corrupt: 11,
  notfound: 12,
  full: 13,
  cantopen: 14,
  row: 100,
  done: 101,
  shortRead: 522,
} as const

const PRIMARY_CODES: readonly string[] = [
  'SQLITE_OK',
  'SQLITE_ERROR',
  'SQLITE_INTERNAL',
  'SQLITE_PERM',
  'SQLITE_ABORT',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_NOMEM',
  'SQLITE_READONLY',
  'SQLITE_INTERRUPT',
  'SQLITE_IOERR',
  'SQLITE_CORRUPT',
  'SQLITE_NOTFOUND',
  'SQLITE_FULL',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_EMPTY',
  'SQLITE_SCHEMA',
  'SQLITE_TOOBIG',
  'SQLITE_CONSTRAINT',
  'SQLITE_MISMATCH',
  'SQLITE_MISUSE',
  'SQLITE_NOLFS',
  'SQLITE_AUTH',
  'SQLITE_FORMAT',
  'SQLITE_RANGE',
  'SQLITE_NOTADB',
]

/** Name of a result code's primary code. */
export function codeName(code: number): string {
  return PRIMARY_CODES[code % 256] ?? 'SQLITE_ERROR'
}

/** The connection's memory, strings and pointers of one module. */
export class Memory {
  readonly #module: SqliteModule
  #viewed: DataView | undefined
  readonly exports: SqliteExports

  constructor(module: SqliteModule) {
    this.#module = module
    this.exports = module.wasm.exports
  }

  /** The bytes as they are now: never keep the view over a call into the module. */
  get bytes(): Uint8Array {
    return this.#module.wasm.heap8u()
  }

  get #view(): DataView {
    const { buffer } = this.bytes
    if (this.#viewed?.buffer !== buffer) this.#viewed = new DataView(buffer)
    return this.#viewed
  }

  u32(at: Pointer): number {
    return this.#view.getUint32(at, true)
  }

  setU32(at: Pointer, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  setI64(at: Pointer, value: bigint): void {
    this.#view.setBigInt64(at, value, true)
  }

  /** Length of the NUL-terminated string at `at`. */
  stringLength(at: Pointer): number {
    return this.bytes.indexOf(0, at) - at
  }

  /** The NUL-terminated string at `at`, of any length; undefined for NULL. */
  text(at: Pointer): string | undefined {
    return at === 0 ? undefined : utf8Lossy(this.bytes.subarray(at, at + this.stringLength(at)))
  }

  /** The sqlite3_value at `at`. */
  value(at: Pointer): SqlValue {
    const { exports } = this
    switch (exports.sqlite3_value_type(at)) {
      case 1:
        return exports.sqlite3_value_int64(at)
      case 2:
        return exports.sqlite3_value_double(at)
      case 3: {
        const text = exports.sqlite3_value_text(at)
        const length = exports.sqlite3_value_bytes(at)
        return utf8Lossy(this.bytes.subarray(text, text + length))
      }
      case 4: {
        const blob = exports.sqlite3_value_blob(at)
        const length = exports.sqlite3_value_bytes(at)
        return length === 0 ? new Uint8Array(0) : this.bytes.slice(blob, blob + length)
      }
      default:
        return null
    }
  }

  /** A callback as a pointer that C can call. It lives as long as the module. */
  install(signature: string, callback: (...args: never[]) => unknown): Pointer {
    return this.#module.wasm.installFunction(signature, callback)
  }
}
