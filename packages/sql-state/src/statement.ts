// A prepared statement: binds arguments, steps, reads rows.

import { utf8, utf8Lossy } from '@quorate/kernel'
import type { Column, SqlValue } from '@quorate/types'
import type { Memory, Pointer } from './wasm.ts'
import { RESULT } from './wasm.ts'

const STATUS_VM_STEP = 4
const TRANSIENT = -1

/** What a statement needs of its connection. */
export interface StatementHost {
  /** The module has thrown: nothing may be called any more. */
  readonly isBroken: boolean
  /** The error that a result code stands for. */
  error(result: number): Error
  /** The error that an exception of the module stands for. */
  broken(error: unknown): Error
  /** Copies bytes into the module, until the next borrow. */
  borrow(bytes: Uint8Array): Pointer
  /** The C string at an address. */
  text(at: Pointer): string | undefined
}

/** A prepared statement. */
export class Statement {
  readonly #memory: Memory
  readonly #host: StatementHost
  readonly pointer: Pointer
  /** Bytes of SQL behind the statement, from its beginning. */
  readonly consumed: number
  readonly isReadonly: boolean
  readonly columnCount: number
  readonly parameterCount: number
  #columns: readonly Column[] | undefined
  #parameters: readonly (string | undefined)[] | undefined
  #indexes: ReadonlyMap<string, number> | undefined

  constructor(host: StatementHost, memory: Memory, pointer: Pointer, consumed: number) {
    this.#host = host
    this.#memory = memory
    this.pointer = pointer
    this.consumed = consumed
    this.isReadonly = memory.exports.sqlite3_stmt_readonly(pointer) !== 0
    this.columnCount = memory.exports.sqlite3_column_count(pointer)
    this.parameterCount = memory.exports.sqlite3_bind_parameter_count(pointer)
  }

  get isExplain(): boolean {
    return this.#memory.exports.sqlite3_stmt_isexplain(this.pointer) !== 0
  }

  /** Result columns with the declared types of what they come from. */
  get columns(): readonly Column[] {
    this.#columns ??= Array.from({ length: this.columnCount }, (_, i) => {
      const { exports } = this.#memory
      const name = this.#host.text(exports.sqlite3_column_name(this.pointer, i)) ?? ''
      const decltype = this.#host.text(exports.sqlite3_column_decltype(this.pointer, i))
      return decltype === undefined ? { name } : { name, decltype }
    })
    return this.#columns
  }

  /** Parameter names with their prefix, by index from 1; undefined for `?`. */
  get parameters(): readonly (string | undefined)[] {
    const { exports } = this.#memory
    this.#parameters ??= Array.from({ length: this.parameterCount }, (_, i) =>
      this.#host.text(exports.sqlite3_bind_parameter_name(this.pointer, i + 1)),
    )
    return this.#parameters
  }

  /** Index of the first parameter called `name`, with or without its prefix. */
  indexOf(name: string): number | undefined {
    this.#indexes ??= this.#namedIndexes()
    return this.#indexes.get(name)
  }

  #namedIndexes(): ReadonlyMap<string, number> {
    const indexes = new Map<string, number>()
    this.parameters.forEach((parameter, i) => {
      if (parameter === undefined) return
      for (const name of [parameter, parameter.slice(1)]) if (!indexes.has(name)) indexes.set(name, i + 1)
    })
    return indexes
  }

  bind(index: number, value: SqlValue): void {
    const { exports } = this.#memory
    if (value === null) this.#require(exports.sqlite3_bind_null(this.pointer, index))
    else if (typeof value === 'bigint') this.#require(exports.sqlite3_bind_int64(this.pointer, index, value))
    else if (typeof value === 'number') this.#require(exports.sqlite3_bind_double(this.pointer, index, value))
    else if (typeof value === 'string') this.#bindBytes(index, utf8(value), 'text')
    else this.#bindBytes(index, value, 'blob')
  }

  #bindBytes(index: number, bytes: Uint8Array, kind: 'text' | 'blob'): void {
    const { exports } = this.#memory
    // A NULL pointer would bind NULL, so that empty values need a byte too.
    const at = this.#host.borrow(bytes)
    const bind = kind === 'text' ? exports.sqlite3_bind_text : exports.sqlite3_bind_blob
    this.#require(bind(this.pointer, index, at, bytes.length, TRANSIENT))
  }

  /** True where there is a row; throws SqliteError. */
  step(): boolean {
    let result: number
    try {
      result = this.#memory.exports.sqlite3_step(this.pointer)
    } catch (error) {
      throw this.#host.broken(error)
    }
    if (result === RESULT.row) return true
    if (result === RESULT.done) return false
    throw this.#host.error(result)
  }

  /** The present row. */
  row(): SqlValue[] {
    const values: SqlValue[] = []
    for (let i = 0; i < this.columnCount; i += 1) values.push(this.#value(i))
    return values
  }

  #value(column: number): SqlValue {
    const { exports, bytes } = this.#memory
    switch (exports.sqlite3_column_type(this.pointer, column)) {
      case 1:
        return exports.sqlite3_column_int64(this.pointer, column)
      case 2:
        return exports.sqlite3_column_double(this.pointer, column)
      case 3: {
        const at = exports.sqlite3_column_text(this.pointer, column)
        const length = exports.sqlite3_column_bytes(this.pointer, column)
        return utf8Lossy(this.#memory.bytes.subarray(at, at + length))
      }
      case 4: {
        const at = exports.sqlite3_column_blob(this.pointer, column)
        const length = exports.sqlite3_column_bytes(this.pointer, column)
        return length === 0 ? bytes.slice(0, 0) : this.#memory.bytes.slice(at, at + length)
      }
      default:
        return null
    }
  }

  #require(result: number): void {
    if (result !== RESULT.ok) throw this.#host.error(result)
  }

  /** Virtual-machine steps since the last call. */
  steps(): number {
    return this.#host.isBroken ? 0 : this.#memory.exports.sqlite3_stmt_status(this.pointer, STATUS_VM_STEP, 1)
  }

  /** Ready to run again, without its old arguments. */
  reset(): void {
    if (this.#host.isBroken) return
    this.#memory.exports.sqlite3_reset(this.pointer)
    this.#memory.exports.sqlite3_clear_bindings(this.pointer)
  }

  finalize(): void {
    if (!this.#host.isBroken) this.#memory.exports.sqlite3_finalize(this.pointer)
  }
}
