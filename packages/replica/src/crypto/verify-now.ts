import { fromHex } from '@quorate/kernel'
import { SIGNATURE_BYTES } from '@quorate/types'
import sodium from 'sodium-native'

/** A signature to be checked: who is said to have signed what. */
export interface SignatureClaim {
  /** The signer's ed25519 public key, 64 lower-case hex digits. */
  readonly key: string
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const PUBLIC_KEY_BYTES = 32
/**
 * Most decoded keys remembered. Keys come from certified committees, so this is seldom reached; then all are forgotten.
 */
const KEYS_REMEMBERED_MAX = 1024

const keys = new Map<string, Uint8Array>()

function rawKey(hex: string): Uint8Array | undefined {
  const known = keys.get(hex)
  if (known !== undefined) return known
  const raw = fromHex(hex)
  if (raw === undefined || raw.length !== PUBLIC_KEY_BYTES) return undefined
  if (keys.size >= KEYS_REMEMBERED_MAX) keys.clear()
  keys.set(hex, raw)
  return raw
}

/**
 * Checks one ed25519 signature on this thread, about 40 us. Implementations of ed25519 disagree about odd signatures,
 * so this is the only rule of a replica, libsodium's: the unbatched, cofactorless equation of RFC 8032; S below the
 * group order; key and R canonically encoded, neither of small order. Anything malformed is false; it never throws.
 */
export function verifyNow(key: string, message: Uint8Array, signature: Uint8Array): boolean {
  const raw = rawKey(key)
  if (raw === undefined || signature.length !== SIGNATURE_BYTES) return false
  return sodium.crypto_sign_verify_detached(signature, message, raw)
}
