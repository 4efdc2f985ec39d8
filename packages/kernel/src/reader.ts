// BCS on the reading side. Input is somebody else's: every read is bounds-checked, lengths are checked before anything is
// allocated, and whatever has a second encoding (long ULEB128, a bool of 2, trailing bytes) is refused.

import { toHex, utf8Text } from './bytes.ts'
import type { Result } from './result.ts'
import { err, ok } from './result.ts'

/** Why bytes were refused. `at` is the offset of the field in question. */
export interface DecodeError {
  readonly code: 'TRUNCATED' | 'TRAILING' | 'LIMIT' | 'NOT_CANONICAL' | 'INVALID'
  readonly at: number
  readonly message: string
}

/** Leaves a decoder; only `decode` catches it. */
class Refusal extends Error {
  readonly refused: DecodeError

  constructor(refused: DecodeError) {
    super(refused.message)
    this.refused = refused
  }
}

/** Reads canonical bytes front to back. Use it through `decode`, which turns a refusal into a `Result`. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    // A host's subclass (Node's Buffer) copies nothing in `slice`; decoded parts must be copies where they say so.
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** Ends the decoding with an error at the present offset. */
  refuse(code: DecodeError['code'], message: string): never {
    throw new Refusal({ code, at: this.#at, message })
  }

  #take(count: number): number {
    if (count > this.remaining) this.refuse('TRUNCATED', `${count} bytes wanted, ${this.remaining} left`)
    const at = this.#at
    this.#at += count
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** A u64 that must be a safe integer (at most 2^53 - 1). */
  u64(): number {
    const at = this.#take(8)
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000
    if (!Number.isSafeInteger(value)) this.refuse('LIMIT', 'u64 above 2^53 - 1')
    return value
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true)
  }

  f64(): number {
    const value = this.#view.getFloat64(this.#take(8), true)
    if (Number.isNaN(value)) this.refuse('NOT_CANONICAL', 'NaN')
    return value
  }

  bool(): boolean {
    const value = this.u8()
    if (value > 1) this.refuse('NOT_CANONICAL', `bool is ${value}`)
    return value === 1
  }

  uleb(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 5; count += 1) {
      const byte = this.u8()
      value += (byte % 0x80) * scale
      if (byte < 0x80) {
        if (byte === 0 && count > 0) this.refuse('NOT_CANONICAL', 'ULEB128 longer than needed')
        if (value > 0xffff_ffff) this.refuse('LIMIT', 'ULEB128 above 32 bits')
        return value
      }
      scale *= 0x80
    }
    return this.refuse('LIMIT', 'ULEB128 above 32 bits')
  }

  /** A view of the next `count` bytes: copy it if the input may change. */
  raw(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** Length-prefixed bytes, as a view. */
  bytes(limit: number): Uint8Array {
    const length = this.uleb()
    if (length > limit) this.refuse('LIMIT', `${length} bytes, at most ${limit} allowed`)
    return this.raw(length)
  }

  /** `size` bytes as lower-case hex. */
  hex(size: number): string {
    return toHex(this.raw(size))
  }

  /** Length-prefixed UTF-8; `limit` counts bytes. */
  text(limit: number): string {
    return utf8Text(this.bytes(limit)) ?? this.refuse('INVALID', 'not UTF-8')
  }

  /** A counted list; `limit` bounds the count, and each item must take at least one byte. */
  vector<T>(limit: number, read: (reader: this) => T): T[] {
    const count = this.uleb()
    if (count > limit) this.refuse('LIMIT', `${count} items, at most ${limit} allowed`)
    if (count > this.remaining) this.refuse('TRUNCATED', `${count} items, ${this.remaining} bytes left`)
    const items: T[] = []
    for (let i = 0; i < count; i += 1) items.push(read(this))
    return items
  }

  option<T>(read: (reader: this) => T): T | undefined {
    return this.bool() ? read(this) : undefined
  }
}

/** Runs `read` over the whole of `bytes`. Trailing bytes are an error: one value, one encoding. */
export function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): Result<T, DecodeError> {
  const reader = new Reader(bytes)
  try {
    const value = read(reader)
    if (reader.remaining > 0) reader.refuse('TRAILING', `${reader.remaining} bytes after the value`)
    return ok(value)
  } catch (error) {
    if (error instanceof Refusal) return err(error.refused)
    throw error
  }
}
