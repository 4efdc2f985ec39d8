// Proof of a member's fault that convinces a third party: two things the same key signed that no honest member signs both of.

import type { DecodeError, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import type { Vote } from './certificate.ts'
import { decodeCertificate, encodeCertificate, readVote, writeVote } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { SEATS_MAX } from './committee.ts'
import type { Digest } from './ids.ts'
import { readDigest, writeDigest } from './ids.ts'
import { UNIT_BYTES_MAX } from './unit.ts'

/** A fault and its proof. */
export type Evidence =
  /** Two different units of one creator in one round. */
  | { readonly kind: 'fork'; readonly first: Uint8Array; readonly second: Uint8Array }
  /** A vote for another block than the one a quorum certified at that height: a wrong result, root or order. */
  | { readonly kind: 'wrong-vote'; readonly vote: Vote; readonly block: Digest; readonly certificate: Certificate }

/** Canonical bytes of evidence: what is stored and shown. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const writer = new Writer(1024)
  if (evidence.kind === 'fork') return writer.uleb(0).bytes(evidence.first).bytes(evidence.second).finish()
  writeVote(writer.uleb(1), evidence.vote)
  writeDigest(writer, evidence.block)
  return writer.bytes(encodeCertificate(evidence.certificate)).finish()
}

/** Reads evidence. Whether it proves anything is for signatures to say. */
export function decodeEvidence(bytes: Uint8Array): Result<Evidence, DecodeError> {
  return decode(bytes, (reader): Evidence => {
    const tag = reader.uleb()
    if (tag === 0) {
      return { kind: 'fork', first: reader.bytes(UNIT_BYTES_MAX).slice(), second: reader.bytes(UNIT_BYTES_MAX).slice() }
    }
    if (tag !== 1) return reader.refuse('INVALID', `evidence tag ${tag}`)
    const vote = readVote(reader)
    const block = readDigest(reader)
    const certificate = decodeCertificate(reader.bytes(SEATS_MAX * 80))
    if (!certificate.ok) return reader.refuse('INVALID', `certificate: ${certificate.error.message}`)
    return { kind: 'wrong-vote', vote, block, certificate: certificate.value }
  })
}
