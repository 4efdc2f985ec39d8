// Goal: strangers are bounded in number, each address in rate, and no address's flood touches another. Method: the
// clock is ours.

import { expect, test } from 'vitest'
import { penaltyMs, retryMs } from './back-off.ts'
import { addressGroup, Doorman } from './doorman.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Notice } from './notices.ts'
import { NOTICE_PAUSE_MS, Notices } from './notices.ts'

const { strangerBurst, strangerRefillPerS, strangersMax, addressesMax } = TRANSPORT_LIMITS

function visit(doorman: Doorman, address: string, nowMs: number, trusted = false): string {
  const refusal = doorman.enter(address, nowMs)
  if (refusal === undefined) doorman.leave(address, trusted, nowMs)
  return refusal ?? 'admitted'
}

test('an address has its burst, then its refill, and others have theirs', () => {
  const doorman = new Doorman()
  for (let i = 0; i < strangerBurst; i += 1) expect(visit(doorman, '10.0.0.1', 0)).toBe('admitted')
  expect(visit(doorman, '10.0.0.1', 0)).toBe('too-often')
  expect(visit(doorman, '10.0.0.2', 0)).toBe('admitted')
  for (let i = 0; i < strangerRefillPerS; i += 1) expect(visit(doorman, '10.0.0.1', 1000)).toBe('admitted')
  expect(visit(doorman, '10.0.0.1', 1000)).toBe('too-often')
})

test('peers get their token back, however many share an address', () => {
  const doorman = new Doorman()
  for (let i = 0; i < strangerBurst * 3; i += 1) expect(visit(doorman, '127.0.0.1', 0, true)).toBe('admitted')
})

test('strangers are bounded over all addresses', () => {
  const doorman = new Doorman()
  for (let i = 0; i < strangersMax; i += 1) expect(doorman.enter(`10.0.1.${i}`, 0)).toBeUndefined()
  expect(doorman.enter('10.0.2.1', 0)).toBe('crowded')
  doorman.leave('10.0.1.0', false, 0)
  expect(doorman.enter('10.0.2.1', 0)).toBeUndefined()
})

test('the number of remembered addresses is bounded', () => {
  const doorman = new Doorman()
  for (let i = 0; i < strangerBurst; i += 1) visit(doorman, '10.9.9.9', 0)
  for (let i = 0; i < addressesMax; i += 1) visit(doorman, `10.0.${i >> 8}.${i & 255}`, 0)
  expect(visit(doorman, '10.9.9.9', 0)).toBe('admitted')
})

test('an IPv6 holder has one allowance for its /64, a mapped IPv4 address that of the address', () => {
  expect(addressGroup('::ffff:10.0.0.1')).toBe(addressGroup('10.0.0.1'))
  expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe(addressGroup('2001:db8:1:2::9'))
  expect(addressGroup('2001:db8:1:3::9')).not.toBe(addressGroup('2001:db8:1:2::9'))
  expect(addressGroup('::1')).toBe('0:0:0:0')
})

test('pauses grow to their bound and never vanish', () => {
  for (const random of [0, 0.999]) {
    for (const failures of [1, 2, 5, 50, 1e9]) {
      expect(retryMs(failures, random)).toBeGreaterThanOrEqual(TRANSPORT_LIMITS.retryMsMin)
      expect(retryMs(failures, random)).toBeLessThanOrEqual(TRANSPORT_LIMITS.retryMsMax)
    }
  }
  expect([1, 2, 3].map(penaltyMs)).toEqual([1000, 2000, 4000])
  expect(penaltyMs(1e9)).toBe(TRANSPORT_LIMITS.penaltyMsMax)
})

test('of many notices one is told, then the next with their number', () => {
  const told: Notice[] = []
  const notices = new Notices((notice) => told.push(notice))
  const notice = { reason: 'handshake', address: 'a', peer: undefined, detail: '' } as const
  for (let i = 0; i < 5; i += 1) notices.tell(notice, i)
  notices.tell({ ...notice, reason: 'hello' }, 5)
  notices.tell(notice, NOTICE_PAUSE_MS)
  expect(told.map(({ reason, suppressed }) => [reason, suppressed])).toEqual([
    ['handshake', 0],
    ['hello', 0],
    ['handshake', 4],
  ])
})
