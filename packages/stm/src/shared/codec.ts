import { deserialize, serialize } from 'node:v8'

/** How values become bytes and back. `decode` may keep the bytes it is given. */
export interface SharedCodec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** Whatever can be structured-cloned. Each read gives a copy of its own. */
export function structured<T>(): SharedCodec<T> {
  // What is decoded was encoded by this function, for the same variable.
  return { encode: (value) => serialize(value), decode: (bytes) => deserialize(bytes) as T }
}

/** Numbers in eight bytes. Made for its speed: it has no buffers of its own, each call uses the same one. */
export const NUMBER: SharedCodec<number> = {
  encode(value) {
    float[0] = value
    return floatBytes
  },
  decode(bytes) {
    floatBytes.set(bytes)
    return float[0] ?? NaN
  },
}

const float = new Float64Array(1)
const floatBytes = new Uint8Array(float.buffer)

/** Words that grow on demand and are used again. */
export class Scratch {
  #words = new Int32Array(64)
  #bytes = new Uint8Array(this.#words.buffer)

  /** At least `count` words, with what they held before. */
  words(count: number): Int32Array {
    if (count > this.#words.length) {
      const old = this.#words
      this.#words = new Int32Array(Math.max(count, old.length * 2))
      this.#words.set(old)
      this.#bytes = new Uint8Array(this.#words.buffer)
    }
    return this.#words
  }

  /** The first `length` bytes of the words. */
  bytes(length: number): Uint8Array {
    return this.#bytes.subarray(0, length)
  }

  /** Puts `bytes` at word `from`. */
  put(bytes: Uint8Array, from: number): void {
    this.words(from + ((bytes.length + 3) >>> 2))
    this.#bytes.set(bytes, from * 4)
  }
}
