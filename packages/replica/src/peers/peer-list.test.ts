// Goal: every member but oneself is looked for where it is. Method: each source of an address alone and against the others.

import type { Genesis, LedgerMember, MemberId, MemberStatus } from '@quorate/types'
import { expect, test } from 'vitest'
import { peerList } from './peer-list.ts'

const id = (digit: string): MemberId => digit.repeat(64) as MemberId
const founder = (digit: string): Genesis['founders'][number] => ({
  name: `m${digit}`,
  id: id(digit),
  address: `f${digit}:1`,
})
const genesis: Genesis = { version: 1, name: 'x', founders: ['1', '2', '3'].map(founder), sql: [] }
const member = (digit: string, address?: string, status: MemberStatus = 'active'): LedgerMember => ({
  id: id(digit),
  name: `m${digit}`,
  address,
  status,
  since: 0 as LedgerMember['since'],
})

test('before genesis: the founders', () => {
  const peers = peerList({ members: [], genesis, me: id('1'), moved: [{ name: 'm3', address: '[::1]:9' }] })
  expect(peers).toEqual([
    { id: id('2'), host: 'f2', port: 1 },
    { id: id('3'), host: '::1', port: 9 },
  ])
})

test("the operator's word, then the ledger's, then genesis.json's; strangers to genesis too; who leaves, too", () => {
  const members = [
    member('1'),
    member('2', 'l2:2'),
    member('3', 'l3:2'),
    member('4', 'l4:2', 'joining'),
    member('5', 'l5:2', 'leaving'),
  ]
  const peers = peerList({ members, genesis, me: id('4'), moved: [{ name: 'm3', address: 'o3:3' }] })
  expect(peers.map(({ host, port }) => `${host}:${port}`)).toEqual(['f1:1', 'l2:2', 'o3:3', 'l5:2'])
})

test('whoever was removed is no peer; a founder that was given a new key is found where it was', () => {
  const members = [member('1'), { ...member('6'), name: 'm2' }]
  expect(peerList({ members, genesis, me: id('1'), moved: [] })).toEqual([{ id: id('6'), host: 'f2', port: 1 }])
})
