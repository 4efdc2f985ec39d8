// Goal: a segment gives back what was put into it, and whatever was cut or flipped is noticed and named. Method: property tests
// over blocks of any content, and every truncation and every flipped byte of one segment.

import { array, assert, integer, property, record, uint8Array } from 'fast-check'
import type { Digest, WholeBlock } from '@quorate/types'
import { encodeHeader, height, ledgerId, decodeHeader } from '@quorate/types'
import { expect, test } from 'vitest'
import { blocksOf, encodeSegment, PREAMBLE_BYTES, readPreamble, recordBytes } from './segment.ts'
import type { SegmentError } from './segment.ts'
import { smallLedger } from './testing/small-ledger.ts'

const small = smallLedger({ blocks: 8 })
const ledger = ledgerId(small.genesis)

/** All blocks, or what is wrong. */
function read(bytes: Uint8Array): { blocks: readonly WholeBlock[]; error?: SegmentError } {
  const preamble = readPreamble(bytes)
  if (!preamble.ok) return { blocks: [], error: preamble.error }
  const blocks: WholeBlock[] = []
  for (const block of blocksOf(bytes, preamble.value)) {
    if (!block.ok) return { blocks, error: block.error }
    blocks.push(block.value)
  }
  return { blocks }
}

test('what was written is read', () => {
  const header = decodeHeader(small.blocks[1]!.header)
  const part = uint8Array({ maxLength: 400 })
  const parts = array(record({ body: part, certificate: part, results: part }), { minLength: 1, maxLength: 6 })
  assert(
    property(parts, integer({ min: 0, max: 2 ** 50 }), (all, first) => {
      const blocks = all.map((each, i): WholeBlock => {
        if (!header.ok) throw new Error('a header decodes')
        return { header: encodeHeader({ ...header.value, height: height(first + i) }), ...each }
      })
      const bytes = encodeSegment(ledger, height(first), blocks)
      expect(readPreamble(bytes)).toEqual({ ok: true, value: { ledger, first, count: blocks.length } })
      expect(read(bytes)).toEqual({ blocks })
      expect(bytes.length).toBe(PREAMBLE_BYTES + blocks.reduce((sum, block) => sum + recordBytes(block), 0))
    }),
    { seed: 3 },
  )
})

/** Number of the record that holds the byte at `at`; undefined for the preamble. */
function recordAt(at: number): number | undefined {
  let end = PREAMBLE_BYTES
  if (at < end) return undefined
  return small.blocks.findIndex((block) => at < (end += recordBytes(block)))
}

test('every truncation is noticed, in the record that it cuts', () => {
  const bytes = encodeSegment(ledger, height(0), small.blocks)
  for (let length = 0; length < bytes.length; length += 1) {
    const { blocks, error } = read(bytes.subarray(0, length))
    expect(error?.code, `${length}`).toBe('TRUNCATED')
    expect(error?.record, `${length}`).toBe(recordAt(length))
    expect(blocks.length).toBe(recordAt(length) ?? 0)
  }
})

test('every flipped byte is noticed, in its record, and nothing before it is touched', () => {
  const bytes = encodeSegment(ledger, height(0), small.blocks)
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = bytes[at]! ^ 0x41
    const { blocks, error } = read(bytes)
    expect(error, `${at}`).toBeDefined()
    expect(error?.record, `${at}`).toBe(recordAt(at))
    expect(blocks.length).toBe(recordAt(at) ?? 0)
    bytes[at] = bytes[at]! ^ 0x41
  }
})

test('what is behind the last record is noticed', () => {
  const bytes = encodeSegment(ledger, height(0), small.blocks)
  expect(read(Buffer.concat([bytes, Uint8Array.of(0)])).error).toMatchObject({ code: 'TRAILING', record: 8 })
})

test('blocks at the wrong place are named, though every sum is right', () => {
  const swapped = [small.blocks[0]!, small.blocks[2]!, small.blocks[1]!]
  expect(read(encodeSegment(ledger, height(0), swapped)).error).toMatchObject({
    code: 'MALFORMED',
    record: 1,
    message: 'block 2 at the place of 1',
  })
})

test('other files, other versions and empty segments are told apart', () => {
  expect(read(Buffer.from('SQLite format 3')).error?.code).toBe('NOT_A_SEGMENT')
  const bytes = encodeSegment('0'.repeat(64) as Digest, height(0), small.blocks)
  bytes[8] = 2
  expect(read(bytes).error?.message).toBe('version 2, this software knows 1')
  expect(read(encodeSegment(ledger, height(0), [])).error?.message).toBe('it has no blocks')
})
