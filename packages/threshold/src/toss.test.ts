// Goal: C8, a toss ends with t + 1 right shares and with nothing else. Method: shares in random orders, wrong ones among them.

import fc from 'fast-check'
import { must, toHex, unwrap } from '@quorate/kernel'
import { expect, test } from 'vitest'
import type { KeyShare } from './coin.ts'
import { combineCoin, makeCoinShare, verifyCoinShare } from './coin.ts'
import { Dealers, doneOf, seatsOf } from './testing/seats.ts'
import { Toss } from './toss.ts'

const NAME = Buffer.from('round 12')

const dealt = (() => {
  const { terms, seats } = seatsOf(7)
  const all = seats.map(({ seat }) => seat)
  const dealers = new Dealers(terms, seats, all)
  dealers.orderAll()
  const done = all.map((seat) => must(doneOf(dealers.effects[seat] ?? []), 'done'))
  return { group: must(done[0], 'a seat').group, owns: done.map(({ own }): KeyShare => must(own, 'a share')) }
})()
const { group, owns } = dealt
const shares = owns.map((own) => makeCoinShare(own, NAME))
const value = toHex(
  unwrap(
    combineCoin(
      group,
      NAME,
      shares.slice(4).map((bytes, at) => unwrap(verifyCoinShare(group, NAME, at + 4, bytes), 'an honest share')),
    ),
    'three of seven',
  ),
)

test('C8: the value comes with the third right share, whatever else is said, and stays', () => {
  const heard = fc.array(fc.record({ seat: fc.nat({ max: 8 }), from: fc.nat({ max: 6 }) }), { maxLength: 25 })
  fc.assert(
    fc.property(heard, (said) => {
      const toss = new Toss(group, NAME)
      const right = new Set<number>()
      for (const { seat, from } of said) {
        const isOver = toss.value !== undefined
        const result = toss.hear(seat, shares[from]!)
        if (seat === from) right.add(seat)
        expect(result.ok).toBe(isOver || right.has(seat))
        expect(toss.value !== undefined).toBe(right.size > group.threshold)
        if (toss.value !== undefined) expect(toHex(toss.value)).toBe(value)
      }
    }),
    { numRuns: 25, seed: 9 },
  )
})

test('C8: the own share counts once and is told again alike', () => {
  const toss = new Toss(group, NAME)
  const [first, second, third] = owns
  const told = toss.tell(first!)
  expect(toHex(told)).toBe(toHex(shares[0]!))
  expect(toss.tell(first!)).toBe(told)
  expect(toss.hear(1, makeCoinShare(second!, NAME)).ok).toBe(true)
  expect(toss.value).toBeUndefined()
  expect(toss.hear(2, makeCoinShare(third!, NAME)).ok).toBe(true)
  expect(toHex(toss.value!)).toBe(value)
})
