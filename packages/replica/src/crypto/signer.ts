import { must } from '@quorate/kernel'
import { identityKey, SIGNATURE_BYTES } from '@quorate/types'
import type { ConsensusKey, MemberId } from '@quorate/types'
import sodium from 'sodium-native'
import type { MemberKey } from './keys.ts'
import type { ViewKeys } from './view-keys.ts'

const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64

/** Signs with a member's identity key alone: its orders about the membership. */
export class IdentitySigner {
  readonly id: MemberId
  readonly #secretKey: Uint8Array

  constructor(key: MemberKey) {
    this.id = key.id
    // libsodium keeps such memory out of core dumps and swap, between guard pages.
    this.#secretKey = sodium.sodium_malloc(SECRET_KEY_BYTES)
    const seed = Buffer.from(key.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
    const publicKey = new Uint8Array(PUBLIC_KEY_BYTES)
    sodium.crypto_sign_seed_keypair(publicKey, this.#secretKey, seed)
    sodium.sodium_memzero(seed)
  }

  /** The 64-byte ed25519 signature (RFC 8032) over `message`. Deterministic. */
  sign(message: Uint8Array): Uint8Array {
    const signature = new Uint8Array(SIGNATURE_BYTES)
    sodium.crypto_sign_detached(signature, message, this.#secretKey)
    return signature
  }
}

/**
 * Signs with one member's key, or with those it made for views. What may be signed at all (never two votes at one height) is for its
 * callers to keep.
 */
export class Signer {
  readonly id: MemberId
  readonly viewKeys: ViewKeys
  readonly #identity: IdentitySigner

  constructor(key: MemberKey, viewKeys: ViewKeys) {
    this.id = key.id
    this.viewKeys = viewKeys
    this.#identity = new IdentitySigner(key)
  }

  /** The 64-byte ed25519 signature (RFC 8032) over `message`, with the member's identity key unless told another. Deterministic. */
  sign(message: Uint8Array, key: ConsensusKey = identityKey(this.id)): Uint8Array {
    if (key === identityKey(this.id)) return this.#identity.sign(message)
    return must(this.viewKeys.sign(message, key), 'the core signs with keys that are here')
  }
}
