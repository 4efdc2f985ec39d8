// The strict ed25519 rule of every replica (libsodium's), so that what they accept and what a verifier accepts is the
// same.

import { createRequire } from 'node:module'
import { fromHex } from '@quorate/kernel'
import type { VerifySignature } from '@quorate/types'

interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

// sodium-native ships no types and is CommonJS; required, it needs no ambient declaration that others would have to
// share.
const sodium = createRequire(import.meta.url)('sodium-native') as Sodium

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Checks one signature. Anything malformed is false. */
export const verifySignature: VerifySignature = (key, message, signature) => {
  const raw = fromHex(key)
  if (raw === undefined || raw.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  return sodium.crypto_sign_verify_detached(signature, message, raw)
}
