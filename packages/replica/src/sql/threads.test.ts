// The SQL threads as the replica has them: real threads, a real state.db.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { must, unwrap } from '@quorate/kernel'
import type { Digest, Outcome, Program, Statement } from '@quorate/types'
import {
  decodeOutcome,
  encodeBody,
  encodeGenesis,
  encodeItem,
  encodePayload,
  encodeProgram,
  encodeTransaction,
  hashOf,
  height,
  millis,
  parseGenesis,
  round,
  seat,
} from '@quorate/types'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Execution } from '../host/ports.ts'
import { decodeOutcomes } from './outcome-list.ts'
import { STATE_FILE } from './state-rows.ts'
import { SqlReaders, SqlWriter } from './threads.ts'

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)'
const TIME_MS = 1_767_323_045_678

let folder: string
let writer: SqlWriter
let readers: SqlReaders
let next: number
let serial = 0

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-sql-'))
  writer = await SqlWriter.open(folder)
  readers = new SqlReaders(folder)
  next = 0
  await genesis('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
})

afterEach(async () => {
  await Promise.all([writer.close(), readers.close()])
  rmSync(folder, { recursive: true, force: true })
})

function seedAt(at: number): Digest {
  return hashOf('seed', Uint8Array.of(at))
}

function words(sql: string): Statement {
  return { sql, args: [], namedArgs: [], wantRows: true }
}

function program(...sql: readonly string[]): Program {
  return { requests: sql.map((each) => ({ kind: 'execute', statement: words(each) })) }
}

async function genesis(...sql: readonly string[]): Promise<Execution> {
  const founder = { name: 'one', id: hashOf('seed', Uint8Array.of(1)), address: 'localhost:1' }
  const parsed = unwrap(parseGenesis({ version: 1, name: 'test', founders: [founder], sql }), 'a genesis')
  next = 1
  return writer.execute({
    height: height(0),
    timeMs: millis(TIME_MS),
    seed: seedAt(0),
    bodyBytes: encodeBody({ kind: 'genesis', genesis: encodeGenesis(parsed), joins: [] }),
  })
}

function bodyOf(programs: readonly Program[]): Uint8Array {
  const items = programs.map((each) => {
    serial += 1
    return encodeItem({
      kind: 'transaction',
      bytes: encodeTransaction({ id: `t${serial}`, expiresMs: millis(TIME_MS + 3_600_000), program: each }),
    })
  })
  const hash = seedAt(0)
  const unit = { creator: seat(0), round: round(1), hash, timestampMs: millis(1), payload: encodePayload(items) }
  return encodeBody({ kind: 'executions', heads: [{ round: round(1), slot: 0, hash, units: [unit] }] })
}

async function run(...programs: readonly Program[]): Promise<readonly Outcome[]> {
  const bodyBytes = bodyOf(programs)
  const execution = await writer.execute({
    height: height(next),
    timeMs: millis(TIME_MS + next),
    seed: seedAt(next),
    bodyBytes,
  })
  next += 1
  return unwrap(decodeOutcomes(execution.results), 'outcomes').map((bytes) =>
    unwrap(decodeOutcome(bytes), 'an outcome'),
  )
}

async function read(at: number, ...sql: readonly string[]): Promise<unknown> {
  const reply = await readers.read({ kind: 'read', height: height(at), program: encodeProgram(program(...sql)) })
  if (reply.kind !== 'outcome') return reply.kind
  const outcome = unwrap(decodeOutcome(reply.outcome), 'an outcome')
  if (outcome.kind !== 'executed') return outcome
  return outcome.replies.map((each) => (each.kind === 'result' ? each.result.rows : each))
}

describe('writer and readers', () => {
  test('W1: blocks are read at any height while others are executed', async () => {
    await run(program('INSERT INTO t(b) VALUES (1)'))
    const both = await Promise.all([
      read(1, 'SELECT b FROM t'),
      run(program('INSERT INTO t(b) VALUES (2)')),
      read(0, 'SELECT count(*) FROM t'),
    ])
    expect([both[0], both[2]]).toEqual([[[[1n]]], [[[0n]]]])
    expect(await read(2, 'SELECT sum(b) FROM t')).toEqual([[[3n]]])
    expect(await read(3, 'SELECT 1')).toBe('gone')
    expect(await read(2, 'DELETE FROM t')).toBe('writes')
  })

  test('D1: a writer that restarts goes on to the same roots', async () => {
    const other = mkdtempSync(join(tmpdir(), 'quorate-sql-'))
    const second = await SqlWriter.open(other)
    const jobs = [0, 1, 2, 3].map((at) => {
      const bodyBytes = bodyOf([
        program(`INSERT INTO t(b) VALUES (random() + ${at})`, "SELECT datetime('now')"),
        program(`${ENDLESS} INSERT INTO t(b) SELECT i FROM n`),
      ])
      return { height: height(at + 1), timeMs: millis(TIME_MS + at), seed: seedAt(at), bodyBytes }
    })
    const roots: string[] = []
    for (const job of jobs) {
      const { stateRoot, resultsRoot } = await writer.execute(job)
      roots.push(stateRoot + resultsRoot)
      await writer.close()
      writer = await SqlWriter.open(folder)
      expect(writer.height).toBe(job.height)
    }
    const founder = { name: 'one', id: hashOf('seed', Uint8Array.of(1)), address: 'elsewhere:1' }
    const parsed = unwrap(
      parseGenesis({
        version: 1,
        name: 'test',
        founders: [founder],
        sql: ['CREATE TABLE t(a INTEGER PRIMARY KEY, b)'],
      }),
      'a genesis',
    )
    await second.execute({
      height: height(0),
      timeMs: millis(TIME_MS),
      seed: seedAt(0),
      bodyBytes: encodeBody({ kind: 'genesis', genesis: encodeGenesis(parsed), joins: [] }),
    })
    const same: string[] = []
    for (const job of jobs) {
      const { stateRoot, resultsRoot } = await second.execute(job)
      same.push(stateRoot + resultsRoot)
    }
    expect(same).toEqual(roots)
    // And taken back, it makes them again.
    await second.rewind(height(1))
    expect(second.height).toBe(1)
    expect((await second.execute(must(jobs[1], 'a job'))).stateRoot).toBe(must(roots[1], 'a root').slice(0, 64))
    await second.close()
    rmSync(other, { recursive: true, force: true })
  })

  test('I1: sessions run beside each other and give what they recorded', async () => {
    const [one, two] = [readers.newSession(), readers.newSession()]
    for (const session of [one, two])
      await readers.inSession({ kind: 'open', session, height: height(0), seed: seedAt(9), isReadonly: false })
    const step = (session: number, sql: string): Promise<unknown> =>
      readers.inSession({ kind: 'step', session, statement: words(sql) })
    await step(one, 'INSERT INTO t(b) VALUES (1)')
    expect(await step(two, 'SELECT count(*) FROM t')).toMatchObject({
      step: { reply: { result: { rows: [[0n]] } } },
      open: true,
    })
    expect(await readers.inSession({ kind: 'recording', session: one })).toMatchObject({
      recording: { statements: [{ sql: 'INSERT INTO t(b) VALUES (1)' }] },
    })
    expect(await readers.inSession({ kind: 'recording', session: two })).toEqual({
      kind: 'recorded',
      recording: undefined,
    })
    expect(await readers.inSession({ kind: 'describe', session: one, sql: 'SELECT ?' })).toMatchObject({
      reply: { kind: 'description' },
    })
    expect(await step(one, `${ENDLESS} SELECT count(*) FROM n`)).toMatchObject({ open: false })
    // Its record is lost: that must not look like "nothing was written".
    await expect(readers.inSession({ kind: 'recording', session: one })).rejects.toMatchObject({ code: 'SQL_READER' })
    await readers.inSession({ kind: 'close', session: two })
  })

  test('the newest height and one that is gone', async () => {
    const session = readers.newSession()
    expect(
      await readers.inSession({ kind: 'open', session, height: height(7), seed: seedAt(9), isReadonly: true }),
    ).toEqual({ kind: 'gone' })
    expect(await readers.inSession({ kind: 'close', session })).toEqual({ kind: 'closed' })
  })
})

// Which of the two bounds ends it depends on what a level of nesting costs; both mean a new engine in the middle of a
// block.
describe('statements that need more stack than the engine has', () => {
  const VIEWS = 3000
  const nested = Array.from(
    { length: VIEWS },
    (_, i) => `CREATE VIEW v${i + 1} AS SELECT * FROM ${i === 0 ? 't' : `v${i}`}`,
  )

  test('M3: fail by themselves, as writes and as reads, and the replica goes on', async () => {
    for (let at = 0; at < VIEWS; at += 1000)
      await run({ requests: [{ kind: 'sequence', sql: nested.slice(at, at + 1000).join(';') }] })
    const outcomes = await run(
      program('INSERT INTO t(b) VALUES (1)'),
      program('INSERT INTO t(b) VALUES (2)', 'ALTER TABLE t RENAME COLUMN b TO c'),
      program('INSERT INTO t(b) VALUES (3)'),
    )
    expect(outcomes).toMatchObject([
      { kind: 'executed' },
      { kind: 'failed', error: { code: expect.stringMatching(/^(STACK_OVERFLOW|OUT_OF_GAS)$/) as string } },
      { kind: 'executed' },
    ])
    expect(await read(next - 1, 'SELECT b FROM t')).toEqual([[[1n], [3n]]])
  }, 30_000)
})

describe('trouble', () => {
  test('W4: a rotten page stops the writer loudly, and only fails a read', async () => {
    await run(program('INSERT INTO t(b) VALUES (1)'))
    await writer.close()
    const db = new DatabaseSync(join(folder, STATE_FILE))
    db.exec('UPDATE pages SET bytes = zeroblob(4096) WHERE number = 2')
    db.close()
    writer = await SqlWriter.open(folder)
    await expect(run(program('INSERT INTO t(b) VALUES (2)'))).rejects.toMatchObject({ code: 'STATE_DAMAGED' })
    expect(await read(1, 'SELECT * FROM _quorate_head')).toBe('failed')
    expect(await read(1, 'SELECT 1')).toEqual([[[1n]]])
  })

  test('W4: a file whose hashes do not lead to its root is not opened', async () => {
    await writer.close()
    const db = new DatabaseSync(join(folder, STATE_FILE))
    db.exec(`UPDATE pages SET hash = '${'0'.repeat(64)}' WHERE number = 2`)
    db.close()
    await expect(SqlWriter.open(folder)).rejects.toThrow(/state\.db hashes to/)
    rmSync(join(folder, STATE_FILE), { force: true })
    writer = await SqlWriter.open(folder)
  })

  test('closed threads refuse; what waits is told', async () => {
    const waiting = read(0, `${ENDLESS} SELECT count(*) FROM n`)
    await readers.close()
    expect(await waiting).toBe('failed')
    await expect(read(0, 'SELECT 1')).rejects.toMatchObject({ code: 'SQL_CLOSED' })
    await writer.close()
    await expect(run(program('SELECT 1'))).rejects.toMatchObject({ code: 'SQL_CLOSED' })
    readers = new SqlReaders(folder)
    expect(await read(0, 'SELECT 1')).toEqual([[[1n]]])
  })
})
