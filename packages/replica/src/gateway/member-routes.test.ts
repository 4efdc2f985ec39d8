// Goal: members and proposals are shown as the ledger's tables hold them, and a signed order reaches the ledger byte by byte or not
// at all. Method: a fake replica with these tables; orders good, broken, and of the wrong kind.

import type { Digest, GovernanceAction, MemberId, Millis } from '@quorate/types'
import { encodeTransaction, TRANSACTION_LIMITS } from '@quorate/types'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.close())
afterEach(() => {
  harness.replica.refusal = undefined
})

const LEDGER = '11'.repeat(32) as Digest
const AUTHOR = '22'.repeat(32) as MemberId

function order(action: GovernanceAction): Uint8Array {
  const governance = { ledger: LEDGER, author: AUTHOR, action, signature: new Uint8Array(64) }
  return encodeTransaction({ id: 'order-1', expiresMs: 1 as Millis, governance })
}

const post = (transaction: unknown): ReturnType<Harness['post']> => harness.post('/v1/governance', { transaction })
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

test('a ledger without such tables says so', async () => {
  expect(await harness.get('/v1/members')).toMatchObject({ status: 400, json: { code: 'SQLITE_ERROR' } })
})

test('members, and the proposals that are open with their approvals', async () => {
  await harness.post('/v1/transactions', {
    statements: [
      'CREATE TABLE _quorate_ledger(id, ledger, proposals)',
      'CREATE TABLE _quorate_head(height, time_ms)',
      'CREATE TABLE _quorate_members(id, name, address, status, since)',
      'CREATE TABLE _quorate_proposals(number, kind, member, name, address, successor, digest, proposer, height, expires_ms)',
      'CREATE TABLE _quorate_approvals(proposal, member)',
      `INSERT INTO _quorate_ledger VALUES (0, '${LEDGER}', 3)`,
      'INSERT INTO _quorate_head VALUES (9, 1000)',
      "INSERT INTO _quorate_members VALUES ('b', 'two', 'h:1', 'active', 0), ('a', 'one', NULL, 'leaving', 4)",
      "INSERT INTO _quorate_members VALUES ('c', 'x', 'h:2', 'joining', 5)",
      "INSERT INTO _quorate_proposals VALUES (3, 'add', 'd', 'four', 'h:4', NULL, 'dd', 'b', 7, 1000)",
      "INSERT INTO _quorate_proposals VALUES (2, 'remove', 'c', NULL, NULL, NULL, 'ee', 'c', 6, 999)",
      "INSERT INTO _quorate_approvals VALUES (3, 'b'), (2, 'c'), (3, 'c')",
    ],
  })
  const { status, json, headers } = await harness.get('/v1/members?read=local')
  expect(status).toBe(200)
  const { height } = json as { height: number }
  expect(headers.get('quorate-height')).toBe(String(height))
  expect(json).toEqual({
    ledger: LEDGER,
    height,
    timeMs: 1000,
    members: [
      { id: 'a', name: 'one', status: 'leaving', since: 4 },
      { id: 'b', name: 'two', address: 'h:1', status: 'active', since: 0 },
      { id: 'c', name: 'x', address: 'h:2', status: 'joining', since: 5 },
    ],
    proposals: [
      {
        number: 3,
        kind: 'add',
        member: 'd',
        name: 'four',
        address: 'h:4',
        digest: 'dd',
        proposer: 'b',
        height: 7,
        expiresMs: 1000,
        approvals: ['b', 'c'],
        needed: 2,
      },
    ],
  })
  expect(await harness.get('/v1/members?read=soon')).toMatchObject({
    status: 400,
    json: { code: 'READ_LEVEL_INVALID' },
  })
  harness.replica.refusal = { kind: 'refused', code: 'NOT_READY', message: 'no' }
  expect(await harness.get('/v1/members')).toMatchObject({ status: 503, json: { code: 'NOT_READY' } })
})

test('an order goes to the ledger as it was signed', async () => {
  const bytes = order({ kind: 'withdraw', proposal: 1 })
  const answer = await post(base64(bytes))
  expect(answer).toMatchObject({
    status: 200,
    json: { id: 'order-1', position: 0, results: [{ columns: [{ name: 'proposal' }, {}] }] },
  })
  expect(harness.replica.orders.at(-1)).toEqual(bytes)
})

test.each([
  ['WRONG_LEDGER', 400],
  ['NOT_A_MEMBER', 403],
  ['BAD_SIGNATURE', 403],
  ['OVERLOADED', 503],
] as const)('%s is a %i, with the id', async (code, status) => {
  harness.replica.refusal = { kind: 'refused', code, message: 'why' }
  const answer = await post(base64(order({ kind: 'withdraw', proposal: 1 })))
  expect(answer).toMatchObject({ status, json: { code, message: 'why', id: 'order-1' } })
})

test('whatever is no order does not reach the ledger', async () => {
  const program = encodeTransaction({ id: 'x', expiresMs: 1 as Millis, program: { requests: [] } })
  const whole = order({ kind: 'withdraw', proposal: 1 })
  const before = harness.replica.orders.length
  const wrong: readonly unknown[] = [
    undefined,
    null,
    5,
    '',
    '!',
    base64(program),
    base64(whole.subarray(0, -1)),
    base64(Uint8Array.of(...whole, 0)),
    base64(new Uint8Array(TRANSACTION_LIMITS.bytesMax / 2)),
  ]
  for (const each of wrong) expect(await post(each)).toMatchObject({ status: 400, json: { code: 'BODY_INVALID' } })
  for (const body of ['5', 'null', '[]', '"x"', '{}'])
    expect(await harness.post('/v1/governance', body)).toMatchObject({ status: 400, json: { code: 'BODY_INVALID' } })
  expect(await harness.post('/v1/governance', 'x')).toMatchObject({ status: 400, json: { code: 'BODY_NOT_JSON' } })
  expect(harness.replica.orders.length).toBe(before)
})
