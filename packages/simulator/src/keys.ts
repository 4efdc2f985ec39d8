// Keys of a cluster. A real signature costs a simulation twenty-six times what everything else does, so most seeds sign with a hash
// over a secret that only the member's signer and the checker hold: nobody can make another's, wrong ones really fail, and a part
// that forgets to check is still found out. A few seeds use ed25519, by the code a replica uses; and so it is
// with coins.

import { createPrivateKey, createPublicKey, sign as signWith } from 'node:crypto'
import type { CoinScheme } from '@quorate/choam'
import { RISTRETTO_COINS } from '@quorate/choam'
import { SimulatedCoins } from '@quorate/choam/testing'
import { concatBytes, fromHex, must, sha256Of, utf8 } from '@quorate/kernel'
import type { SignatureCheck } from '@quorate/replica/host'
import { verifyNow } from '@quorate/replica/host'
import { identityKey } from '@quorate/types'
import type { ConsensusKey, MemberId, VerifySignature, ViewId } from '@quorate/types'

/** How a run signs. */
export type Signing = 'simulated' | 'ed25519'

/** Signs with one member's keys. */
export interface MemberSigner {
  readonly id: MemberId
  /** With the identity key, unless another is told. */
  sign(message: Uint8Array, key?: ConsensusKey): Uint8Array
  /** The key that the member publishes in a view: the same for its twins, and after its disk was lost. */
  keyIn(view: ViewId): ConsensusKey
  /** What its receiver key in the view is made from. */
  secretIn(view: ViewId): Uint8Array
}

/** The keys of all members, by number, and what checks their signatures. */
export interface KeyRing {
  readonly signers: readonly MemberSigner[]
  readonly verify: VerifySignature
  readonly coins: CoinScheme
}

/** What stands before the 32 bytes of an ed25519 seed in PKCS#8 (RFC 8410). */
const PKCS8_HEAD = must(fromHex('302e020100300506032b657004220420'), 'hex')

function secretOf(seed: number, index: number): Uint8Array {
  return must(fromHex(sha256Of([utf8(`secret of member ${index}, seed ${seed}`)])), 'a hash is hex')
}

/** A pair of keys that follows from a secret. */
interface Pair {
  readonly key: string
  readonly sign: (message: Uint8Array) => Uint8Array
}

function realPair(secret: Uint8Array): Pair {
  const der = Buffer.from(concatBytes([PKCS8_HEAD, secret]))
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const x = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''
  const sign = (message: Uint8Array): Uint8Array => new Uint8Array(signWith(null, message, privateKey))
  return { key: Buffer.from(x, 'base64url').toString('hex'), sign }
}

/** All the keys of a member. */
class Keys implements MemberSigner {
  readonly id: MemberId
  readonly #secret: Uint8Array
  readonly #pairOf: (secret: Uint8Array) => Pair
  readonly #pairs = new Map<ConsensusKey, Pair>()

  constructor(secret: Uint8Array, pairOf: (secret: Uint8Array) => Pair) {
    this.#secret = secret
    this.#pairOf = pairOf
    this.id = this.#make(secret) as string as MemberId
  }

  keyIn(view: ViewId): ConsensusKey {
    return this.#make(must(fromHex(sha256Of([this.#secret, utf8(view)])), 'a hash is hex'))
  }

  secretIn(view: ViewId): Uint8Array {
    return must(fromHex(sha256Of([this.#secret, utf8(`coin of ${view}`)])), 'a hash is hex')
  }

  sign(message: Uint8Array, key: ConsensusKey = identityKey(this.id)): Uint8Array {
    return must(this.#pairs.get(key), 'a key of this member').sign(message)
  }

  #make(secret: Uint8Array): ConsensusKey {
    const pair = this.#pairOf(secret)
    this.#pairs.set(pair.key as ConsensusKey, pair)
    return pair.key as ConsensusKey
  }
}

function simulated(seed: number, count: number): KeyRing {
  const secrets = new Map<string, Uint8Array>()
  const over = (secret: Uint8Array, message: Uint8Array): Uint8Array => {
    const half = must(fromHex(sha256Of([secret, message])), 'a hash is hex')
    return concatBytes([half, half])
  }
  const pairOf = (secret: Uint8Array): Pair => {
    const key = sha256Of([utf8('public'), secret])
    secrets.set(key, secret)
    return { key, sign: (message) => over(secret, message) }
  }
  const signers = Array.from({ length: count }, (_, index) => new Keys(secretOf(seed, index), pairOf))
  const verify: VerifySignature = (key, message, signature) => {
    const secret = secrets.get(key)
    return secret !== undefined && Buffer.compare(over(secret, message), signature) === 0
  }
  return { signers, verify, coins: new SimulatedCoins() }
}

/** Makes the keys of `count` members from the seed. */
export function keyRing(signing: Signing, seed: number, count: number): KeyRing {
  if (signing === 'simulated') return simulated(seed, count)
  const signers = Array.from({ length: count }, (_, index) => new Keys(secretOf(seed, index), realPair))
  return { signers, verify: verifyNow, coins: RISTRETTO_COINS }
}

/** Verdicts on many signatures, in the order asked. */
export function verdicts(ring: KeyRing, checks: readonly SignatureCheck[]): readonly boolean[] {
  return checks.map(({ key, message, signature }) => ring.verify(key, message, signature))
}
