// What a member of a committee to come says while that committee's coin is dealt. Signed by its identity: it has to reach the ledger
// through others where it holds no seat yet.

import type { Reader } from '@quorate/kernel'
import { Writer } from '@quorate/kernel'
import { hashOf, signedBytes } from './domain.ts'
import type { MemberId, ViewId } from './ids.ts'
import { DIGEST_BYTES, readViewId, SIGNATURE_BYTES, writeDigest } from './ids.ts'

/** Most bytes of a message of the dealing. */
export const DEAL_BYTES_MAX = 16_384

/** One message of a dealing. */
export interface Deal {
  readonly member: MemberId
  /** The view in which it is ordered. */
  readonly view: ViewId
  /** The view whose coin is dealt: what was said for another dealing counts for nothing here. */
  readonly next: ViewId
  /** In the words of the dealing, opaque here, at most `DEAL_BYTES_MAX`. Empty: the member has waited long enough for a coin. */
  readonly message: Uint8Array
}

/** A deal with the signature of the member's identity key. */
export interface SignedDeal extends Deal {
  readonly signature: Uint8Array
}

function writeWords(writer: Writer, { member, view, next, message }: Deal): void {
  writer.hex(member, DIGEST_BYTES)
  writeDigest(writer, view)
  writeDigest(writer, next)
  writer.bytes(message)
}

/** What a deal's signature is over. */
export function dealSignedBytes(deal: Deal): Uint8Array {
  const writer = new Writer(deal.message.length + 128)
  writeWords(writer, deal)
  return signedBytes('deal', hashOf('deal', writer.finish()))
}

export function writeDeal(writer: Writer, deal: SignedDeal): void {
  writeWords(writer, deal)
  writer.raw(deal.signature)
}

export function readDeal(reader: Reader): SignedDeal {
  const member = reader.hex(DIGEST_BYTES) as MemberId
  const view = readViewId(reader)
  const next = readViewId(reader)
  const message = reader.bytes(DEAL_BYTES_MAX).slice()
  return { member, view, next, message, signature: reader.raw(SIGNATURE_BYTES).slice() }
}
