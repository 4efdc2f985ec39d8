// Goal: the writer's thread checks members' real signatures, tells of every block that changed the members, and knows them after a
// restart and after it was taken back. Method: a founder's key in a file, orders signed by it, blocks given to a writer.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unwrap } from '@quorate/kernel'
import type { GovernanceAction, MemberId } from '@quorate/types'
import {
  decodeOutcome,
  encodeBody,
  encodeGenesis,
  encodeItem,
  encodePayload,
  encodeTransaction,
  governanceSignedBytes,
  hashOf,
  height,
  ledgerId,
  millis,
  parseGenesis,
  rekeySignedBytes,
  round,
  seat,
} from '@quorate/types'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMemberKey } from '../crypto/keys.ts'
import { IdentitySigner } from '../crypto/signer.ts'
import type { Execution } from '../host/ports.ts'
import { decodeOutcomes } from './outcome-list.ts'
import { SqlWriter } from './threads.ts'

const TIME_MS = 1_767_323_045_678
const folder = mkdtempSync(join(tmpdir(), 'quorate-members-'))
const one = new IdentitySigner(createMemberKey(join(folder, 'one.key')))
const two = new IdentitySigner(createMemberKey(join(folder, 'two.key')))
const genesis = unwrap(
  parseGenesis({ version: 1, name: 'x', founders: [{ name: 'one', id: one.id, address: 'h:1' }], sql: [] }),
  'a genesis',
)
const ledger = ledgerId(genesis)
const seed = hashOf('seed', Uint8Array.of(1))
let writer: SqlWriter

beforeAll(async () => {
  writer = await SqlWriter.open(folder)
})
afterAll(async () => {
  await writer.close()
  rmSync(folder, { recursive: true, force: true })
})

function order(signer: IdentitySigner, action: GovernanceAction, author: MemberId = signer.id): Uint8Array {
  const seal = (signature: Uint8Array): Uint8Array =>
    encodeTransaction({
      id: `${action.kind}-${author.slice(0, 8)}-${signer.id.slice(0, 8)}`,
      expiresMs: millis(TIME_MS + 60_000),
      governance: { ledger, author, action, signature },
    })
  return seal(signer.sign(governanceSignedBytes(seal(new Uint8Array(64)))))
}

async function block(
  at: number,
  ...orders: readonly Uint8Array[]
): Promise<Execution & { readonly kinds: readonly string[] }> {
  const payload = encodePayload(orders.map((bytes) => encodeItem({ kind: 'transaction', bytes })))
  const unit = { creator: seat(0), round: round(1), hash: seed, timestampMs: millis(1), payload }
  const bodyBytes = encodeBody({ kind: 'executions', heads: [{ round: round(1), slot: 0, hash: seed, units: [unit] }] })
  const execution = await writer.execute({ height: height(at), timeMs: millis(TIME_MS), seed, bodyBytes })
  const outcomes = unwrap(decodeOutcomes(execution.results), 'outcomes').map((each) =>
    unwrap(decodeOutcome(each), 'one'),
  )
  return { ...execution, kinds: outcomes.map((each) => (each.kind === 'refused' ? each.code : each.kind)) }
}

test('orders with real signatures; members told when they change, kept over a restart, and taken back', async () => {
  expect(await writer.members()).toEqual([])
  const bodyBytes = encodeBody({ kind: 'genesis', genesis: encodeGenesis(genesis), joins: [] })
  const founding = await writer.execute({ height: height(0), timeMs: millis(TIME_MS), seed, bodyBytes })
  const founder = { id: one.id, name: 'one', address: undefined, status: 'active', since: 0 }
  expect(founding.members).toEqual([founder])

  const refused = await block(
    1,
    order(two, { kind: 'address', address: 'x:1' }),
    order(two, { kind: 'address', address: 'x:1' }, one.id),
  )
  expect(refused.kinds).toEqual(['NOT_A_MEMBER', 'BAD_SIGNATURE'])
  expect(refused.members).toBeUndefined()

  const moved = await block(2, order(one, { kind: 'address', address: 'x:2' }))
  expect(moved.kinds).toEqual(['executed'])
  expect(moved.members).toEqual([{ ...founder, address: 'x:2' }])

  const consent = two.sign(rekeySignedBytes(ledger, one.id, two.id))
  const change = { kind: 'rekey', member: one.id, successor: two.id } as const
  const rekeyed = await block(3, order(one, { kind: 'propose', change, consent }))
  const after = [
    { id: one.id, name: 'one', address: 'x:2', status: 'leaving', since: 3 },
    { id: two.id, name: 'one', address: 'x:2', status: 'joining', since: 3 },
  ].sort((a, b) => (a.id < b.id ? -1 : 1))
  expect(rekeyed.members).toEqual(after)
  expect((await block(4, order(one, { kind: 'withdraw', proposal: 1 }))).kinds).toEqual(['NOT_A_MEMBER'])

  await writer.close()
  writer = await SqlWriter.open(folder)
  expect(await writer.members()).toEqual(after)
  await writer.rewind(height(2))
  expect(await writer.members()).toEqual([{ ...founder, address: 'x:2' }])
  // The engine that answered still executes as any other would.
  const again = await block(3, order(one, { kind: 'propose', change, consent }))
  expect(again.stateRoot).toBe(rekeyed.stateRoot)
})
