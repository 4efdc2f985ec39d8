// A baton names a stream and the number of its next request, and a server recognises its own: stream (8 bytes,
// big-endian), sequence (8 bytes, big-endian), authentication code over both (32 bytes), all in base64 without padding.
// It is good for one request; the answer carries the next. The code keeps clients from guessing one another's streams.

import { fromBase64, toBase64 } from './base64.ts'

/** What a baton says. Both are safe integers, from 0. */
export interface Baton {
  readonly stream: number
  readonly sequence: number
}

/** Authenticates 16 bytes with the server's secret: HMAC-SHA-256, 32 bytes. */
export type BatonCode = (bytes: Uint8Array) => Uint8Array

const WORDS_BYTES = 16
const CODE_BYTES = 32
const BATON_CHARS = 64

/** Writes a baton. */
export function printBaton(baton: Baton, code: BatonCode): string {
  const bytes = new Uint8Array(WORDS_BYTES + CODE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(baton.stream))
  view.setBigUint64(8, BigInt(baton.sequence))
  bytes.set(code(bytes.subarray(0, WORDS_BYTES)).subarray(0, CODE_BYTES), WORDS_BYTES)
  return toBase64(bytes)
}

/**
 * Reads a baton; undefined where it was not made with `code`'s secret. Takes equally long wherever a forgery differs.
 */
export function parseBaton(text: string, code: BatonCode): Baton | undefined {
  if (text.length !== BATON_CHARS) return undefined
  const bytes = fromBase64(text)
  if (bytes === undefined || bytes.length !== WORDS_BYTES + CODE_BYTES) return undefined
  const expected = code(bytes.subarray(0, WORDS_BYTES))
  let difference = expected.length ^ CODE_BYTES
  for (let i = 0; i < CODE_BYTES; i += 1) difference |= (expected[i] ?? 0) ^ (bytes[WORDS_BYTES + i] ?? 0)
  if (difference !== 0) return undefined
  const view = new DataView(bytes.buffer)
  return { stream: Number(view.getBigUint64(0)), sequence: Number(view.getBigUint64(8)) }
}
