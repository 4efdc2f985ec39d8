// Goal: whole blocks have one encoding, and nothing else is taken for one. Method: property tests over parts of any bytes.

import { assert, property, array, uint8Array, record, nat } from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeWholeBlock,
  decodeWholeBlocks,
  encodeWholeBlock,
  encodeWholeBlocks,
  WHOLE_BLOCK_LIMITS,
} from './whole-block.ts'

const part = uint8Array({ maxLength: 300 })
const block = record({ header: part, body: part, certificate: part, results: part })

test('what was written is read', () => {
  assert(
    property(array(block, { maxLength: 5 }), (blocks) => {
      expect(decodeWholeBlocks(encodeWholeBlocks(blocks))).toEqual({ ok: true, value: blocks })
      for (const each of blocks) expect(decodeWholeBlock(encodeWholeBlock(each))).toEqual({ ok: true, value: each })
    }),
    { seed: 1 },
  )
})

test('what is cut, or has something behind it, is refused', () => {
  assert(
    property(block, nat(), uint8Array({ minLength: 1, maxLength: 3 }), (each, at, more) => {
      const bytes = encodeWholeBlock(each)
      expect(decodeWholeBlock(bytes.subarray(0, at % bytes.length))).toMatchObject({ error: { code: 'TRUNCATED' } })
      expect(decodeWholeBlock(Uint8Array.of(...bytes, ...more))).toMatchObject({ error: { code: 'TRAILING' } })
    }),
    { seed: 2 },
  )
})

test('a header, a certificate or a list above its bound is refused', () => {
  const small = {
    header: new Uint8Array(1),
    body: new Uint8Array(1),
    certificate: new Uint8Array(1),
    results: new Uint8Array(1),
  }
  const certificate = new Uint8Array(WHOLE_BLOCK_LIMITS.certificateBytesMax + 1)
  const list = Array.from({ length: WHOLE_BLOCK_LIMITS.blocksMax + 1 }, () => small)
  const refused = { ok: false, error: { code: 'LIMIT' } }
  expect(decodeWholeBlock(encodeWholeBlock({ ...small, header: new Uint8Array(2000) }))).toMatchObject(refused)
  expect(decodeWholeBlock(encodeWholeBlock({ ...small, certificate }))).toMatchObject(refused)
  expect(decodeWholeBlocks(encodeWholeBlocks(list))).toMatchObject(refused)
})
