// Keys of a cluster. A real signature costs a simulation twenty-six times what everything else does, so most seeds sign with a hash
// over a secret that only the member's signer and the checker hold: nobody can make another's, wrong ones really fail, and a part
// that forgets to check is still found out. A few seeds use ed25519, by the code a replica uses.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { concatBytes, fromHex, must, sha256Of, utf8 } from '@quorate/kernel'
import type { SignatureCheck } from '@quorate/replica/host'
import { Signer, verifyNow } from '@quorate/replica/host'
import type { MemberId, VerifySignature } from '@quorate/types'

/** How a run signs. */
export type Signing = 'simulated' | 'ed25519'

/** Signs with one member's key. */
export interface MemberSigner {
  readonly id: MemberId
  sign(message: Uint8Array): Uint8Array
}

/** The keys of all members, by number, and what checks their signatures. */
export interface KeyRing {
  readonly signers: readonly MemberSigner[]
  readonly verify: VerifySignature
}

/** What stands before the 32 bytes of an ed25519 seed in PKCS#8 (RFC 8410). */
const PKCS8_HEAD = must(fromHex('302e020100300506032b657004220420'), 'hex')

function secretOf(seed: number, index: number): Uint8Array {
  return must(fromHex(sha256Of([utf8(`secret of member ${index}, seed ${seed}`)])), 'a hash is hex')
}

function realSigner(seed: number, index: number): MemberSigner {
  const der = Buffer.from(concatBytes([PKCS8_HEAD, secretOf(seed, index)]))
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const x = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''
  return new Signer({ id: Buffer.from(x, 'base64url').toString('hex') as MemberId, privateKey })
}

function simulated(seed: number, count: number): KeyRing {
  const secrets = new Map<string, Uint8Array>()
  const over = (secret: Uint8Array, message: Uint8Array): Uint8Array => {
    const half = must(fromHex(sha256Of([secret, message])), 'a hash is hex')
    return concatBytes([half, half])
  }
  const signers = Array.from({ length: count }, (_, index): MemberSigner => {
    const secret = secretOf(seed, index)
    const id = sha256Of([utf8('public'), secret]) as MemberId
    secrets.set(id, secret)
    return { id, sign: (message) => over(secret, message) }
  })
  const verify: VerifySignature = (key, message, signature) => {
    const secret = secrets.get(key)
    return secret !== undefined && Buffer.compare(over(secret, message), signature) === 0
  }
  return { signers, verify }
}

/** Makes the keys of `count` members from the seed. */
export function keyRing(signing: Signing, seed: number, count: number): KeyRing {
  if (signing === 'simulated') return simulated(seed, count)
  return { signers: Array.from({ length: count }, (_, index) => realSigner(seed, index)), verify: verifyNow }
}

/** Verdicts on many signatures, in the order asked. */
export function verdicts(ring: KeyRing, checks: readonly SignatureCheck[]): readonly boolean[] {
  return checks.map(({ key, message, signature }) => ring.verify(key, message, signature))
}
