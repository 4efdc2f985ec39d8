// A vote is one seat's signature over a header, given after it has executed the block. A quorum of votes is the certificate:
// it proves order, outcome and state at once.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, err, ok, Writer } from '@quorate/kernel'
import type { Committee } from './committee.ts'
import { SEATS_MAX } from './committee.ts'
import type { VerifySignature } from './domain.ts'
import { hashOf, signedBytes } from './domain.ts'
import type { Digest, Height, Seat, ViewId } from './ids.ts'
import { readDigest, readHeight, readSeat, readViewId, SIGNATURE_BYTES, writeDigest } from './ids.ts'

/** A block at its place. */
export interface Placed {
  readonly view: ViewId
  readonly height: Height
  readonly block: Digest
}

/** One seat's statement that the block of this hash stands at this height. */
export interface Vote extends Placed {
  readonly seat: Seat
  readonly signature: Uint8Array
}

/** A quorum of signatures over one header, seats in ascending order, each once. */
export interface Certificate {
  readonly signatures: readonly { readonly seat: Seat; readonly signature: Uint8Array }[]
}

/**
 * What a vote's signature is over: the header's hash and its place. The header names its place too, but who judges a vote
 * doesn't have the header: without the place an honest vote could be passed off as one for another height.
 */
export function voteSignedBytes({ view, height, block }: Placed): Uint8Array {
  const place = new Writer(72)
  writeDigest(place, view)
  writeDigest(place.u64(height), block)
  return signedBytes('vote', hashOf('vote', place.finish()))
}

export function writeVote(writer: Writer, vote: Vote): void {
  writeDigest(writer, vote.view)
  writeDigest(writer.u64(vote.height), vote.block)
  writer.u16(vote.seat).raw(vote.signature)
}

export function readVote(reader: Reader): Vote {
  return {
    view: readViewId(reader),
    height: readHeight(reader),
    block: readDigest(reader),
    seat: readSeat(reader),
    signature: reader.raw(SIGNATURE_BYTES).slice(),
  }
}

/** Canonical bytes of a vote by itself, as the store keeps it. */
export function encodeVote(vote: Vote): Uint8Array {
  const writer = new Writer(176)
  writeVote(writer, vote)
  return writer.finish()
}

/** Reads what `encodeVote` wrote. */
export function decodeVote(bytes: Uint8Array): Result<Vote, DecodeError> {
  return decode(bytes, readVote)
}

/** Canonical bytes of a certificate. */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  const writer = new Writer(16 + certificate.signatures.length * (SIGNATURE_BYTES + 2))
  writer.vector(certificate.signatures, (w, each) => w.u16(each.seat).raw(each.signature))
  return writer.finish()
}

/** Reads a certificate. Whether it proves anything is `checkCertificate`'s answer. */
export function decodeCertificate(bytes: Uint8Array): Result<Certificate, DecodeError> {
  return decode(bytes, (reader) => {
    const readOne = (r: Reader): Certificate['signatures'][number] => ({
      seat: readSeat(r),
      signature: r.raw(SIGNATURE_BYTES).slice(),
    })
    return { signatures: reader.vector(SEATS_MAX, readOne) }
  })
}

/** Why a certificate proves nothing. */
export interface CertificateError {
  readonly code: 'TOO_FEW_SIGNERS' | 'SEATS_NOT_ASCENDING' | 'NO_SUCH_SEAT' | 'BAD_SIGNATURE'
  readonly message: string
}

/** Checks that a quorum of distinct seats of `committee` signed the block at its place. */
export function checkCertificate(
  certificate: Certificate,
  placed: Placed,
  committee: Committee,
  verify: VerifySignature,
): Result<void, CertificateError> {
  const { signatures } = certificate
  if (signatures.length < committee.quorum) {
    return err({
      code: 'TOO_FEW_SIGNERS',
      message: `${signatures.length} signers where ${committee.quorum} of ${committee.size} are needed`,
    })
  }
  const message = voteSignedBytes(placed)
  let last = -1
  for (const { seat, signature } of signatures) {
    if (seat <= last) return err({ code: 'SEATS_NOT_ASCENDING', message: `seat ${seat} after seat ${last}` })
    if (!committee.has(seat))
      return err({ code: 'NO_SUCH_SEAT', message: `seat ${seat} in a committee of ${committee.size}` })
    if (!verify(committee.at(seat).key, message, signature)) {
      return err({ code: 'BAD_SIGNATURE', message: `seat ${seat} did not sign block ${placed.block}` })
    }
    last = seat
  }
  return ok(undefined)
}
