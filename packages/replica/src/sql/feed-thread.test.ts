// Goal: the thread of the feeds tells of any retained block what its transactions changed and who they were, and says so
// where it can't. Method: a real writer, its state.db, and the thread; blocks as the store keeps them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unwrap } from '@quorate/kernel'
import type { Digest, Program } from '@quorate/types'
import {
  encodeBody,
  encodeGenesis,
  encodeHeader,
  encodeItem,
  encodePayload,
  encodeTransaction,
  hashOf,
  height,
  millis,
  NO_BLOCK,
  parseGenesis,
  round,
  seat,
} from '@quorate/types'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FeedAnswer, Topic } from '../feed/entry.ts'
import { Feeds } from '../feed/feeds.ts'
import type { StoredBlock } from '../store/record.ts'
import { FEED_BLOCKS_QUEUED_MAX, FeedThread } from './feed-thread.ts'
import { SqlWriter } from './threads.ts'

const TIME_MS = 1_767_323_045_678
let folder: string
let writer: SqlWriter
let thread: FeedThread
let blocks: StoredBlock[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-feed-'))
  writer = await SqlWriter.open(folder)
  thread = new FeedThread(folder)
  blocks = []
  const founder = { name: 'one', id: hashOf('seed', Uint8Array.of(1)), address: 'localhost:1' }
  const sql = ['CREATE TABLE t(a INTEGER PRIMARY KEY, b)', "INSERT INTO t VALUES (1, x'00ff')"]
  const genesis = unwrap(parseGenesis({ version: 1, name: 'test', founders: [founder], sql }), 'a genesis')
  await put(encodeBody({ kind: 'genesis', genesis: encodeGenesis(genesis), joins: [] }))
})

afterEach(async () => {
  await Promise.all([writer.close(), thread.close()])
  rmSync(folder, { recursive: true, force: true })
})

function seedAt(at: number): Digest {
  return hashOf('seed', Uint8Array.of(at))
}

async function put(body: Uint8Array): Promise<void> {
  const at = height(blocks.length)
  const timeMs = millis(TIME_MS + at)
  const execution = await writer.execute({ height: at, timeMs, seed: seedAt(at), bodyBytes: body })
  const pointer = { height: height(0), hash: NO_BLOCK }
  const { transactionsRoot, resultsRoot, stateRoot, results } = execution
  const roots = { previous: NO_BLOCK, transactionsRoot, resultsRoot, stateRoot, body: NO_BLOCK }
  const view = NO_BLOCK as string as Parameters<typeof encodeHeader>[0]['view']
  const header = encodeHeader({
    era: 1,
    height: at,
    view,
    lastReconfigure: pointer,
    lastAssemble: pointer,
    lastCheckpoint: pointer,
    timeMs,
    ...roots,
  })
  blocks.push({ height: at, header, body, results, certificate: undefined })
}

function statementsOf(...sql: readonly string[]): Program {
  return {
    requests: sql.map((each) => ({
      kind: 'execute',
      statement: { sql: each, args: each.includes('?') ? [7n] : [], namedArgs: [], wantRows: true },
    })),
  }
}

/** A block of one transaction each. */
async function run(...programs: readonly (readonly string[])[]): Promise<void> {
  const items = programs.map((sql, i) => {
    const id = `t${blocks.length}-${i}`
    const program = statementsOf(...sql)
    return encodeItem({
      kind: 'transaction',
      bytes: encodeTransaction({ id, expiresMs: millis(TIME_MS + 3_600_000), program }),
    })
  })
  const hash = seedAt(0)
  const unit = { creator: seat(0), round: round(1), hash, timestampMs: millis(1), payload: encodePayload(items) }
  await put(encodeBody({ kind: 'executions', heads: [{ round: round(1), slot: 0, hash, units: [unit] }] }))
}

async function told(topic: Topic, at: number): Promise<readonly unknown[]> {
  const { header, body, results } = blocks[at] ?? expect.unreachable()
  const answer = await thread.ask({ topic, height: height(at), header, body, results })
  if (answer.kind !== 'told') throw new Error(answer.kind)
  return [
    ...answer.block.entries.map((entry) => JSON.parse(entry.json) as unknown),
    JSON.parse(answer.block.end) as unknown,
  ]
}

const integer = (value: string): unknown => ({ type: 'integer', value })

test('rows that changed, from the founding on', async () => {
  await run(
    ['INSERT INTO t(b) VALUES (9007199254740993)'],
    ['SELECT 1'],
    ['nonsense'],
    ['UPDATE t SET b = -0.5 WHERE a = 1', 'DELETE FROM t WHERE a = 2'],
  )
  expect(await told('changes', 0)).toEqual([
    expect.objectContaining({
      kind: 'schema',
      position: '0:0:0',
      transaction: null,
      op: 'create',
      type: 'table',
      name: 't',
      table: 't',
    }),
    {
      position: '0:0:1',
      height: 0,
      index: 0,
      sequence: 1,
      transaction: null,
      kind: 'change',
      table: 't',
      op: 'insert',
      key: { a: integer('1') },
      rowid: '1',
      before: null,
      after: { a: integer('1'), b: { type: 'blob', base64: 'AP8' } },
    },
    expect.objectContaining({ kind: 'block', position: '1', height: 0, changes: 2, timeMs: TIME_MS }),
  ])
  expect(await told('changes', 1)).toMatchObject([
    {
      op: 'insert',
      transaction: 't1-0',
      index: 0,
      sequence: 0,
      before: null,
      after: { b: integer('9007199254740993') },
    },
    { op: 'delete', transaction: 't1-3', index: 3, sequence: 0, key: { a: integer('2') }, after: null },
    {
      op: 'update',
      transaction: 't1-3',
      sequence: 1,
      before: { b: { type: 'blob' } },
      after: { b: { type: 'float', value: -0.5 } },
    },
    { kind: 'block', position: '2', changes: 3 },
  ])
})

test('transactions, with what they say if asked', async () => {
  await run(
    ['INSERT INTO t(b) VALUES (?)'],
    ['WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'],
  )
  expect(await told('log', 0)).toMatchObject([{ kind: 'block', position: '1', transactions: 0 }])
  expect(await told('log', 1)).toMatchObject([
    {
      kind: 'transaction',
      position: '1:0',
      height: 1,
      index: 0,
      transaction: 't1-0',
      outcome: 'executed',
      timeMs: TIME_MS + 1,
    },
    { kind: 'transaction', position: '1:1', index: 1, transaction: 't1-1', outcome: 'failed', code: 'OUT_OF_GAS' },
    { kind: 'block', position: '2', transactions: 2 },
  ])
  expect(await told('log-whole', 1)).toMatchObject([
    { program: { requests: [{ statement: { sql: 'INSERT INTO t(b) VALUES (?)', args: [integer('7')] } }] } },
    {},
    {},
  ])
})

test('a state that is not retained, a block that is none, and too much at once are answers', async () => {
  await run(['INSERT INTO t(b) VALUES (1)'])
  const { header, body, results } = blocks[1] ?? expect.unreachable()
  const ask = (at: number, bytes = body): Promise<FeedAnswer> =>
    thread.ask({ topic: 'changes', height: height(at), header, body: bytes, results })
  expect(await ask(9)).toEqual({ kind: 'gone' })
  expect(await ask(1, Uint8Array.of(9))).toMatchObject({ kind: 'failed' })
  const many = await Promise.all(Array.from({ length: FEED_BLOCKS_QUEUED_MAX + 1 }, () => ask(9)))
  expect(many.at(-1)).toMatchObject({ kind: 'failed', message: expect.stringMatching(/more than 64 blocks/) })
  expect(await ask(1)).toMatchObject({ kind: 'told' })
  await thread.close()
  expect(await ask(1)).toMatchObject({ kind: 'failed', message: 'the replica stops' })
})

test('a block is made once for all who follow, and what failed is made again', async () => {
  const asked: number[] = []
  let fails = true
  const feeds = new Feeds({
    store: { block: (at) => Promise.resolve(at < 2000 ? { ...(blocks[0] as StoredBlock), height: at } : undefined) },
    reads: { certified: height(5), heightFor: () => Promise.resolve(height(6)) },
    thread: {
      ask: (request) => {
        asked.push(request.height)
        const json = 'x'.repeat(request.height === 3 ? 20_000_000 : 10)
        const block = { entries: [{ index: 0, sequence: 0, table: undefined, json }], end: '{}' }
        return Promise.resolve(fails ? { kind: 'failed', message: 'not now' } : { kind: 'told', block })
      },
    },
  })
  const ask = async (...heights: readonly number[]): Promise<number> => {
    asked.length = 0
    await Promise.all(heights.map((at) => feeds.block('changes', height(at))))
    return asked.length
  }
  expect(await ask(1, 1)).toBe(1)
  expect(await ask(1)).toBe(1)
  fails = false
  expect(await ask(1)).toBe(1)
  expect(await ask(1, 1, 2)).toBe(1)
  expect(await feeds.block('log', height(3000))).toEqual({ kind: 'gone' })
  // One that is larger than all that is kept leaves room for none.
  expect(await ask(3)).toBe(1)
  expect(await ask(1)).toBe(1)
  await ask(...Array.from({ length: 300 }, (_, i) => 100 + i))
  expect(await ask(100)).toBe(1)
  expect(await ask(399)).toBe(0)
  await feeds.reached(height(6))
  expect(feeds.tip).toBe(5)
})
