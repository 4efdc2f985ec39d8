// A proof that two elements have one logarithm: X = x G and Y = x H for the same x, without saying x (Chaum and
// Pedersen 1992, made non-interactive by hashing).
//
// The prover commits to k G and k H, the challenge c is a hash of everything, the answer is z = k + c x. Whoever checks
// computes z G - c X and z H - c Y and hashes again. If the logarithms differ, at most one c of 2^252 can be answered.
//
// k is a hash of secret and statement, not a draw: a generator that repeats itself would give the secret away, and a
// proof made twice is the same bytes twice.

import type { Reader, Writer } from '@quorate/kernel'
import type { Point, Purpose, Scalar } from './ristretto.ts'
import {
  add,
  BASE,
  hashToScalar,
  negative,
  readScalar,
  scalarBytes,
  times,
  timesPublic,
  timesSecret,
} from './ristretto.ts'

/** Challenge and answer. */
export interface Proof {
  readonly challenge: Scalar
  readonly answer: Scalar
}

/** X = x * generator, Y = x * other. */
export interface Equality {
  /** What the proof is for; a proof for one context is none for another. */
  readonly context: Uint8Array
  readonly key: Point
  readonly other: Point
  readonly result: Point
}

function hashOf(statement: Equality, purpose: Purpose, ...more: readonly Uint8Array[]): Scalar {
  const { context, key, other, result } = statement
  return hashToScalar(purpose, context, key.toBytes(), other.toBytes(), result.toBytes(), ...more)
}

export function proveEquality(statement: Equality, secret: Scalar): Proof {
  const nonce = hashOf(statement, 'nonce', scalarBytes(secret))
  const first = timesSecret(BASE, nonce)
  const second = timesSecret(statement.other, nonce)
  const challenge = hashOf(statement, 'equality', first.toBytes(), second.toBytes())
  return { challenge, answer: add(nonce, times(challenge, secret)) }
}

export function holdsEquality(statement: Equality, { challenge, answer }: Proof): boolean {
  const minus = negative(challenge)
  const first = timesPublic(BASE, answer).add(timesPublic(statement.key, minus))
  const second = timesPublic(statement.other, answer).add(timesPublic(statement.result, minus))
  return challenge === hashOf(statement, 'equality', first.toBytes(), second.toBytes())
}

export function writeProof(writer: Writer, { challenge, answer }: Proof): void {
  writer.raw(scalarBytes(challenge)).raw(scalarBytes(answer))
}

export function readProof(reader: Reader): Proof {
  return { challenge: readScalar(reader), answer: readScalar(reader) }
}
