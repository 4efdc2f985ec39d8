// BCS (Binary Canonical Serialization) on the writing side: little-endian integers, ULEB128 lengths, no padding, no tags
// beyond a union's index. One value has one encoding; that is what lets hashes and signatures be over bytes.

import { assert } from './assert.ts'
import { hexInto, utf8 } from './bytes.ts'

const U32_MAX = 0xffff_ffff

/** Appends canonical bytes to a buffer that grows. Not reusable after `finish`. */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  /** @param capacity - First buffer size in bytes; a good guess saves copies. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  #reserve(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** One byte, 0 to 255. */
  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, `u8 out of range: ${value}`)
    const at = this.#reserve(1)
    this.#bytes[at] = value
    return this
  }

  /** Two bytes, little-endian. */
  u16(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, `u16 out of range: ${value}`)
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  /** Four bytes, little-endian. */
  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= U32_MAX, `u32 out of range: ${value}`)
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  /** Eight bytes, little-endian, of a safe integer (0 to 2^53 - 1). */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `u64 out of range: ${value}`)
    const at = this.#reserve(8)
    this.#view.setUint32(at, value % 0x1_0000_0000, true)
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
    return this
  }

  /** Eight bytes, little-endian, two's complement. */
  i64(value: bigint): this {
    assert(BigInt.asIntN(64, value) === value, `i64 out of range: ${value}`)
    const at = this.#reserve(8)
    this.#view.setBigInt64(at, value, true)
    return this
  }

  /** Eight bytes, little-endian, IEEE 754 binary64. NaN is not canonical and is refused. */
  f64(value: number): this {
    assert(!Number.isNaN(value), 'NaN has no canonical bytes')
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
    return this
  }

  /** 0 or 1. */
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  /** ULEB128, at most 32 bits: lengths and union indexes. */
  uleb(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= U32_MAX, `uleb out of range: ${value}`)
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) + 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.u8(rest)
  }

  /** Bytes as they are, without a length: for fixed sizes. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Length, then bytes. */
  bytes(bytes: Uint8Array): this {
    return this.uleb(bytes.length).raw(bytes)
  }

  /** Fixed-size bytes given as lower-case hex, `size` bytes long. */
  hex(hex: string, size: number): this {
    assert(hex.length === size * 2, `hex of ${hex.length / 2} bytes where ${size} belong`)
    const at = this.#reserve(size)
    assert(hexInto(hex, this.#bytes, at), 'not lower-case hex')
    return this
  }

  /** Length in bytes, then UTF-8. */
  text(text: string): this {
    return this.bytes(utf8(text))
  }

  /** Count, then each item. */
  vector<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.uleb(items.length)
    for (const item of items) write(this, item)
    return this
  }

  /** 0, or 1 and the value. */
  option<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    this.bool(value !== undefined)
    if (value !== undefined) write(this, value)
    return this
  }

  /** The bytes written: a view, not a copy. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}
