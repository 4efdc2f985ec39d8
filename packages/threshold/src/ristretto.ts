// The group: ristretto255 (RFC 9496), prime order, one encoding per element. All arithmetic on curves is @noble/curves';
// here are only its words as this package speaks them.
//
// Bytes come from strangers, so what is read is refused unless it is canonical: a scalar below the order, an encoding
// that RFC 9496 accepts, never the neutral element (no honest key, commitment or share is it, and a neutral key would make
// every proof about it empty).
//
// Limits: multiplication with secrets uses the library's uniform ladder, but bigint arithmetic takes time that depends on
// its values. Whoever can measure single operations on this machine to the microsecond is not kept out.

import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import type { Brand, Reader } from '@quorate/kernel'
import { utf8, Writer } from '@quorate/kernel'

/** An element of the group. Compare with `equals`. */
export type Point = InstanceType<typeof ristretto255.Point>

/** An integer from 0 to the group's order - 1. */
export type Scalar = Brand<bigint, 'Scalar'>

/** Bytes of an encoded element or scalar. */
export const ENCODED_BYTES = 32

/** The generator. */
export const BASE: Point = ristretto255.Point.BASE
const NEUTRAL: Point = ristretto255.Point.ZERO
const ORDER: bigint = ristretto255.Point.Fn.ORDER

/** The scalar that is congruent to `value`. */
export function scalar(value: bigint): Scalar {
  const rest = value % ORDER
  return (rest < 0n ? rest + ORDER : rest) as Scalar
}

export function add(a: Scalar, b: Scalar): Scalar {
  return scalar(a + b)
}

export function times(a: Scalar, b: Scalar): Scalar {
  return scalar(a * b)
}

export function negative(of: Scalar): Scalar {
  return scalar(ORDER - of)
}

/** The inverse of a scalar that isn't 0. */
export function inverse(of: Scalar): Scalar {
  let [a, b]: [bigint, bigint] = [of, ORDER]
  let [u, v] = [1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b] = [b, a - quotient * b]
    ;[u, v] = [v, u - quotient * v]
  }
  return scalar(u)
}

/** `secret` times `point`, uniform in time as far as the library is. */
export function timesSecret(point: Point, secret: Scalar): Point {
  return secret === 0n ? NEUTRAL : point.multiply(secret)
}

/** `factor` times `point` where both are public; faster, above all for small factors. */
export function timesPublic(point: Point, factor: Scalar): Point {
  // The generator has precomputed multiples, which make the uniform way the faster one.
  return point === BASE ? timesSecret(point, factor) : point.multiplyUnsafe(factor)
}

/** The sum; the neutral element where there is nothing to add. */
export function sum(points: readonly Point[]): Point {
  return points.reduce((total, point) => total.add(point), NEUTRAL)
}

/** 32 bytes, little-endian. */
export function scalarBytes(value: Scalar): Uint8Array {
  const bytes = new Uint8Array(ENCODED_BYTES)
  let rest: bigint = value
  for (let at = 0; at < ENCODED_BYTES; at += 1) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** Reads a scalar below the order. */
export function readScalar(reader: Reader): Scalar {
  let value = 0n
  for (const byte of reader.raw(ENCODED_BYTES).toReversed()) value = (value << 8n) | BigInt(byte)
  return value < ORDER ? (value as Scalar) : reader.refuse('NOT_CANONICAL', 'scalar not below the order')
}

/** Reads an element that isn't neutral. */
export function readPoint(reader: Reader): Point {
  const point = pointOf(reader.raw(ENCODED_BYTES))
  if (point === undefined) return reader.refuse('NOT_CANONICAL', 'no ristretto255 encoding')
  return point.is0() ? reader.refuse('INVALID', 'the neutral element') : point
}

function pointOf(bytes: Uint8Array): Point | undefined {
  try {
    return ristretto255.Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}

/** What a hash is for: bytes hashed for one purpose never stand for another. */
export type Purpose =
  | 'receiver'
  | 'mask'
  | 'coefficient'
  | 'ephemeral'
  | 'nonce'
  | 'dealer'
  | 'equality'
  | 'coin'
  | 'nobody'

function tagOf(purpose: Purpose): Uint8Array {
  return utf8(`quorate/threshold/${purpose}/1`)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer()
  for (const part of parts) writer.bytes(part)
  return writer.finish()
}

/** A scalar that nobody can choose: 64 bytes of expand_message_xmd with SHA-512 (RFC 9380), modulo the order. */
export function hashToScalar(purpose: Purpose, ...parts: readonly Uint8Array[]): Scalar {
  return scalar(ristretto255_hasher.hashToScalar(joined(parts), { DST: tagOf(purpose) }))
}

/** An element whose logarithm nobody knows: ristretto255_XMD:SHA-512_R255MAP_RO_ (RFC 9380, appendix B). */
export function hashToPoint(purpose: Purpose, ...parts: readonly Uint8Array[]): Point {
  return ristretto255_hasher.hashToCurve(joined(parts), { DST: tagOf(purpose) })
}
