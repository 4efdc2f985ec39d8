// The key of a seat that dealers seal its shares for: made for one dealing, published before it.

import type { DecodeError, Result } from '@quorate/kernel'
import { assert, decode } from '@quorate/kernel'
import type { Point, Scalar } from './ristretto.ts'
import { BASE, hashToPoint, hashToScalar, readPoint, timesSecret } from './ristretto.ts'

/** A receiver key and the secret behind it, from 32 random bytes that are used for nothing else. */
export function receiverKey(seed: Uint8Array): { readonly secret: Scalar; readonly key: Point } {
  assert(seed.length === 32, `a seed of ${seed.length} bytes`)
  const secret = hashToScalar('receiver', seed)
  return { secret, key: timesSecret(BASE, secret) }
}

/** A key whose secret nobody has, for a seat that published none: what is dealt to it is lost, as if its holder were silent. */
export function nobodysKey(label: Uint8Array): Point {
  return hashToPoint('nobody', label)
}

/** 32 bytes. */
export function encodeReceiverKey(key: Point): Uint8Array {
  return key.toBytes()
}

/** Refuses what is no canonical element, and the neutral one. */
export function decodeReceiverKey(bytes: Uint8Array): Result<Point, DecodeError> {
  return decode(bytes, readPoint)
}
