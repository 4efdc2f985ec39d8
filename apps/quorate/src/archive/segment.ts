// A segment of an archive: whole blocks in a row, in one file. docs/archive.md describes it for those who read it with tools of
// their own.
//
//   preamble   magic, version, ledger, first height, number of blocks; SHA-256 of these
//   record     length, block (canonical bytes: four parts with their lengths); SHA-256 of both; as often as the preamble says
//
// The sums prove nothing, since whoever changes a block can change its sum: they tell a bad disk from a bad block, and where
// it is bad. Proof is in the blocks; chain.ts checks it. A segment is written once and never changed.

import type { Result } from '@quorate/kernel'
import { bytesEqual, concatBytes, decode, err, fromHex, must, ok, sha256, utf8, Writer } from '@quorate/kernel'
import type { Digest, Height, WholeBlock } from '@quorate/types'
import { decodeHeader, decodeWholeBlock, DIGEST_BYTES, encodeWholeBlock, height } from '@quorate/types'

/** The first bytes of every segment. Its line feed shows what a transfer as text has done. */
const MAGIC = utf8('QUORSEG\n')
const VERSION = 1
const SUMMED_BYTES = MAGIC.length + 1 + DIGEST_BYTES + 8 + 4
/** Bytes before the first record. */
export const PREAMBLE_BYTES: number = SUMMED_BYTES + DIGEST_BYTES
const LENGTH_BYTES = 4
/** Bytes of a record that are not its block's. */
export const RECORD_EXTRA_BYTES: number = LENGTH_BYTES + DIGEST_BYTES

/** Bounds of a segment that is written. It has at least one block, whatever its size. */
export const SEGMENT_LIMITS = { bytesMax: 16 * 1024 * 1024, blocksMax: 1024 } as const

/** What a segment says of itself. */
export interface Preamble {
  readonly ledger: Digest
  readonly first: Height
  readonly count: number
}

/** Why bytes are no segment. `record` counts from 0; undefined where the preamble is meant. */
export interface SegmentError {
  readonly code: 'NOT_A_SEGMENT' | 'TRUNCATED' | 'DAMAGED' | 'MALFORMED' | 'TRAILING'
  readonly record: number | undefined
  readonly message: string
}

function refuse(code: SegmentError['code'], record: number | undefined, message: string): Result<never, SegmentError> {
  return err({ code, record, message })
}

function sumOf(bytes: Uint8Array): Uint8Array {
  return must(fromHex(sha256(bytes)), 'a sum is hexadecimal')
}

/** Bytes that a block takes in a segment. */
export function recordBytes(block: WholeBlock): number {
  return encodeWholeBlock(block).length + RECORD_EXTRA_BYTES
}

/** The bytes of a segment of `blocks`, which follow each other from the height `first` on. */
export function encodeSegment(ledger: Digest, first: Height, blocks: readonly WholeBlock[]): Uint8Array {
  const preamble = new Writer(PREAMBLE_BYTES).raw(MAGIC).u8(VERSION).hex(ledger, DIGEST_BYTES)
  const head = preamble.u64(first).u32(blocks.length).finish()
  const parts = [head, sumOf(head)]
  for (const block of blocks) {
    const bytes = encodeWholeBlock(block)
    const length = new Writer(LENGTH_BYTES).u32(bytes.length).finish()
    parts.push(length, bytes, sumOf(concatBytes([length, bytes])))
  }
  return concatBytes(parts)
}

/** Reads what a segment says of itself. */
export function readPreamble(bytes: Uint8Array): Result<Preamble, SegmentError> {
  if (!bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC.subarray(0, Math.min(bytes.length, MAGIC.length))))
    return refuse('NOT_A_SEGMENT', undefined, 'it does not begin with "QUORSEG" and a line feed')
  if (bytes.length < PREAMBLE_BYTES)
    return refuse('TRUNCATED', undefined, `it has ${bytes.length} bytes, its preamble alone ${PREAMBLE_BYTES}`)
  const read = decode(bytes.subarray(MAGIC.length, SUMMED_BYTES), (reader) => ({
    version: reader.u8(),
    ledger: reader.hex(DIGEST_BYTES) as Digest,
    first: reader.u64(),
    count: reader.u32(),
  }))
  const version = bytes[MAGIC.length]
  if (version !== VERSION)
    return refuse('NOT_A_SEGMENT', undefined, `version ${version}, this software knows ${VERSION}`)
  if (!bytesEqual(bytes.subarray(SUMMED_BYTES, PREAMBLE_BYTES), sumOf(bytes.subarray(0, SUMMED_BYTES))))
    return refuse('DAMAGED', undefined, 'its preamble does not have the sum that stands behind it')
  if (!read.ok) return refuse('MALFORMED', undefined, read.error.message)
  const { ledger, first, count } = read.value
  return count === 0 ? refuse('MALFORMED', undefined, 'it has no blocks') : ok({ ledger, first: height(first), count })
}

/** A record at `at`: its block's bytes, and where the next begins. */
function recordAt(
  bytes: Uint8Array,
  at: number,
  record: number,
): Result<{ readonly block: Uint8Array; readonly next: number }, SegmentError> {
  const left = bytes.length - at
  if (left < RECORD_EXTRA_BYTES) return refuse('TRUNCATED', record, `${left} bytes are left where a record begins`)
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, LENGTH_BYTES).getUint32(0, true)
  if (length > left - RECORD_EXTRA_BYTES)
    return refuse('TRUNCATED', record, `a block of ${length} bytes where ${left - RECORD_EXTRA_BYTES} are left`)
  const end = at + LENGTH_BYTES + length
  const next = end + DIGEST_BYTES
  if (!bytesEqual(bytes.subarray(end, next), sumOf(bytes.subarray(at, end))))
    return refuse('DAMAGED', record, 'its bytes do not have the sum that stands behind them')
  return ok({ block: bytes.subarray(at + LENGTH_BYTES, end), next })
}

/**
 * The blocks of a segment with this preamble, one after the other; where one can't be read, the reason, and that is the end.
 * Blocks are views of `bytes`. Nothing is proved of them but that they say the height of their place.
 */
export function* blocksOf(bytes: Uint8Array, { first, count }: Preamble): Generator<Result<WholeBlock, SegmentError>> {
  let at = PREAMBLE_BYTES
  for (let record = 0; record < count; record += 1) {
    const found = recordAt(bytes, at, record)
    if (!found.ok) return yield found
    const block = decodeWholeBlock(found.value.block)
    if (!block.ok) return yield refuse('MALFORMED', record, block.error.message)
    const header = decodeHeader(block.value.header)
    if (!header.ok) return yield refuse('MALFORMED', record, `header: ${header.error.message}`)
    if (header.value.height !== first + record)
      return yield refuse('MALFORMED', record, `block ${header.value.height} at the place of ${first + record}`)
    yield block
    at = found.value.next
  }
  if (at < bytes.length) yield refuse('TRAILING', count, `${bytes.length - at} bytes behind the last record`)
}
