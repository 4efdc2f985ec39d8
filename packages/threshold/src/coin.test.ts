// Goal: the laws of the coin (SPEC.md, C1 to C6). Method: a key dealt by seeds that the test knows, so that each value can be
// computed a second way, from the secret; every kind of forgery; every byte changed.

import fc from 'fast-check'
import { concatBytes, must, toHex, unwrap } from '@quorate/kernel'
import { describe, expect, test } from 'vitest'
import type { CoinGroup, CoinShare, KeyShare } from './coin.ts'
import {
  coinBit,
  combineCoin,
  decodeCoinGroup,
  decodeKeyShare,
  encodeCoinGroup,
  encodeKeyShare,
  makeCoinShare,
  verifyCoinShare,
} from './coin.ts'
import { THRESHOLD_LIMITS } from './limits.ts'
import { shareOf, weightsOf } from './polynomial.ts'
import { decodeReceiverKey, receiverKey } from './receiver-key.ts'
import { add, BASE, hashToPoint, scalar, scalarBytes, sum, times, timesPublic, timesSecret } from './ristretto.ts'
import { seedOf } from './testing/seats.ts'

interface Key {
  readonly group: CoinGroup
  readonly owns: readonly KeyShare[]
}

/** A key that one hand made. */
function keyOf(count: number, threshold: number, salt = 1n): Key {
  const coefficients = Array.from({ length: threshold + 1 }, (_, at) => scalar(salt * 7_919n ** BigInt(at + 20)))
  const owns = Array.from({ length: count }, (_, seat) => ({ seat, secret: shareOf(coefficients, seat) }))
  const keys = owns.map(({ secret }) => timesSecret(BASE, secret))
  return { group: { threshold, key: timesSecret(BASE, must(coefficients[0], 'a secret')), keys }, owns }
}

const KEY = keyOf(7, 2)
const NAME = Buffer.from('view 3, round 11')

function shareOfSeat({ group, owns }: Key, seat: number, name: Uint8Array = NAME): CoinShare {
  const bytes = makeCoinShare(must(owns[seat], 'a seat'), name)
  return unwrap(verifyCoinShare(group, name, seat, bytes), 'an honest share')
}

function codeOf(seat: number, bytes: Uint8Array, name: Uint8Array = NAME): string {
  const result = verifyCoinShare(KEY.group, name, seat, bytes)
  return result.ok ? 'ok' : result.error.code
}

test('C1: any t + 1 shares, and more, give one value', () => {
  const shares = KEY.owns.map(({ seat }) => shareOfSeat(KEY, seat))
  const value = toHex(unwrap(combineCoin(KEY.group, NAME, shares), 'all'))
  fc.assert(
    fc.property(fc.shuffledSubarray(shares, { minLength: 3 }), (some) => {
      expect(toHex(unwrap(combineCoin(KEY.group, NAME, some), 'enough'))).toBe(value)
    }),
    { numRuns: 25, seed: 1 },
  )
})

test('C1: in committees of every shape', () => {
  for (const [count, threshold] of [
    [1, 0],
    [2, 0],
    [4, 1],
    [10, 3],
    [13, 4],
  ] as const) {
    const key = keyOf(count, threshold)
    const all = key.owns.map(({ seat }) => shareOfSeat(key, seat))
    const lowest = unwrap(combineCoin(key.group, NAME, all.slice(0, threshold + 1)), 'enough')
    const highest = unwrap(combineCoin(key.group, NAME, all.slice(-threshold - 1)), 'enough')
    expect(toHex(highest)).toBe(toHex(lowest))
  }
})

describe('C2: less is nothing', () => {
  test('t shares, or one seat many times', () => {
    const two = [shareOfSeat(KEY, 0), shareOfSeat(KEY, 6)]
    for (const shares of [[], two.slice(1), two, [...two, ...two]]) {
      const result = combineCoin(KEY.group, NAME, shares)
      const have = Math.min(shares.length, 2)
      expect(result).toMatchObject({ ok: false, error: { code: 'TOO_FEW', have, need: 3 } })
    }
  })

  test('t shares fit any value: for each there is a key that has them', () => {
    // With the shares of seats 0 and 1 fixed, every element can still be the coin: that of a key whose third share fits it.
    const other = hashToPoint('coin', Buffer.from('any element'))
    const two = [shareOfSeat(KEY, 0), shareOfSeat(KEY, 1)]
    const weights = weightsOf([0, 1, 2])
    const known = sum(two.map((share, at) => timesPublic(share.point, weights[at]!)))
    const third = timesPublic(other.subtract(known), weightsInverse(weights[2]!))
    expect(known.add(timesPublic(third, weights[2]!)).equals(other)).toBe(true)
  })

  test('shares of another coin', () => {
    const shares = [shareOfSeat(KEY, 0), shareOfSeat(KEY, 1), shareOfSeat(KEY, 2, Buffer.from('another'))]
    expect(combineCoin(KEY.group, NAME, shares)).toMatchObject({ ok: false, error: { code: 'NAME' } })
  })
})

/** By Fermat, so that nothing here leans on the function under test. */
function weightsInverse(of: ReturnType<typeof scalar>): ReturnType<typeof scalar> {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  let result = scalar(1n)
  for (const bit of (order - 2n).toString(2)) {
    result = times(result, result)
    if (bit === '1') result = times(result, of)
  }
  expect(times(result, of)).toBe(1n)
  return result
}

describe('C3: only the own share of the right coin passes', () => {
  const good = makeCoinShare(KEY.owns[1]!, NAME)

  test('of another seat, name, key or length', () => {
    expect(codeOf(1, good)).toBe('ok')
    expect(codeOf(2, good)).toBe('PROOF')
    expect(codeOf(1, good, Buffer.from('other'))).toBe('PROOF')
    expect(codeOf(1, makeCoinShare(keyOf(7, 2, 2n).owns[1]!, NAME))).toBe('PROOF')
    expect(codeOf(7, good)).toBe('SEAT')
    expect(codeOf(-1, good)).toBe('SEAT')
    expect(codeOf(1, good.slice(1))).not.toBe('ok')
    expect(codeOf(1, concatBytes([good, Uint8Array.of(0)]))).toBe('TRAILING')
    expect(codeOf(1, new Uint8Array(0))).toBe('TRUNCATED')
  })

  test('with any byte changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: 95 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const spoiled = good.slice()
        spoiled[at] = (spoiled[at] ?? 0) ^ by
        expect(['PROOF', 'NOT_CANONICAL']).toContain(codeOf(1, spoiled))
      }),
      { numRuns: 80, seed: 2 },
    )
  })

  test('any bytes are answered', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(1, bytes)).not.toBe('ok')
        expect(decodeCoinGroup(bytes).ok && bytes.length < 34).toBe(false)
        expect(decodeReceiverKey(bytes).ok && bytes.length !== 32).toBe(false)
      }),
      { numRuns: 300, seed: 3 },
    )
  })

  test('with a proof of zeros, or of one', () => {
    const [zero, one] = [new Uint8Array(32), scalarBytes(scalar(1n))]
    for (const challenge of [zero, one]) {
      for (const answer of [zero, one]) {
        expect(codeOf(1, concatBytes([good.slice(0, 32), challenge, answer]))).toBe('PROOF')
        expect(codeOf(1, concatBytes([BASE.toBytes(), challenge, answer]))).toBe('PROOF')
      }
    }
  })

  test('the sum of two seats is the share of neither', () => {
    const both = shareOfSeat(KEY, 1).point.add(shareOfSeat(KEY, 2).point)
    const forged = concatBytes([both.toBytes(), good.slice(32)])
    expect([codeOf(1, forged), codeOf(2, forged)]).toEqual(['PROOF', 'PROOF'])
  })
})

test('C4: one value, one encoding: scalars not below the order and odd points are refused', () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const good = makeCoinShare(KEY.owns[1]!, NAME)
  const littleEndian = (value: bigint): Uint8Array =>
    Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn))
  const answer = good.slice(64).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
  expect(codeOf(1, concatBytes([good.slice(0, 64), littleEndian(answer + order)]))).toBe('NOT_CANONICAL')
  expect(codeOf(1, concatBytes([good.slice(0, 64), littleEndian(order)]))).toBe('NOT_CANONICAL')
  expect(codeOf(1, concatBytes([good.slice(0, 64), littleEndian(order - 1n)]))).toBe('PROOF')
  // RFC 9496, A.3: a field element not below p, a negative one, a non-square, and the neutral element.
  const bad: readonly (readonly [string, string])[] = [
    ['00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'NOT_CANONICAL'],
    ['0100000000000000000000000000000000000000000000000000000000000000', 'NOT_CANONICAL'],
    ['26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371', 'NOT_CANONICAL'],
    ['0000000000000000000000000000000000000000000000000000000000000000', 'INVALID'],
  ]
  for (const [hex, code] of bad) {
    const point = Buffer.from(hex, 'hex')
    expect(codeOf(1, concatBytes([point, good.slice(32)]))).toBe(code)
    expect(decodeReceiverKey(point)).toMatchObject({ ok: false, error: { code } })
  }
})

test('C5: groups, own shares and receiver keys are read as they were written', () => {
  const group = unwrap(decodeCoinGroup(encodeCoinGroup(KEY.group)), 'a group')
  expect(toHex(encodeCoinGroup(group))).toBe(toHex(encodeCoinGroup(KEY.group)))
  for (const own of KEY.owns) expect(unwrap(decodeKeyShare(group, encodeKeyShare(own)), 'a share')).toEqual(own)
  const swapped = encodeKeyShare({ seat: 0, secret: KEY.owns[1]!.secret })
  expect(decodeKeyShare(group, swapped)).toMatchObject({ ok: false, error: { code: 'INVALID' } })
  const beyond = encodeKeyShare({ seat: 7, secret: KEY.owns[1]!.secret })
  expect(decodeKeyShare(group, beyond)).toMatchObject({ ok: false, error: { code: 'INVALID' } })
  const { key } = receiverKey(seedOf(3))
  expect(unwrap(decodeReceiverKey(key.toBytes()), 'a key').equals(key)).toBe(true)
  const few = encodeCoinGroup({ ...KEY.group, keys: KEY.group.keys.slice(0, 2) })
  expect(decodeCoinGroup(few)).toMatchObject({ ok: false, error: { code: 'INVALID' } })
})

test('C6: limits', () => {
  const { nameBytesMax, seatsMax } = THRESHOLD_LIMITS
  const longest = new Uint8Array(nameBytesMax)
  expect(shareOfSeat(KEY, 0, longest).name).toEqual(longest)
  const tooLong = new Uint8Array(nameBytesMax + 1)
  expect(() => makeCoinShare(KEY.owns[0]!, tooLong)).toThrow('257 bytes')
  expect(() => verifyCoinShare(KEY.group, tooLong, 0, new Uint8Array(96))).toThrow('257 bytes')
  const crowd = encodeCoinGroup({ ...KEY.group, keys: Array.from({ length: seatsMax + 1 }, () => BASE) })
  expect(decodeCoinGroup(crowd)).toMatchObject({ ok: false, error: { code: 'LIMIT' } })
})

test('bits are even and independent enough: 32 coins are neither all alike nor periodic', () => {
  const bits = Array.from({ length: 32 }, (_, round) => {
    const name = Uint8Array.of(round)
    const key = keyOf(1, 0)
    return coinBit(unwrap(combineCoin(key.group, name, [shareOfSeat(key, 0, name)]), 'enough'))
  })
  const ones = bits.filter((bit) => bit === 1).length
  expect(ones).toBeGreaterThan(6)
  expect(ones).toBeLessThan(26)
  for (let period = 1; period <= 8; period += 1) {
    expect(bits.slice(period).some((bit, at) => bit !== bits[at])).toBe(true)
  }
})

test('the arithmetic of scalars', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), fc.bigInt({ min: 0n, max: 2n ** 260n }), (a, b) => {
      const [x, y] = [scalar(a), scalar(b)]
      expect(scalar(a * b)).toBe(times(x, y))
      expect(scalar(a + b)).toBe(add(x, y))
      expect(scalarBytes(x).length).toBe(32)
    }),
    { numRuns: 300, seed: 4 },
  )
  // The weights are those of Lagrange: they give back the value at 0 of any polynomial of the degree.
  const coefficients = [scalar(42n), scalar(-5n), scalar(2n ** 200n)]
  for (const seats of [
    [0, 1, 2],
    [6, 0, 3],
    [127, 5, 44],
  ]) {
    const weights = weightsOf(seats)
    const secret = seats.map((seat, at) => times(weights[at]!, shareOf(coefficients, seat))).reduce(add)
    expect(secret).toBe(42n)
  }
})
