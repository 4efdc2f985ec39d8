// Goal: a folder built from kept blocks is what a replica of that ledger would have, wherever building was stopped; and what
// executes otherwise, or is of another ledger, is refused. Method: blocks made by executing them once, built again in other
// folders with the real engine and store.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seedOf } from '@quorate/choam'
import { must } from '@quorate/kernel'
import { ERA } from '@quorate/sql-state'
import type { Digest, Genesis, Header, MemberId, WholeBlock } from '@quorate/types'
import {
  blockHash,
  bodyHash,
  encodeBody,
  encodeCertificate,
  encodeGenesis,
  encodeHeader,
  encodeItem,
  encodePayload,
  encodeTransaction,
  genesisView,
  hashOf,
  height,
  ledgerId,
  millis,
  NO_BLOCK,
  parseGenesis,
  round,
  seat,
} from '@quorate/types'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SqlWriter } from '../sql/threads.ts'
import { Store } from '../store/store.ts'
import { readWhole } from '../store/read-whole.ts'
import { Rebuild } from './rebuild.ts'

const TIME_MS = 1_767_323_045_678

function genesisOf(name: string): Genesis {
  const founder = { name: 'one', id: hashOf('seed', Uint8Array.of(1)) as string as MemberId, address: 'localhost:1' }
  const parsed = parseGenesis({ version: 1, name, founders: [founder], sql: ['CREATE TABLE t(x, r)'] })
  return must(parsed.ok ? parsed.value : undefined, 'a genesis')
}

function bodyAt(genesis: Genesis, at: number): Uint8Array {
  if (at === 0) return encodeBody({ kind: 'genesis', genesis: encodeGenesis(genesis), joins: [] })
  const sql = `INSERT INTO t VALUES (${at}, random())`
  const requests = [{ kind: 'execute' as const, statement: { sql, args: [], namedArgs: [], wantRows: true } }]
  const bytes = encodeTransaction({ id: `tx ${at}`, expiresMs: millis(TIME_MS + 3_600_000), program: { requests } })
  const payload = encodePayload([encodeItem({ kind: 'transaction', bytes })])
  const hash = hashOf('seed', Uint8Array.of(0))
  const unit = { creator: seat(0), round: round(at), hash, timestampMs: millis(TIME_MS + at), payload }
  return encodeBody({ kind: 'executions', heads: [{ round: round(at), slot: 0, hash, units: [unit] }] })
}

/** Blocks of a ledger, executed in a folder that nobody looks at afterwards. */
async function makeBlocks(genesis: Genesis, count: number): Promise<readonly WholeBlock[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-made-'))
  const writer = await SqlWriter.open(folder)
  const pointer = { height: height(0), hash: NO_BLOCK }
  const blocks: WholeBlock[] = []
  let previous: Digest = NO_BLOCK
  for (let at = 0; at < count; at += 1) {
    const body = bodyAt(genesis, at)
    const place = { height: height(at), timeMs: millis(TIME_MS + at) }
    const seed = seedOf(ledgerId(genesis), place.height, bodyHash(body))
    const execution = await writer.execute({ ...place, seed, bodyBytes: body })
    const { transactionsRoot, resultsRoot, stateRoot } = execution
    const pointers = { lastReconfigure: pointer, lastAssemble: pointer, lastCheckpoint: pointer }
    const roots = { transactionsRoot, resultsRoot, stateRoot, body: bodyHash(body) }
    const view = genesisView(ledgerId(genesis))
    const header: Header = { era: ERA, ...place, view, previous, ...pointers, ...roots }
    const bytes = encodeHeader(header)
    previous = blockHash(bytes)
    const certificate = encodeCertificate({ signatures: [] })
    blocks.push({ header: bytes, body, certificate, results: execution.results })
  }
  await writer.close()
  rmSync(folder, { recursive: true })
  return blocks
}

const genesis = genesisOf('rebuilt')
let blocks: readonly WholeBlock[]
let root: string

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'quorate-rebuild-'))
  blocks = await makeBlocks(genesis, 12)
})

afterAll(() => rmSync(root, { recursive: true }))

const open = (folder: string, of: Genesis = genesis): Promise<Rebuild> =>
  Rebuild.open(join(root, folder), of, () => undefined)

test('a folder built in steps holds every block and finds transactions; nobody else builds there', async () => {
  const first = await open('steps')
  await first.add(blocks.slice(0, 3))
  await first.add(blocks.slice(3, 5))
  await first.close()
  const second = await open('steps')
  expect([first.next, second.next]).toEqual([5, 5])
  await expect(second.meet(blocks[3]!)).rejects.toMatchObject({ code: 'REBUILD_CONFLICT' })
  await second.meet(blocks[4]!)
  await second.add(blocks.slice(5))
  await expect(open('steps')).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  await second.close()
  await expect(open('steps', genesisOf('other'))).rejects.toMatchObject({ code: 'STORE_LEDGER' })
  const { blocks: held, tip, lowest } = readWhole(join(root, 'steps'), height(0), 100, 1e9)
  const parts = (all: readonly WholeBlock[]): unknown =>
    all.map((block) => [block.header, block.body, block.certificate, block.results].map((part) => Buffer.from(part)))
  expect([tip, lowest]).toEqual([11, 0])
  expect(parts(held)).toEqual(parts(blocks))
  const store = await Store.open({ folder: join(root, 'steps'), ledgerId: ledgerId(genesis) })
  expect(await store.transaction('tx 7')).toEqual({ height: 7, position: 0 })
  await store.close()
})

test('a database that ran ahead when the process died is taken back', async () => {
  const rebuild = await open('ahead')
  await rebuild.add(blocks.slice(0, 4))
  await rebuild.close()
  const writer = await SqlWriter.open(join(root, 'ahead'))
  const body = bodyAt(genesis, 4)
  const seed = seedOf(ledgerId(genesis), height(4), bodyHash(body))
  await writer.execute({ height: height(4), timeMs: millis(TIME_MS + 4), seed, bodyBytes: body })
  await writer.close()
  const again = await open('ahead')
  expect(again.next).toBe(4)
  await again.add(blocks.slice(4))
  expect(again.next).toBe(12)
  await again.close()
})

test('a block that executes to something else is refused, with both sides, and nothing of its batch is kept', async () => {
  const forged = { ...blocks[2]!, body: bodyAt(genesis, 9) }
  const rebuild = await open('diverged')
  await expect(rebuild.add([blocks[0]!, blocks[1]!, forged])).rejects.toMatchObject({
    code: 'REBUILD_DIVERGED',
    message: expect.stringMatching(/^executing block 2 gave the transactions root \w{64}, its header says \w{64}$/),
  })
  await rebuild.close()
  const again = await open('diverged')
  expect(again.next).toBe(0)
  await again.close()
})

test('a database of nobody knows which ledger is left alone', async () => {
  const lone = mkdtempSync(join(root, 'lone-'))
  writeFileSync(join(lone, 'state.db'), '')
  await expect(Rebuild.open(lone, genesis, () => undefined)).rejects.toMatchObject({ code: 'REBUILD_FOLDER' })
})

test('a range of blocks is bounded, and no folder is no ledger', () => {
  const folder = join(root, 'steps')
  expect(readWhole(folder, height(3), 2, 1e9).blocks).toHaveLength(2)
  expect(readWhole(folder, height(3), 100, 1).blocks).toHaveLength(1)
  expect(readWhole(folder, height(12), 100, 1e9)).toEqual({ blocks: [], tip: 11, lowest: 0 })
  expect(() => readWhole(join(root, 'nowhere'), height(0), 1, 1)).toThrow(/is not there/)
})
