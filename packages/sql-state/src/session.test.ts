// Interactive transactions: recorded on a snapshot, repeated in the ledger. And reads on snapshots.

import type { Program, SqlValue, Statement, StepReply } from '@quorate/types'
import { millis } from '@quorate/types'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { Reader } from './reader.ts'
import { RULES } from './rules.ts'
import type { SessionRecording } from './session.ts'
import { Session, SESSION_STATEMENTS_MAX } from './session.ts'
import { executes, seedAt, sequence, statement, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engine: Engine
let reading: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
  reading = await loadEngine()
})

beforeEach(() => {
  ledger = new TestLedger(engine).found(
    'CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)',
    'CREATE TABLE n(x DEFAULT (random()), at DEFAULT CURRENT_TIMESTAMP)',
    "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
  )
})

function open(options: { readonly isReadonly?: boolean; readonly seed?: number } = {}): Session {
  const { isReadonly = false, seed = 77 } = options
  return new Session(reading, ledger.source, {
    timeMs: TestLedger.timeMs(ledger.next) - 500,
    seed: seedAt(seed),
    isReadonly,
  })
}

function replay({ statements, replay: context }: SessionRecording): Uint8Array {
  const all: (string | Statement)[] = ['BEGIN', ...statements, 'COMMIT']
  return transaction(executes(...all), { replay: context })
}

function step(session: Session, sql: string, ...args: readonly SqlValue[]): StepReply {
  const { kind, reply } = session.step(statement(sql, ...args))
  expect(kind).toBe('open')
  return reply
}

/** Runs statements in a session and gives what its commit submits. */
function recorded(...sql: readonly string[]): SessionRecording {
  const session = open()
  for (const each of sql) step(session, each)
  const recording = session.recording()
  session.close()
  if (recording === undefined) throw new Error('nothing to order')
  return recording
}

describe('an interactive transaction', () => {
  test('I1: shows its own writes to itself, and nobody else', () => {
    const session = open()
    const besides = open()
    step(session, "INSERT INTO t VALUES (3, 'three')")
    expect(step(session, 'SELECT count(*) FROM t')).toMatchObject({ result: { rows: [[3n]] } })
    expect(step(besides, 'SELECT count(*) FROM t')).toMatchObject({ result: { rows: [[2n]] } })
    session.close()
    besides.close()
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[2n]])
  })

  test('I2: repeated where nothing has changed, gives the same and stands', () => {
    const recording = recorded(
      "INSERT INTO t(b) VALUES ('x') RETURNING a",
      'SELECT * FROM t',
      'UPDATE t SET b = b || 1',
      'SELEC',
      "INSERT INTO t VALUES (1, 'again')",
    )
    expect(ledger.block([replay(recording)])).toMatchObject([{ kind: 'executed' }])
    expect(ledger.rows('SELECT b FROM t')).toEqual([['one1'], ['two1'], ['x1']])
  })

  test('I2: time and randomness are those that its client saw', () => {
    const session = open()
    const seen = [
      step(session, 'INSERT INTO n DEFAULT VALUES RETURNING x, at'),
      step(session, "SELECT random(), datetime('now')"),
      step(session, 'INSERT INTO n DEFAULT VALUES RETURNING x'),
    ]
    const recording = session.recording()!
    session.close()
    // Others in the block before it have drawn and written too.
    const outcomes = ledger.block([transaction(executes('UPDATE t SET b = random()')), replay(recording)])
    expect(outcomes[1]).toMatchObject({ kind: 'executed' })
    expect(outcomes[1]).toMatchObject({ replies: [{}, ...seen, {}] })
  })

  test.each([
    [
      'a row it read has changed',
      "UPDATE t SET b = 'changed' WHERE a = 1",
      ['SELECT b FROM t WHERE a = 1', 'INSERT INTO n VALUES (1, 1)'],
      0,
    ],
    [
      'a row has appeared in what it read',
      "INSERT INTO t VALUES (9, 'new')",
      ['SELECT * FROM t', 'INSERT INTO n VALUES (1, 1)'],
      0,
    ],
    ['the rowid it was given is taken', "INSERT INTO t VALUES (3, 'new')", ["INSERT INTO t(b) VALUES ('mine')"], 0],
    ['it changes another number of rows', 'DELETE FROM t WHERE a = 2', ['UPDATE t SET b = a'], 0],
    [
      'a constraint fails now',
      "INSERT INTO t VALUES (30, 'mine')",
      ['SELECT 1', "INSERT INTO t VALUES (20, 'mine')"],
      1,
    ],
    [
      'a constraint fails no more',
      'DELETE FROM t WHERE a = 1',
      ['INSERT INTO n VALUES (1, 1)', "INSERT INTO t VALUES (5, 'one')"],
      1,
    ],
    ['a table is gone', 'DROP TABLE t', ['INSERT INTO n VALUES (1, 1)', 'SELECT count(*) FROM t'], 1],
  ] as const)('I3: is a conflict when %s, and nothing of it stands', (_, before, sql, at) => {
    const recording = recorded(...sql)
    const count = ledger.rows('SELECT count(*) FROM n')
    ledger.replies(executes(before))
    expect(ledger.block([replay(recording)])).toMatchObject([{ kind: 'conflict', statement: at }])
    expect(ledger.rows('SELECT count(*) FROM n')).toEqual(count)
  })

  test.each([
    [
      'rows it did not read change',
      "UPDATE t SET b = 'changed' WHERE a = 2",
      ['SELECT b FROM t WHERE a = 1', 'INSERT INTO n VALUES (1, 1)'],
    ],
    ['it did not ask for rows', "UPDATE t SET b = 'changed' WHERE a = 1", ['DELETE FROM n']],
    [
      'others counted changes or inserted elsewhere',
      'INSERT INTO n VALUES (5, 5), (6, 6)',
      ['UPDATE t SET b = a WHERE a = 1', 'CREATE TABLE z(a)', 'SELECT b FROM t WHERE a = 2'],
    ],
  ] as const)('I4: is none when %s', (_, before, sql) => {
    const recording = recorded(...sql)
    ledger.replies(executes(before))
    expect(ledger.block([replay(recording)])).toMatchObject([{ kind: 'executed' }])
  })

  test('I4: rows that were not wanted are not compared', () => {
    const session = open()
    session.step({ ...statement('SELECT * FROM t'), wantRows: false })
    step(session, 'INSERT INTO n VALUES (1, 1)')
    const recording = session.recording()!
    session.close()
    ledger.replies(executes("INSERT INTO t VALUES (7, 'seven')"))
    expect(ledger.block([replay(recording)])).toMatchObject([{ kind: 'executed' }])
  })

  test('I5: DDL, pragmas and writes that fail half-way are recorded; reads alone need no order', () => {
    expect(recorded('CREATE TABLE z(a)').statements).toHaveLength(1)
    expect(recorded('PRAGMA user_version = 5').statements).toHaveLength(1)
    expect(recorded("INSERT OR FAIL INTO t VALUES (8, 'eight'), (1, 'fails')").statements).toHaveLength(1)
    const session = open()
    step(session, 'SELECT * FROM t')
    expect(session.recording()).toBeUndefined()
    session.close()
    expect(ledger.block([replay(recorded('CREATE TABLE z(a)', 'INSERT INTO z VALUES (1)'))])).toMatchObject([
      { kind: 'executed' },
    ])
    expect(ledger.rows('SELECT * FROM z')).toEqual([[1n]])
  })

  test('I5: savepoints are repeated with the rest', () => {
    const recording = recorded(
      'SAVEPOINT s',
      "INSERT INTO t VALUES (3, 'no')",
      'ROLLBACK TO s',
      "INSERT INTO t VALUES (4, 'yes')",
      'RELEASE s',
      'INSERT INTO n DEFAULT VALUES',
    )
    expect(ledger.block([replay(recording)])).toMatchObject([{ kind: 'executed' }])
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n], [2n], [4n]])
  })

  test('a read-only one refuses writes and goes on', () => {
    const session = open({ isReadonly: true })
    expect(step(session, 'DELETE FROM t')).toMatchObject({ error: { code: 'SQLITE_READONLY' } })
    expect(step(session, 'SELECT count(*) FROM t')).toMatchObject({ result: { rows: [[2n]] } })
    expect(session.recording()).toBeUndefined()
    session.close()
  })

  test('ends where its gas, its answers or SQLite itself end it, and at its limit of statements', () => {
    const endless = open()
    expect(
      endless.step(statement('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n')),
    ).toMatchObject({ kind: 'closed', reply: { error: { code: 'OUT_OF_GAS' } } })
    endless.close()
    const rolled = open()
    expect(rolled.step(statement("INSERT OR ROLLBACK INTO t VALUES (5, 'one')"))).toMatchObject({
      kind: 'closed',
      reply: { error: { code: 'SQLITE_CONSTRAINT' } },
    })
    rolled.close()
    const long = open()
    for (let i = 0; i < SESSION_STATEMENTS_MAX; i += 1) long.step(statement('SELECT 1'))
    expect(long.step(statement('SELECT 1'))).toMatchObject({
      kind: 'closed',
      reply: { error: { code: 'TRANSACTION_TOO_LARGE' } },
    })
    long.close()
  })

  test('may have begun at most so long before its block, and not after it', () => {
    const recording = recorded('UPDATE t SET b = a')
    const begun = (timeMs: number): Uint8Array =>
      replay({ ...recording, replay: { ...recording.replay, timeMs: millis(timeMs) } })
    const now = TestLedger.timeMs(ledger.next)
    const codes = ledger.block([
      begun(now + 1),
      begun(now - RULES.replayMsMax - 1),
      begun(now),
      begun(now - RULES.replayMsMax),
    ])
    expect(codes.map((outcome) => (outcome.kind === 'refused' ? outcome.code : outcome.kind))).toEqual([
      'REPLAY_TIME',
      'REPLAY_TIME',
      'executed',
      'executed',
    ])
  })

  test('I2: any session repeated at once where nothing happened in between is no conflict', () => {
    const sql = fc.constantFrom(
      'INSERT INTO t(b) VALUES (random()) RETURNING a, b',
      'INSERT INTO n DEFAULT VALUES',
      'SELECT * FROM n',
      'SELECT changes(), last_insert_rowid()',
      'DELETE FROM t WHERE a = 2',
      "INSERT INTO t VALUES (1, 'dup')",
      'CREATE TABLE IF NOT EXISTS z(a)',
      'INSERT INTO z VALUES (randomblob(5))',
      'SAVEPOINT s',
      'ROLLBACK TO s',
      'RELEASE s',
      'SELEC',
      'DROP TABLE z',
      'INSERT INTO t(a, b) VALUES (9223372036854775807, 1)',
      'PRAGMA defer_foreign_keys = on',
      'PRAGMA user_version = 3',
      'ATTACH 1 AS x',
      'SELECT random()',
      'UPDATE t SET b = random()',
    )
    fc.assert(
      fc.property(fc.array(sql, { minLength: 1, maxLength: 12 }), fc.nat(200), (statements, seed) => {
        const session = open({ seed })
        for (const each of statements) session.step(statement(each))
        const recording = session.recording()
        session.close()
        if (recording !== undefined) expect(ledger.block([replay(recording)])[0]?.kind).toBe('executed')
      }),
      { numRuns: 60 },
    )
  })
})

describe('a reader', () => {
  function read(program: Program): ReturnType<Reader['read']> {
    const reader = new Reader(reading, ledger.source, { timeMs: TestLedger.timeMs(0), seed: seedAt(0) })
    try {
      return reader.read(program)
    } finally {
      reader.close()
    }
  }

  test('Q1: answers what reads, also within BEGIN and COMMIT, as the ledger would', () => {
    const program = executes(
      'BEGIN',
      'SELECT * FROM t',
      "SELECT datetime('now')",
      'COMMIT',
      'SELEC',
      'PRAGMA table_info(t)',
    )
    const answer = read(program)
    expect(answer).toMatchObject({ kind: 'read', outcome: { kind: 'executed' } })
    const replies = answer.kind === 'read' && answer.outcome.kind === 'executed' ? answer.outcome.replies : []
    expect(replies[1]).toEqual(ledger.replies(program)[1])
    expect(replies[2]).toMatchObject({ result: { rows: [['2026-01-02 03:04:05']] } })
    expect(replies[4]).toMatchObject({ kind: 'error' })
  })

  test.each([
    'INSERT INTO t VALUES (9, 9)',
    'CREATE TABLE z(a)',
    'PRAGMA user_version = 1',
    'ANALYZE',
    'SELECT 1; DELETE FROM t',
  ])('Q2: runs nothing of a program that writes: %s', (sql) => {
    expect(read(sequence(sql))).toEqual({ kind: 'writes' })
    if (!sql.includes(';')) expect(read(executes('SELECT 1', sql))).toEqual({ kind: 'writes' })
    expect(read({ requests: [{ kind: 'batch', steps: [{ statement: statement(sql.split('; ').at(-1)!) }] }] })).toEqual(
      { kind: 'writes' },
    )
  })

  test('Q2: describing a write is no write', () => {
    expect(read({ requests: [{ kind: 'describe', sql: 'DELETE FROM t' }] })).toMatchObject({ kind: 'read' })
  })

  test('Q3: keeps to its snapshot while the ledger goes on, many at once', () => {
    const readers = [0, 1, 2].map((i) => {
      ledger.rows('INSERT INTO n VALUES (?, 1)', BigInt(i))
      return new Reader(reading, ledger.source, { timeMs: 1, seed: seedAt(i) })
    })
    ledger.rows('DELETE FROM n')
    const counts = readers.map((reader) => reader.read(executes('SELECT count(*) FROM n')))
    expect(counts.map((answer) => answer.kind === 'read' && answer.outcome)).toMatchObject(
      [1n, 2n, 3n].map((count) => ({ replies: [{ result: { rows: [[count]] } }] })),
    )
    for (const reader of readers) reader.close()
  })

  test('Q4: stops at its gas and answers the next as if nothing had been', () => {
    const reader = new Reader(reading, ledger.source, { timeMs: 1, seed: seedAt(0) })
    const endless = executes('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n')
    expect(reader.read(endless)).toMatchObject({ outcome: { kind: 'failed', error: { code: 'OUT_OF_GAS' } } })
    reader.read(executes('PRAGMA foreign_keys = off'))
    expect(reader.read(executes('PRAGMA foreign_keys', 'SELECT count(*) FROM t'))).toMatchObject({
      outcome: { replies: [{ result: { rows: [[1n]] } }, { result: { rows: [[2n]] } }] },
    })
    reader.close()
  })
})
