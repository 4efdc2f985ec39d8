import { must } from '@quorate/kernel'
import type { ConsensusKey, MemberId } from '@quorate/types'
import { identityKey } from '@quorate/types'
import type { Signer } from './signer.ts'
import type { ViewKeys } from './view-keys.ts'

/** Signs for a replica: with its member's identity key, and with the keys made for views. */
export class SeatSigner {
  readonly viewKeys: ViewKeys
  readonly #identity: Signer

  constructor(identity: Signer, viewKeys: ViewKeys) {
    this.#identity = identity
    this.viewKeys = viewKeys
  }

  get id(): MemberId {
    return this.#identity.id
  }

  /** The 64-byte ed25519 signature over `message`, with the identity key unless told another. Deterministic. */
  sign(message: Uint8Array, key: ConsensusKey = identityKey(this.id)): Uint8Array {
    if (key === identityKey(this.id)) return this.#identity.sign(message)
    return must(this.viewKeys.sign(message, key), 'the core signs with keys that are here')
  }
}
