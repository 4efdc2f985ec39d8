// Goal: a manifest is the same bytes whoever makes it, gives back what it says, and nothing else is taken for one. Method: the
// segments of a small ledger, and property tests that cut and change its text.

import { assert, integer, json, property } from 'fast-check'
import { utf8 } from '@quorate/kernel'
import { blockHash, height, ledgerId, NO_BLOCK } from '@quorate/types'
import { expect, test } from 'vitest'
import { manifestOf, parseManifest, printManifest } from './manifest.ts'
import { encodeSegment } from './segment.ts'
import { smallLedger } from './testing/small-ledger.ts'

const { genesis, blocks } = smallLedger({ blocks: 12 })
const ledger = ledgerId(genesis)

function made(from: number, to: number): ReturnType<typeof manifestOf> {
  const some = blocks.slice(from, to)
  const bytes = encodeSegment(ledger, height(from), some)
  return manifestOf(bytes, { ledger, first: height(from), count: some.length }, some)
}

test('it says which blocks are in a segment, and holds those that seat committees', () => {
  const manifest = made(0, 7)
  expect(manifest).toMatchObject({ ledger, first: 0, last: 6, previous: NO_BLOCK, hash: blockHash(blocks[6]!.header) })
  expect(manifest.views.map((view) => view.header)).toEqual([blocks[0]!.header, blocks[5]!.header])
  expect(made(7, 12).previous).toBe(manifest.hash)
  expect(made(7, 12).views.map((view) => view.header)).toEqual([blocks[10]!.header])
})

test('what was printed is parsed, and prints the same', () => {
  for (const manifest of [made(0, 7), made(7, 12), made(1, 2)]) {
    const parsed = parseManifest(printManifest(manifest))
    expect(parsed).toEqual({ ok: true, value: manifest })
    expect(parsed.ok ? printManifest(parsed.value) : undefined).toEqual(printManifest(manifest))
  }
})

test('what is cut is refused, and what is changed is refused or another manifest', () => {
  const manifest = made(0, 7)
  const bytes = printManifest(manifest)
  assert(
    property(integer({ min: 0, max: bytes.length - 3 }), integer({ min: 1, max: 255 }), (at, by) => {
      expect(parseManifest(bytes.subarray(0, at)).ok).toBe(false)
      const changed = bytes.slice()
      changed[at] = changed[at]! ^ by
      const parsed = parseManifest(changed)
      expect(parsed.ok ? parsed.value : undefined).not.toEqual(manifest)
    }),
    { seed: 4, numRuns: 500, examples: [[0, 1]] },
  )
})

test('other JSON is refused with a reason', () => {
  assert(
    property(json(), (text) => {
      expect(parseManifest(utf8(text))).toMatchObject({ ok: false, error: expect.any(String) })
    }),
    { seed: 5 },
  )
  const text = Buffer.from(printManifest(made(0, 7))).toString('utf8')
  for (const [from, to, wanted] of [
    ['"version": 1', '"version": 2', /version 1/],
    ['"last": 6', '"last": -1', /whole numbers/],
    ['"first": 0', '"first": 7', /not below first/],
    ['"hash": "', '"hash": "x', /64 lower-case/],
    ['"header": "', '"header": "*', /base64/],
  ] as const) {
    const parsed = parseManifest(utf8(text.replace(from, to)))
    expect(parsed.ok ? 'taken' : parsed.error, to).toMatch(wanted)
  }
})
