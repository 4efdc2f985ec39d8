// A block with all there is of it: what certifies it, what was ordered, and what came of it. It is what archives keep and what
// replicas give to whoever makes one.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { BODY_BYTES_MAX } from './block.ts'
import { SEATS_MAX } from './committee.ts'
import type { CertifiedBlock } from './request.ts'
import { REQUEST_LIMITS } from './request.ts'

/** A certified block and its outcomes. */
export interface WholeBlock extends CertifiedBlock {
  /** The outcomes' bytes by position, as one value: a list of byte strings. The header's results root binds each of them. */
  readonly results: Uint8Array
}

/** Bounds of whole blocks, checked when they are decoded. */
export const WHOLE_BLOCK_LIMITS = {
  resultsBytesMax: 256 * 1024 * 1024,
  /** Bytes of a certificate: a seat and a signature for each seat there may be. */
  certificateBytesMax: SEATS_MAX * 80,
  /** Blocks of one list. */
  blocksMax: 1024,
} as const

function write(writer: Writer, { header, body, certificate, results }: WholeBlock): void {
  writer.bytes(header).bytes(body).bytes(certificate).bytes(results)
}

function read(reader: Reader): WholeBlock {
  return {
    header: reader.bytes(REQUEST_LIMITS.headerBytesMax),
    body: reader.bytes(BODY_BYTES_MAX),
    certificate: reader.bytes(WHOLE_BLOCK_LIMITS.certificateBytesMax),
    results: reader.bytes(WHOLE_BLOCK_LIMITS.resultsBytesMax),
  }
}

function sizeOf({ header, body, certificate, results }: WholeBlock): number {
  return header.length + body.length + certificate.length + results.length + 20
}

/** Canonical bytes of a whole block. */
export function encodeWholeBlock(block: WholeBlock): Uint8Array {
  const writer = new Writer(sizeOf(block))
  write(writer, block)
  return writer.finish()
}

/** Reads a whole block. Its parts are views of `bytes`; whether they are a block of any ledger is not looked at. */
export function decodeWholeBlock(bytes: Uint8Array): Result<WholeBlock, DecodeError> {
  return decode(bytes, read)
}

/** Canonical bytes of a list of whole blocks. */
export function encodeWholeBlocks(blocks: readonly WholeBlock[]): Uint8Array {
  return new Writer(blocks.reduce((sum, block) => sum + sizeOf(block), 5)).vector(blocks, write).finish()
}

/** Reads a list of whole blocks, at most `WHOLE_BLOCK_LIMITS.blocksMax`. */
export function decodeWholeBlocks(bytes: Uint8Array): Result<readonly WholeBlock[], DecodeError> {
  return decode(bytes, (reader) => reader.vector(WHOLE_BLOCK_LIMITS.blocksMax, read))
}
