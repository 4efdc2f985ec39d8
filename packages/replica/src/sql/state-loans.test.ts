// Goal: whoever asks for whatever heights, few are held, none for ever, and the offered ones are to be had by everyone. Method:
// members at random against a model of what they may hold; each bound at its edge.

import type { MemberId } from '@quorate/types'
import { height } from '@quorate/types'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LOAN_LIMITS, StateLoans } from './state-loans.ts'

const member = (n: number): MemberId => `member ${n}` as MemberId

test('beside those offered, few heights are held, whoever asks', () => {
  const step = fc.record({ member: fc.nat(9), height: fc.nat(12), afterMs: fc.nat(20_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const loans = new StateLoans()
      loans.offer([height(1), height(2)])
      let nowMs = 0
      for (const each of steps) {
        nowMs += each.afterMs
        loans.expire(nowMs)
        const verdict = loans.take(member(each.member), height(each.height), nowMs)
        const held = loans.heights()
        expect(held.length).toBeLessThanOrEqual(2 + LOAN_LIMITS.heightsMax)
        expect(held).toEqual(expect.arrayContaining([1, 2]))
        if (verdict === 'LENT') expect(held).toContain(each.height)
        if (each.height === 1 || each.height === 2) expect(verdict).toBe('LENT')
      }
      loans.expire(nowMs + LOAN_LIMITS.idleMs + 1)
      expect(loans.heights()).toEqual([1, 2])
    }),
    { seed: 4 },
  )
})

test('a height is lent to the last place and no further; a place that is given back is free', () => {
  const loans = new StateLoans()
  for (let n = 0; n < LOAN_LIMITS.heightsMax; n += 1) expect(loans.take(member(n), height(10 + n), 0)).toBe('LENT')
  expect(loans.take(member(98), height(50), 0)).toBe('BUSY')
  // The same height costs nothing more, and who changes gives back.
  expect(loans.take(member(99), height(10), 0)).toBe('LENT')
  expect(loans.take(member(1), height(51), 0)).toBe('LENT')
  loans.lost(height(10))
  expect(loans.take(member(98), height(50), 0)).toBe('LENT')
  expect(loans.heights()).toEqual([12, 13, 50, 51])
})

test('members with a loan are bounded', () => {
  const loans = new StateLoans()
  loans.offer([height(1)])
  for (let n = 0; n < LOAN_LIMITS.membersMax; n += 1) expect(loans.take(member(n), height(1), 0)).toBe('LENT')
  expect(loans.take(member(-1), height(1), 0)).toBe('BUSY')
  loans.expire(LOAN_LIMITS.idleMs + 1)
  expect(loans.take(member(-1), height(1), LOAN_LIMITS.idleMs + 1)).toBe('LENT')
})

test('no loan lasts for ever, however often it is used; what is offered may be had longer', () => {
  const loans = new StateLoans()
  loans.offer([height(1)])
  let lent = 0
  for (let nowMs = 0; nowMs <= 2 * LOAN_LIMITS.totalMs; nowMs += LOAN_LIMITS.idleMs) {
    if (loans.take(member(0), height(9), nowMs) === 'LENT') lent = nowMs
    expect(loans.take(member(1), height(1), nowMs)).toBe('LENT')
  }
  expect(lent).toBe(LOAN_LIMITS.totalMs)
  loans.expire(2 * LOAN_LIMITS.totalMs)
  expect(loans.heights()).toEqual([1])
})
