// Goal: one rule for signatures, libsodium's, down to the odd cases in which implementations of ed25519 differ. Method:
// build each odd case from a good signature or from the curve's small subgroup; flip every bit of a good one.

import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberIdOf } from './keys.ts'
import { Signer } from './signer.ts'
import { ViewKeys } from './view-keys.ts'
import { verifyNow } from './verify-now.ts'

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const message = new TextEncoder().encode('a message')

function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return new Signer({ id: memberIdOf(publicKey)!, privateKey }, new ViewKeys(tmpdir()))
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

const signer = newSigner()
const good = signer.sign(message)

test('a good signature holds, also in views of larger buffers', () => {
  expect(verifyNow(signer.id, message, good)).toBe(true)
  const around = new Uint8Array(200)
  around.set(good, 7)
  around.set(message, 101)
  expect(verifyNow(signer.id, around.subarray(101, 101 + message.length), around.subarray(7, 71))).toBe(true)
  expect(verifyNow(newSigner().id, message, good)).toBe(false)
})

test('no flipped bit of signature or message passes', () => {
  fc.assert(
    fc.property(fc.nat(64 * 8 - 1), fc.nat(message.length * 8 - 1), (inSignature, inMessage) => {
      const signature = good.slice()
      signature[inSignature >> 3]! ^= 1 << (inSignature & 7)
      const other = message.slice()
      other[inMessage >> 3]! ^= 1 << (inMessage & 7)
      return !verifyNow(signer.id, message, signature) && !verifyNow(signer.id, other, good)
    }),
  )
})

test('S at or above the group order is refused: the same signature in other bytes', () => {
  const s = good.slice(32).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const signature = good.slice()
  signature.set(littleEndian(s + GROUP_ORDER), 32)
  expect(verifyNow(signer.id, message, signature)).toBe(false)
})

// Encodings of points of order 1, 2, 4 and 8, canonical or not. With such a key, R = such a point and S = 0 satisfy the
// equation for many messages: a "signature" that nobody made.
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

test.each(SMALL_ORDER)('small order key or R %s is refused', (key) => {
  for (const r of SMALL_ORDER) {
    const signature = new Uint8Array(64)
    signature.set(Buffer.from(r, 'hex'))
    for (let i = 0; i < 16; i += 1) expect(verifyNow(key, Uint8Array.of(i), signature)).toBe(false)
  }
  const signature = good.slice()
  signature.set(Buffer.from(key, 'hex'))
  expect(verifyNow(signer.id, message, signature)).toBe(false)
})

test('a key that is not canonical or not on the curve is refused', () => {
  expect(verifyNow('f'.repeat(64), message, good)).toBe(false)
  expect(verifyNow(`02${'00'.repeat(31)}`, message, good)).toBe(false)
})

test('anything malformed is false and never throws', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), fc.uint8Array({ maxLength: 70 }), (key, text, signature) => {
      return !verifyNow(key, text, signature) && !verifyNow(signer.id, text, signature)
    }),
  )
  expect(verifyNow(signer.id.toUpperCase(), message, good)).toBe(false)
})
