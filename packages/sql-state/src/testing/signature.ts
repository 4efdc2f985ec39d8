// Signatures for tests: anyone can make them, and each fits one key and one message only.

import { bytesEqual, concatBytes, utf8 } from '@quorate/kernel'
import type { MemberId, VerifySignature } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

/** The signature of `key` over `message`. */
export function toySignature(key: string, message: Uint8Array): Uint8Array {
  const half = rawOf(hashOf('seed', utf8(key), message))
  return concatBytes([half, half])
}

/** Whether `signature` is what `toySignature` makes. */
export const isToySigned: VerifySignature = (key, message, signature) =>
  bytesEqual(toySignature(key, message), signature)

/** The member of a number. */
export function memberAt(index: number): MemberId {
  return hashOf('seed', Uint8Array.of(index % 256, Math.floor(index / 256))) as string as MemberId
}
