// Goal: an order is signed whole, brought with the same bytes until its outcome is known, and what a replica shows is read strictly.
// Method: a scripted server, random JSON.

import { toHex } from '@quorate/kernel'
import type { Digest, MemberId } from '@quorate/types'
import { decodeTransaction, governanceSignedBytes } from '@quorate/types'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { awaited, parseMembership } from './members.ts'
import { ORDER_MS_MAX, signOrder } from './order.ts'
import type { SessionClock } from './session/client-session.ts'

const LEDGER = '11'.repeat(32) as Digest
const AUTHOR = '22'.repeat(32) as MemberId
const order = {
  ledger: LEDGER,
  author: AUTHOR,
  action: { kind: 'withdraw', proposal: 3 },
  id: 'o',
  nowMs: 1000,
} as const

/** Waits for nothing. */
const IMPATIENT: SessionClock = {
  nowMs: () => 0,
  after: (_, ring) => {
    queueMicrotask(ring)
    return () => undefined
  },
}

function clientOf(script: (attempt: number) => Response | Error): {
  readonly client: Client
  readonly bodies: string[]
} {
  const bodies: string[] = []
  const client = new Client({
    urls: ['http://one', 'http://two'],
    attemptsMax: 3,
    random: () => 0.5,
    clock: IMPATIENT,
    fetch: (_, init) => {
      bodies.push(typeof init.body === 'string' ? init.body : '')
      const answer = script(bodies.length)
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  })
  return { client, bodies }
}

const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status })
const refusal = (code: string, status: number): Response => json({ code, message: `${code}!` }, status)

function ordered(rows: readonly (readonly unknown[])[]): Response {
  const columns = ['proposal', 'state', 'approvals', 'needed'].map((name) => ({ name }))
  return json({ id: 'o', height: 8, position: 0, duplicate: true, results: [{ columns, rows, affectedRows: 0 }] })
}
const integer = (value: number): object => ({ type: 'integer', value: String(value) })

test('the signature is over the transaction it stands in, which is void after an hour', () => {
  const bytes = signOrder(order, (message) => Uint8Array.of(...message.slice(-32), ...message.slice(-32)))
  const digest = toHex(governanceSignedBytes(bytes).subarray(-32))
  expect(decodeTransaction(bytes)).toMatchObject({ ok: true, value: { id: 'o', expiresMs: 1000 + ORDER_MS_MAX } })
  expect(toHex(bytes.subarray(-64))).toBe(digest + digest)
})

test('it is brought again, byte by byte the same, until its outcome is known', async () => {
  const { client, bodies } = clientOf((attempt) =>
    attempt === 1
      ? new Error('connection lost')
      : attempt === 2
        ? refusal('OVERLOADED', 503)
        : ordered([[integer(3), { type: 'text', value: 'open' }, integer(2), integer(4)]]),
  )
  const proposal = { number: 3, state: 'open', approvals: 2, needed: 4 }
  expect(await client.order('o', Uint8Array.of(1, 2))).toEqual({ id: 'o', height: 8, duplicate: true, proposal })
  expect(bodies).toEqual(Array.from({ length: 3 }, () => '{"transaction":"AQI="}'))
})

test.each([
  ['NOT_A_MEMBER', 403, 'NOT_A_MEMBER', 1],
  ['ALREADY_APPROVED', 400, 'ALREADY_APPROVED', 1],
  // Its signature is over its expiry: nobody can make it valid again.
  ['EXPIRED', 503, 'EXPIRED', 1],
  ['NOT_READY', 503, 'NOT_READY', 3],
  ['TIMEOUT', 503, 'OUTCOME_UNKNOWN', 3],
] as const)('%s with %i ends as %s after %i attempts', async (code, status, ends, attempts) => {
  const { client, bodies } = clientOf(() => refusal(code, status))
  await expect(client.order('o', new Uint8Array(1))).rejects.toMatchObject({ code: ends })
  expect(bodies.length).toBe(attempts)
})

test('an address has no proposal; what is no answer to an order is none', async () => {
  expect(await clientOf(() => ordered([])).client.order('o', new Uint8Array(1))).toMatchObject({ proposal: undefined })
  const wrong = [
    ordered([[integer(3), integer(1), integer(2), integer(4)]]),
    ordered([[{ type: 'text', value: 'x' }, { type: 'text', value: 'open' }, integer(2), integer(4)]]),
    json({ height: 1, results: [] }),
  ]
  for (const answer of wrong)
    await expect(clientOf(() => answer).client.order('o', new Uint8Array(1))).rejects.toMatchObject({
      code: 'BAD_ANSWER',
    })
})

test('a membership is read whole or not at all, and no JSON makes it throw', async () => {
  const member = { id: AUTHOR, name: 'a', address: 'h:1', status: 'active', since: 3 }
  const rekey = { kind: 'rekey', member: AUTHOR, successor: LEDGER }
  const fields = { proposer: AUTHOR, height: 1, expiresMs: 2, approvals: [AUTHOR], needed: 3 }
  const shown = {
    ledger: LEDGER,
    height: 4,
    timeMs: 5,
    members: [member],
    proposals: [{ number: 9, ...rekey, ...fields }],
  }
  const expected = { ...shown, proposals: [{ number: 9, change: rekey, ...fields }] }
  expect(await clientOf(() => json(shown)).client.members()).toEqual(expected)
  expect(awaited(expected as never, expected.proposals[0] as never)).toEqual([])
  for (const key of Object.keys(shown)) expect(parseMembership({ ...shown, [key]: undefined }), key).toBeUndefined()
  for (const [at, each] of Object.entries({ members: member, proposals: shown.proposals[0] }))
    for (const key of Object.keys(each as object).filter((name) => name !== 'address'))
      expect(parseMembership({ ...shown, [at]: [{ ...each, [key]: 'Ω' }] }), key).toBeUndefined()
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(shown)), (value, key) => {
      parseMembership(value)
      parseMembership({ ...shown, [key]: value })
    }),
    { seed: 5 },
  )
})
