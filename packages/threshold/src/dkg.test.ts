// Goal: the rules of the dealing (SPEC.md, D6 and D7), each in a small case at its border; what t liars can do together is in
// dkg.laws.test.ts. Method: logs written by hand.

import { must } from '@quorate/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dealerSecrets, makeDealing, openSeal, sealShares, termsOf } from './dealing.ts'
import type { DkgEffect, DkgSeat } from './dkg.ts'
import { Dkg } from './dkg.ts'
import { THRESHOLD_LIMITS } from './limits.ts'
import { encodeMessage } from './message.ts'
import { nobodysKey, receiverKey } from './receiver-key.ts'
import { BASE, scalar } from './ristretto.ts'
import { dealing, verdict } from './testing/liars.ts'
import { Dealers, doneOf, readLog, seatsOf, seedOf } from './testing/seats.ts'

function refusals(effects: readonly DkgEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === 'refused' ? [`${effect.seat} ${effect.reason.code}`] : []))
}

describe('rules of the log, four seats', () => {
  const { terms: plain, seats } = seatsOf(4)
  const terms = termsOf(plain)
  const [a, b, c, d] = seats as readonly [DkgSeat, DkgSeat, DkgSeat, DkgSeat]

  test('D6: a wrong dealing is convicted by who it wrongs, and the rest is the key', () => {
    const log = [dealing(terms, a, [1, 2]), dealing(terms, b), dealing(terms, c)]
    const published = readLog(terms, b, log).flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []))
    const accusation = { seat: 1, message: must(published[1], 'a verdict') }
    const effects = readLog(terms, d, [...log, accusation, verdict(3), verdict(0)])
    expect(effects.filter(({ kind }) => kind === 'convicted')).toEqual([{ kind: 'convicted', dealer: 0, by: 1 }])
    expect(doneOf(effects)?.dealers).toEqual([1, 2])
    expect(doneOf(effects)?.own).toBeDefined()
    // The same words from a seat that was not wronged, and twice from one that was, count for nothing.
    const others = [...log, { ...accusation, seat: 3 }, accusation, accusation]
    expect(refusals(readLog(terms, undefined, others))).toEqual(['3 UNFOUNDED', '1 TWICE'])
  })

  test('D8: a seat whose key nobody has is silent, and holds up nothing', () => {
    const absent = nobodysKey(Uint8Array.of(1))
    expect(absent.equals(nobodysKey(Uint8Array.of(2)))).toBe(false)
    const receivers = plain.receivers.map((key, seat) => (seat === 1 ? absent : key))
    const others = termsOf({ ...plain, receivers })
    const log = [dealing(others, a), dealing(others, c), dealing(others, d), verdict(0), verdict(2), verdict(3)]
    for (const own of [a, c, d]) expect(doneOf(readLog(others, own, log))?.own?.seat).toBe(own.seat)
  })

  test('D6: a verdict that comes too late changes nothing; who it would have helped has no share', () => {
    const log = [dealing(terms, a, [3]), dealing(terms, b), dealing(terms, c), verdict(0), verdict(1), verdict(2)]
    const effects = readLog(terms, d, log)
    const late = effects.flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []))[1]
    const done = must(doneOf(effects), 'done')
    expect(done.dealers).toEqual([0, 1, 2])
    expect(done.own).toBeUndefined()
    expect(refusals(readLog(terms, d, [...log, { seat: 3, message: must(late, 'a verdict') }]))).toEqual(['3 LATE'])
    expect(doneOf(readLog(terms, b, log))?.own).toBeDefined()
  })

  test('D7: what is not well-formed, not the own, too early, too late or said before does not count', () => {
    const theirs = makeDealing(terms, 1, dealerSecrets(terms, 1, b.seed))
    const log = [
      verdict(3),
      { seat: 0, message: encodeMessage({ kind: 'dealing', dealing: theirs }) },
      dealing(terms, a),
      { seat: 1, message: Uint8Array.of(9) },
      { seat: 1, message: new Uint8Array(THRESHOLD_LIMITS.messageBytesMax + 1) },
      { seat: 1, message: Uint8Array.from([...dealing(terms, b).message, 0]) },
      dealing(terms, b),
      dealing(terms, b),
      dealing(terms, c),
      dealing(terms, d),
    ]
    const effects = readLog(terms, d, log)
    // The thief of seat 0 has used its try; with three dealings the step is over.
    expect(refusals(effects)).toEqual([
      '3 EARLY',
      '0 PROOF',
      '0 TWICE',
      '1 INVALID',
      '1 LIMIT',
      '1 TRAILING',
      '1 TWICE',
    ])
    expect(refusals(readLog(terms, d, [...log, dealing(terms, d)]))).toContain('3 LATE')
  })

  test('D7: dealings of another shape or for other terms', () => {
    const other = termsOf({ ...plain, context: Uint8Array.of(99) })
    const fewer = termsOf({ ...plain, threshold: 0 })
    const smaller = termsOf({ ...plain, threshold: 0, receivers: plain.receivers.slice(0, 3) })
    const codes = [other, fewer, smaller].map((from) => refusals(readLog(terms, undefined, [dealing(from, a)])))
    expect(codes).toEqual([['0 PROOF'], ['0 INVALID'], ['0 INVALID']])
  })

  test('D7: a dealing with a proof of zeros, seals of zeros, the generator for everything', () => {
    const zero = scalar(0n)
    const hollow = {
      commitments: [BASE, BASE],
      ephemeral: BASE,
      seals: [zero, zero, zero, zero],
      proof: { challenge: zero, answer: zero },
    }
    const message = encodeMessage({ kind: 'dealing', dealing: hollow })
    expect(refusals(readLog(terms, a, [{ seat: 3, message }]))).toEqual(['3 PROOF'])
    // With a proof that holds, whatever is under such seals is a wrong share, and convicts.
    const secrets = { coefficients: [scalar(1n), scalar(1n)], ephemeral: scalar(1n), nonce: scalar(7n) }
    const sealed = {
      seat: 3,
      message: encodeMessage({ kind: 'dealing', dealing: sealShares(terms, 3, secrets, [zero, zero, zero, zero]) }),
    }
    const effects = readLog(terms, a, [sealed, dealing(terms, b), dealing(terms, c)])
    const [, mine] = effects.flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []))
    const log = [sealed, dealing(terms, b), dealing(terms, c), { seat: 0, message: must(mine, 'a verdict') }]
    expect(readLog(terms, undefined, log)).toEqual([{ kind: 'convicted', dealer: 3, by: 0 }])
  })

  test('D7: any byte changed in a dealing is noticed', () => {
    const { message } = dealing(terms, a)
    fc.assert(
      fc.property(fc.nat({ max: message.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const spoiled = message.slice()
        spoiled[at] = (spoiled[at] ?? 0) ^ by
        expect(refusals(readLog(terms, undefined, [{ seat: 0, message: spoiled }])).length).toBe(1)
      }),
      { numRuns: 100, seed: 6 },
    )
  })

  test('D7: any byte changed in a complaint is noticed', () => {
    const log = [dealing(terms, a, [1]), dealing(terms, b), dealing(terms, c)]
    const dkg = new Dkg({ terms, own: b })
    const effects = log.flatMap((entry) => dkg.handle({ kind: 'ordered', ...entry }))
    const message = must(effects.flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []))[0], 'verdict')
    fc.assert(
      fc.property(fc.integer({ min: 2, max: message.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const spoiled = message.slice()
        spoiled[at] = (spoiled[at] ?? 0) ^ by
        const fresh = new Dkg({ terms })
        for (const entry of log) fresh.handle({ kind: 'ordered', ...entry })
        const [answer] = fresh.handle({ kind: 'ordered', seat: 1, message: spoiled })
        expect(answer?.kind).toBe('refused')
      }),
      { numRuns: 40, seed: 7 },
    )
  })

  test('a restart publishes the same bytes, and ends where it would have', () => {
    const dealers = new Dealers(plain, seats, [0, 1, 2, 3])
    dealers.orderAll()
    const again = readLog(plain, a, dealers.log)
    expect(again).toEqual(dealers.effects[0])
  })

  test('the own secret must be that of the own key', () => {
    expect(() => new Dkg({ terms: plain, own: { ...a, secret: b.secret } })).toThrow('own secret')
  })
})

test('limits: the largest committee and its largest messages are within the bounds', () => {
  const seats = THRESHOLD_LIMITS.seatsMax
  const { key } = receiverKey(seedOf(1))
  const receivers = Array.from({ length: seats }, () => key)
  const terms = termsOf({ context: new Uint8Array(THRESHOLD_LIMITS.contextBytesMax), threshold: 42, receivers })
  const own = { seat: 0, secret: receiverKey(seedOf(1)).secret, seed: seedOf(2) }
  const made = makeDealing(terms, 0, dealerSecrets(terms, 0, own.seed))
  expect(encodeMessage({ kind: 'dealing', dealing: made }).length).toBeLessThan(THRESHOLD_LIMITS.messageBytesMax)
  const opening = openSeal(terms, 0, made, own)
  const complaints = Array.from({ length: seats }, (_, dealer) => ({ dealer, opening }))
  expect(encodeMessage({ kind: 'verdict', complaints }).length).toBeLessThan(THRESHOLD_LIMITS.messageBytesMax)
  expect(() => termsOf({ ...terms, receivers: [...receivers, key] })).toThrow('129 seats')
  expect(() => termsOf({ ...terms, context: new Uint8Array(257) })).toThrow('257 bytes')
  expect(() => termsOf({ ...terms, threshold: 43 })).toThrow('threshold 43 of 128')
})
