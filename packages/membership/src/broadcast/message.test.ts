// Goal: one value has one encoding, and bytes of strangers are refused without an exception. Method: random values and random bytes.

import type { Digest } from '@quorate/types'
import { height } from '@quorate/types'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BroadcastMessage } from './message.ts'
import { decodeBroadcast, encodeBroadcast } from './message.ts'

const at = fc.nat().map(height)
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('') as Digest)
const message: fc.Arbitrary<BroadcastMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('block' as const),
    block: fc.record({ height: at, hash: digest, bytes: fc.uint8Array({ maxLength: 300 }) }),
  }),
  fc.record({ kind: fc.constant('have' as const), height: at }),
  fc.record({ kind: fc.constant('want' as const), first: at, count: fc.nat() }),
)

test('messages are read as they were written', () => {
  fc.assert(
    fc.property(message, (value) => {
      expect(decodeBroadcast(encodeBroadcast(value), 300)).toEqual({ ok: true, value })
    }),
    { seed: 1 },
  )
})

test('other bytes are refused, or are the encoding of what they are read as', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const read = decodeBroadcast(bytes, 300)
      if (read.ok) expect(encodeBroadcast(read.value)).toEqual(bytes)
    }),
    { seed: 2, numRuns: 500 },
  )
  expect(decodeBroadcast(Uint8Array.of(3), 1)).toMatchObject({ error: { code: 'INVALID' } })
  const block = { height: height(1), hash: '0'.repeat(64) as Digest, bytes: new Uint8Array(2) }
  expect(decodeBroadcast(encodeBroadcast({ kind: 'block', block }), 1)).toMatchObject({ error: { code: 'LIMIT' } })
})
