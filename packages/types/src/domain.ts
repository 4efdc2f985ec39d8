// Domain separation: one function and one tag for each thing that is hashed or signed, so that bytes made for one purpose
// can never be passed off as another. The tag ends in a version: other bytes to the same purpose get a new number.

import { concatBytes, sha256Of, utf8 } from '@quorate/kernel'
import type { ConsensusKey, Digest, MemberId } from './ids.ts'
import { rawOf } from './ids.ts'

/** What a hash or a signature is for. */
export type Domain =
  | 'block'
  | 'body'
  | 'change'
  | 'coin'
  | 'deal'
  | 'genesis'
  | 'governance'
  | 'join'
  | 'outcome'
  | 'page'
  | 'program'
  | 'rekey'
  | 'ring'
  | 'seed'
  | 'state'
  | 'transaction'
  | 'unit'
  | 'view'
  | 'vote'

const tags = new Map<Domain, Uint8Array>()

function tagOf(domain: Domain): Uint8Array {
  const known = tags.get(domain)
  if (known !== undefined) return known
  const tag = utf8(`quorate/${domain}/1\0`)
  tags.set(domain, tag)
  return tag
}

/** SHA-256 over the domain's tag and all `parts`. Parts are not delimited: fix their sizes or encode them canonically. */
export function hashOf(domain: Domain, ...parts: readonly Uint8Array[]): Digest {
  return sha256Of([tagOf(domain), ...parts]) as Digest
}

/** The bytes that an ed25519 signature over `digest` in `domain` is made of. */
export function signedBytes(domain: Domain, digest: Digest): Uint8Array {
  return concatBytes([tagOf(domain), rawOf(digest)])
}

/** Checks one ed25519 signature (RFC 8032) by libsodium's strict rule. A shell provides it: every replica uses the same one. */
export type VerifySignature = (key: ConsensusKey | MemberId, message: Uint8Array, signature: Uint8Array) => boolean
