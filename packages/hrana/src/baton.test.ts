// Goal: a server recognises its own batons and nothing else, and base64 is what others understand.
// Method: round trips, every single-bit forgery, and a comparison with the platform's own base64.

import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import type { BatonCode } from './baton.ts'
import { parseBaton, printBaton } from './baton.ts'

const code: BatonCode = (bytes) => createHmac('sha256', 'secret').update(bytes).digest()
const counter = fc.maxSafeNat()

test('a baton round-trips', () => {
  fc.assert(
    fc.property(counter, counter, (stream, sequence) => {
      expect(parseBaton(printBaton({ stream, sequence }, code), code)).toEqual({ stream, sequence })
    }),
  )
})

test('no flipped bit and no other secret is accepted', () => {
  const baton = printBaton({ stream: 3, sequence: 9 }, code)
  const bytes = fromBase64(baton) ?? new Uint8Array()
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const forged = bytes.slice()
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(parseBaton(toBase64(forged), code)).toBeUndefined()
  }
  expect(parseBaton(baton, (b) => createHmac('sha256', 'other').update(b).digest())).toBeUndefined()
  expect(parseBaton(baton, () => new Uint8Array())).toBeUndefined()
})

test('any text is answered', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseBaton(text, code)).toBeUndefined()
    }),
  )
})

test('base64 agrees with the platform, padded or not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9000 }), (bytes) => {
      const padded = Buffer.from(bytes).toString('base64')
      expect(toBase64(bytes)).toBe(padded.replace(/=+$/, ''))
      expect(fromBase64(padded)).toEqual(bytes)
      expect(fromBase64(toBase64(bytes))).toEqual(bytes)
    }),
    { numRuns: 50 },
  )
})

test('what is not base64 is refused', () => {
  for (const text of ['A', 'AAAAA', 'AA=', 'A===', 'AA-_', 'A A=', 'ÿAAA', 'AB', 'AAB'])
    expect(fromBase64(text)).toBeUndefined()
})
