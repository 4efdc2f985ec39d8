// Goal: whatever the size of a batch and whoever checks it, the verdicts are those of `verifyNow`, in order. Method:
// batches on both sides of the border, some claims broken; then end the threads while they owe an answer.

import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { packClaims, unpackClaims } from './claim-batch.ts'
import { memberIdOf } from './keys.ts'
import { Signer } from './signer.ts'
import { ViewKeys } from './view-keys.ts'
import { POOL_CLAIMS_MAX, POOL_CLAIMS_MIN, Verifier } from './verifier.ts'
import type { SignatureClaim } from './verify-now.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const signer = new Signer({ id: memberIdOf(publicKey)!, privateKey }, new ViewKeys(tmpdir()))
let open: Verifier | undefined
afterEach(() => open?.close())

function claims(count: number): { claims: SignatureClaim[]; expected: boolean[] } {
  const expected = Array.from({ length: count }, (_, i) => i % 3 !== 1)
  const made = expected.map((holds, i) => {
    const message = Uint8Array.of(i, i >> 8, 1)
    const signature = signer.sign(message)
    if (!holds) signature[i % 64]! ^= 4
    return { key: signer.id, message, signature }
  })
  return { claims: made, expected }
}

const BATCHES = [0, 1, POOL_CLAIMS_MIN - 1, POOL_CLAIMS_MIN, POOL_CLAIMS_MIN + 1, 100]

test.each(BATCHES)('verdicts of %i claims', async (count) => {
  open = new Verifier(2)
  const batch = claims(count)
  expect(await open.verify(batch.claims)).toEqual(batch.expected)
  expect(open.stats().pooled).toBe(count >= POOL_CLAIMS_MIN ? count : 0)
  expect(open.stats().waiting).toBe(0)
})

test('malformed claims cross to the pool and are false there too', async () => {
  open = new Verifier(1)
  const odd = { key: 'no key é', message: new Uint8Array(0), signature: new Uint8Array(3) }
  const batch = [...claims(20).claims, odd]
  expect(await open.verify(batch)).toEqual([...claims(20).expected, false])
})

test('batches under way when the pool ends still get their verdicts', async () => {
  const verifier = new Verifier(2)
  const batches = [claims(200), claims(64), claims(64)]
  const verdicts = batches.map((batch) => verifier.verify(batch.claims))
  await verifier.close()
  expect(await Promise.all(verdicts)).toEqual(batches.map((batch) => batch.expected))
  expect(verifier.stats().threads).toBe(0)
  expect(await verifier.verify(batches[0]!.claims)).toEqual(batches[0]!.expected)
})

test('a pool with too much to do leaves the batch to its caller', async () => {
  open = new Verifier(1)
  const [claim] = claims(1).claims
  const cheap = { ...claim!, signature: new Uint8Array(1) }
  const full = open.verify(Array.from({ length: POOL_CLAIMS_MAX - 15 }, () => cheap))
  expect(await open.verify(claims(16).claims)).toEqual(claims(16).expected)
  expect(open.stats().inline).toBe(16)
  await full
})

test('a packed batch unpacks to the same claims', () => {
  const claim = fc.record({
    key: fc.string({ unit: 'grapheme' }),
    message: fc.uint8Array(),
    signature: fc.uint8Array(),
  })
  fc.assert(
    fc.property(fc.array(claim), (batch) => {
      const unpacked = unpackClaims(packClaims(batch), batch.length)
      expect(unpacked.map((c) => [c.key, [...c.message], [...c.signature]])).toEqual(
        batch.map((c) => [new TextDecoder().decode(new TextEncoder().encode(c.key)), [...c.message], [...c.signature]]),
      )
    }),
  )
})
