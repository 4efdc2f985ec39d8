// Goal: a member's order has one encoding, which is written down here; its signature binds all of it and nothing passes for it that
// isn't. Method: golden bytes of every action; each byte of an order changed in turn under a toy signature; wrong words refused.

import { toHex, utf8, utf8Lossy } from '@quorate/kernel'
import { describe, expect, test } from 'vitest'
import type { VerifySignature } from './domain.ts'
import { hashOf } from './domain.ts'
import type { Change, GovernanceAction } from './governance.ts'
import { changeDigest, governanceSignedBytes, isGovernanceSigned, rekeySignedBytes } from './governance.ts'
import type { Digest, MemberId, Millis } from './ids.ts'
import { height, rawOf } from './ids.ts'
import type { LedgerMember } from './member.ts'
import { approvalsNeeded, isMemberAddress, isMemberName, membersDecidedBy, membersOfNextView } from './member.ts'
import { decodeTransaction, encodeTransaction } from './transaction.ts'

const LEDGER = '11'.repeat(32) as Digest
const AUTHOR = '22'.repeat(32) as MemberId
const MEMBER = '33'.repeat(32) as MemberId
const SUCCESSOR = '44'.repeat(32) as MemberId
const SIGNATURE = new Uint8Array(64).fill(0x55)
const CONSENT = new Uint8Array(64).fill(0x66)
const ADD: Change = { kind: 'add', member: MEMBER, name: 'e', address: 'h:1' }
const REMOVE: Change = { kind: 'remove', member: MEMBER }
const REKEY: Change = { kind: 'rekey', member: MEMBER, successor: SUCCESSOR }

/** Tag and digest of what is signed. */
function split(signed: Uint8Array): readonly string[] {
  return [utf8Lossy(signed.subarray(0, -33)), toHex(signed.subarray(-32))]
}

function bytesOf(action: GovernanceAction, signature: Uint8Array = SIGNATURE): Uint8Array {
  const governance = { ledger: LEDGER, author: AUTHOR, action, signature }
  return encodeTransaction({ id: 'i', expiresMs: 1 as Millis, governance }).slice()
}

const toySign = (key: string, message: Uint8Array): Uint8Array => {
  const half = rawOf(hashOf('seed', utf8(key), message))
  return Uint8Array.of(...half, ...half)
}
const verify: VerifySignature = (key, message, signature) => toHex(toySign(key, message)) === toHex(signature)

function sealed(action: GovernanceAction): Uint8Array {
  return bytesOf(action, toySign(AUTHOR, governanceSignedBytes(bytesOf(action))))
}

function isSigned(bytes: Uint8Array): boolean {
  const read = decodeTransaction(bytes)
  if (!read.ok || read.value.governance === undefined) return false
  return isGovernanceSigned(read.value.governance, bytes, verify)
}

describe('the bytes of an order', () => {
  const head = `0169010000000000000001${LEDGER}${AUTHOR}`
  const tail = toHex(SIGNATURE)
  const cases: readonly (readonly [GovernanceAction, string])[] = [
    [{ kind: 'propose', change: ADD }, `0000${MEMBER}0165${'03683a31'}`],
    [{ kind: 'propose', change: REMOVE }, `0001${MEMBER}`],
    [{ kind: 'propose', change: REKEY, consent: CONSENT }, `0002${MEMBER}${SUCCESSOR}${toHex(CONSENT)}`],
    [{ kind: 'approve', proposal: 258, change: LEDGER }, `010201000000000000${LEDGER}`],
    [{ kind: 'withdraw', proposal: 7 }, '020700000000000000'],
    [{ kind: 'address', address: 'h:1' }, '0303683a31'],
  ]
  test.each(cases)('%o', (action, hex) => {
    expect(toHex(bytesOf(action))).toBe(head + hex + tail)
  })

  test('what is signed, and what names a change', () => {
    expect(split(governanceSignedBytes(bytesOf({ kind: 'withdraw', proposal: 7 })))).toMatchInlineSnapshot(`
      [
        "quorate/governance/1",
        "b3d5106ebdc314adc52bd80b72d26bcc24597bdeb9b8aa62daf28f5dca032172",
      ]
    `)
    expect(split(rekeySignedBytes(LEDGER, MEMBER, SUCCESSOR))).toMatchInlineSnapshot(`
      [
        "quorate/rekey/1",
        "6afbde639e1022e8ac5938cd628542a119920da9d2015516ece229b975c3e1c4",
      ]
    `)
    expect([ADD, REMOVE, REKEY].map(changeDigest)).toMatchInlineSnapshot(`
      [
        "f5ffd06cee6338485bcfbf24b6d66dfa4f6ae786ff679b9085616930b3e9a26b",
        "b69cc5ba99f76eab7c8799f3d4e2bc7f239673b2ea5b1506dea1459fd70baea9",
        "1fd0e474515213cc8a4e7329ba279c454e35f5d2915add7fe671c2194c072ee3",
      ]
    `)
  })
})

describe('a signature', () => {
  const rekey: GovernanceAction = {
    kind: 'propose',
    change: REKEY,
    consent: toySign(SUCCESSOR, rekeySignedBytes(LEDGER, MEMBER, SUCCESSOR)),
  }

  test.each([{ kind: 'address', address: 'h:1' }, { kind: 'approve', proposal: 1, change: LEDGER }, rekey] as const)(
    'binds every byte: %o',
    (action) => {
      const bytes = sealed(action)
      expect(isSigned(bytes)).toBe(true)
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = bytes.slice()
        changed[at] = (changed[at] ?? 0) ^ 1
        expect(isSigned(changed), `byte ${at}`).toBe(false)
      }
    },
  )

  test('of the new key is over ledger, member and key: no other consent serves', () => {
    const other = '99'.repeat(32)
    for (const message of [
      rekeySignedBytes(other as Digest, MEMBER, SUCCESSOR),
      rekeySignedBytes(LEDGER, other as MemberId, SUCCESSOR),
      rekeySignedBytes(LEDGER, MEMBER, other as MemberId),
    ])
      expect(isSigned(sealed({ kind: 'propose', change: REKEY, consent: toySign(SUCCESSOR, message) }))).toBe(false)
    const byAuthor = toySign(AUTHOR, rekeySignedBytes(LEDGER, MEMBER, SUCCESSOR))
    expect(isSigned(sealed({ kind: 'propose', change: REKEY, consent: byAuthor }))).toBe(false)
  })

  test('a consent without a rekey, or a rekey without one, is our own mistake', () => {
    expect(() => bytesOf({ kind: 'propose', change: REKEY })).toThrow('consents to a rekey')
    expect(() => bytesOf({ kind: 'propose', change: ADD, consent: CONSENT })).toThrow('consents to a rekey')
    expect(() => bytesOf({ kind: 'withdraw', proposal: 1 }, new Uint8Array(63))).toThrow('a signature of 63 bytes')
  })
})

test('names and addresses that are none are refused when they are read', () => {
  const withAddress = (address: string): boolean => decodeTransaction(bytesOf({ kind: 'address', address })).ok
  const withName = (name: string): boolean =>
    decodeTransaction(bytesOf({ kind: 'propose', change: { ...ADD, name } as Change })).ok
  for (const good of ['h:1', '127.0.0.1:7400', 'a-b.example:65535', '[::1]:1'])
    expect(withAddress(good), good).toBe(true)
  const host = 'h'.repeat(255)
  for (const bad of [
    '',
    'h',
    'h:',
    'h:0',
    'h:65536',
    'h:1 ',
    'a b:1',
    'http://h:1',
    '::1:1',
    `${host}h:65535`,
    'h:1\n',
    'h:١',
  ])
    expect([withAddress(bad), isMemberAddress(bad)], bad).toEqual([false, false])
  expect(withAddress(`${host}:65535`)).toBe(true)
  for (const good of ['a', 'A.b_c-9', 'x'.repeat(64)]) expect(withName(good), good).toBe(true)
  for (const bad of ['', ' ', 'a b', 'ä', 'x'.repeat(65), 'a\n'])
    expect([withName(bad), isMemberName(bad)], bad).toEqual([false, false])
})

test('more than two thirds', () => {
  for (let members = 1; members <= 1000; members += 1) {
    const needed = approvalsNeeded(members)
    expect(needed * 3 > members * 2 && (needed - 1) * 3 <= members * 2 && needed <= members, `${members}`).toBe(true)
  }
})

test('the next view is drawn from those who stay or join', () => {
  const member = (status: 'active' | 'joining' | 'leaving') => ({
    id: MEMBER,
    name: status,
    address: undefined,
    status,
    since: height(5),
  })
  const all = [member('active'), member('joining'), member('leaving')]
  const names = (members: readonly LedgerMember[]): readonly string[] => members.map(({ name }) => name)
  expect(names(membersOfNextView(all))).toEqual(['active', 'joining'])
  expect(names(membersDecidedBy(all, height(5)))).toEqual(['active', 'joining'])
  expect(names(membersDecidedBy(all, height(4)))).toEqual(['leaving'])
})
