// Goal: a person reads who must still do what. Method: proposals of every standing.

import type { Membership } from '@quorate/client'
import type { MemberId } from '@quorate/types'
import { expect, test } from 'vitest'
import { consentText, memberNamed, parseConsent, proposedText, standingText } from './member-text.ts'

const id = (at: number): MemberId => at.toString(16).padStart(64, '0') as MemberId

function membership(count: number, approvals: readonly number[], needed: number): Membership {
  const members = Array.from({ length: count }, (_, at) => ({
    id: id(at),
    name: `m${at}`,
    address: undefined,
    status: 'active' as const,
    since: 0,
  }))
  const change = { kind: 'remove', member: id(0) } as const
  const proposal = { number: 1, change, proposer: id(0), height: 1, expiresMs: 1, approvals: approvals.map(id), needed }
  return { ledger: '', height: 1, timeMs: 0, members, proposals: [proposal] }
}

test.each([
  [4, [0, 1], 3, '2 of 3 approvals, m2 or m3 must approve'],
  [4, [0], 3, '1 of 3 approvals, 2 of m1, m2, m3 must approve'],
  [5, [0, 4], 4, '2 of 4 approvals, 2 of m1, m2, m3 must approve'],
  [3, [0], 3, '1 of 3 approvals, m1 and m2 must approve'],
  [2, [1], 2, '1 of 2 approvals, m0 must approve'],
  [2, [0, 1], 2, '2 of 2 approvals, passes when any member approves it'],
  [1000, [0], 667, '1 of 667 approvals, 666 of 999 others must approve'],
] as const)('%i members, approved by %j, %i needed', (count, approvals, needed, text) => {
  const shown = membership(count, approvals, needed)
  expect(standingText(shown, shown.proposals[0]!)).toBe(text)
})

test('who leaves is not waited for, and is named by its key only', () => {
  const { members, ...rest } = membership(4, [0, 1], 3)
  const shown = {
    ...rest,
    members: members.map((each) => (each.name === 'm3' ? { ...each, status: 'leaving' as const } : each)),
  }
  expect(standingText(shown, shown.proposals[0]!)).toBe('2 of 3 approvals, m2 must approve')
  expect(memberNamed(shown, id(3)).name).toBe('m3')
  expect(() => memberNamed(shown, 'm3')).toThrow('no member is called m3; members: m0, m1, m2, m3')
})

test('a change names whom the membership knows, and keys otherwise', () => {
  const shown = membership(2, [], 2)
  expect(proposedText(shown, { kind: 'remove', member: id(1) })).toBe(`remove m1, key ${id(1)}`)
  expect(proposedText(shown, { kind: 'rekey', member: id(9), successor: id(8) })).toBe(
    `give ${id(9).slice(0, 16)} the key ${id(8)}, instead of ${id(9)}`,
  )
})

test('a consent is handed on as text', () => {
  const signature = Uint8Array.from({ length: 64 }, (_, at) => at)
  expect(parseConsent(` ${consentText(id(5), signature)}\n`)).toEqual({ successor: id(5), signature })
  for (const wrong of [
    '',
    ':',
    `${id(5)}:`,
    `${id(5)}:${'0'.repeat(126)}`,
    consentText(id(5), signature).toUpperCase(),
  ])
    expect(() => parseConsent(wrong)).toThrow('not what')
})
