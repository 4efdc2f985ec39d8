// What a client's program means: each test runs programs as blocks on an engine and looks at replies and at the state
// after.

import type { Program } from '@quorate/types'
import { contentHash, encodeProgram, encodeTransaction, hashOf, height, millis } from '@quorate/types'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { executeBlock, GenesisSqlError } from './executor.ts'
import { NO_PAGES } from './pages.ts'
import { RULES } from './rules.ts'
import {
  chain,
  executes,
  GENESIS_MS,
  LEDGER,
  seedAt,
  sequence,
  statement,
  TestLedger,
  transaction,
} from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engine: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
})

beforeEach(() => {
  ledger = new TestLedger(engine).found('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)', 'CREATE TABLE u(x UNIQUE)')
})

function kinds(program: Program): readonly string[] {
  return ledger
    .replies(program)
    .flatMap((reply) => (reply.kind === 'batch' ? reply.steps.map((step) => step.kind) : [reply.kind]))
}

describe('statements', () => {
  test('give columns with declared types, rows, counts and the last rowid', () => {
    const [insert, select] = ledger.replies(
      executes(statement('INSERT INTO t(b) VALUES (?), (?)', 'x', 'y'), 'SELECT a, b, a + 1 AS c FROM t'),
    )
    expect(insert).toEqual({ kind: 'result', result: { columns: [], rows: [], affectedRows: 2, lastInsertRowid: 2n } })
    expect(select).toMatchObject({
      result: {
        columns: [{ name: 'a', decltype: 'INTEGER' }, { name: 'b', decltype: 'TEXT' }, { name: 'c' }],
        rows: [
          [1n, 'x', 2n],
          [2n, 'y', 3n],
        ],
        affectedRows: 0,
        lastInsertRowid: 2n,
      },
    })
  })

  test('carry every type of value there and back', () => {
    const values = [
      null,
      9_223_372_036_854_775_807n,
      -1.5e300,
      'tüx\u{1f600}',
      Uint8Array.of(0, 1, 255),
      '',
      new Uint8Array(0),
    ]
    expect(ledger.rows('SELECT ?, ?, ?, ?, ?, ?, ?', ...values)).toEqual([values])
    expect(ledger.rows("SELECT 9e999, -9e999, 0.1 + 0.2, CAST(x'ff41' AS TEXT)")).toEqual([
      [Infinity, -Infinity, 0.1 + 0.2, '\ufffdA'],
    ])
  })

  test('bind positions and names, with and without prefix', () => {
    const named = {
      sql: 'SELECT :a, @b, $c, ?1',
      args: [],
      namedArgs: [
        { name: 'b', value: 2n },
        { name: ':a', value: 1n },
        { name: 'c', value: 3n },
      ],
      wantRows: true,
    }
    expect(ledger.replies(executes(named))[0]).toMatchObject({ result: { rows: [[1n, 2n, 3n, 1n]] } })
    expect(ledger.rows('SELECT ?2, ?, ?3', 'a', 'b', 'c')).toEqual([['b', 'c', 'c']])
    expect(ledger.error('SELECT ?', 1n, 2n)).toMatchObject({ code: 'ARGS_INVALID' })
    const unknown = { ...named, namedArgs: [{ name: 'z', value: 1n }] }
    expect(ledger.replies(executes(unknown))[0]).toMatchObject({ error: { code: 'ARGS_INVALID' } })
  })

  test('fail with the primary code and the message of SQLite, and the offset where there is one', () => {
    ledger.rows('INSERT INTO u VALUES (1)')
    expect(ledger.error('INSERT INTO u VALUES (1)')).toEqual({
      code: 'SQLITE_CONSTRAINT',
      message: 'UNIQUE constraint failed: u.x',
    })
    expect(ledger.error('SELECT absent FROM t')).toEqual({
      code: 'SQLITE_ERROR',
      message: 'no such column: absent',
      offset: 7,
    })
    expect(ledger.error('SELEC 1')).toEqual({ code: 'SQLITE_ERROR', message: 'near "SELEC": syntax error', offset: 0 })
    expect(ledger.error("INSERT INTO t VALUES ('x', 1)")).toEqual({
      code: 'SQLITE_MISMATCH',
      message: 'datatype mismatch',
    })
    expect(ledger.error('')).toMatchObject({ code: 'SQL_NO_STATEMENT' })
    expect(ledger.error('-- nothing')).toMatchObject({ code: 'SQL_NO_STATEMENT' })
    expect(ledger.error('SELECT 1; SELECT 2')).toMatchObject({ code: 'SQL_MANY_STATEMENTS' })
    expect(ledger.error('SELECT 1; SELEC')).toMatchObject({ code: 'SQLITE_ERROR' })
    expect(ledger.rows('SELECT 1; -- and a comment')).toEqual([[1n]])
  })

  test('give an offset within the whole of a sequence', () => {
    const sql = "SELECT 1; SELECT 'ü'; SELECT absent"
    expect(ledger.replies(sequence(sql))[0]).toMatchObject({
      kind: 'error',
      error: { offset: new TextEncoder().encode(sql).length - 'absent'.length },
    })
  })

  test('are described without being run', () => {
    const [description] = ledger.replies({
      requests: [{ kind: 'describe', sql: 'INSERT INTO t VALUES (:a, ?) RETURNING a' }],
    })
    expect(description).toEqual({
      kind: 'description',
      description: {
        parameters: [{ name: ':a' }, {}],
        columns: [{ name: 'a', decltype: 'INTEGER' }],
        isExplain: false,
        isReadonly: false,
      },
    })
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[0n]])
  })

  test('E6: see nothing of the transactions before: changes(), last_insert_rowid()', () => {
    ledger.run(executes('INSERT INTO t(b) VALUES (1), (2), (3)'))
    const probe = executes('SELECT changes(), last_insert_rowid()')
    const outcomes = ledger.run(executes('INSERT INTO t(b) VALUES (4), (5)'), probe, executes('SELEC'), probe)
    for (const at of [1, 3]) expect(outcomes[at]).toMatchObject({ replies: [{ result: { rows: [[0n, 0n]] } }] })
  })
})

describe('transactions of a client', () => {
  test('BEGIN to COMMIT stands, BEGIN to ROLLBACK does not, an open end is rolled back', () => {
    ledger.run(executes('BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1, 1)', 'COMMIT'))
    ledger.run(executes('BEGIN', 'INSERT INTO t VALUES (2, 2)', 'ROLLBACK'))
    ledger.run(executes('BEGIN', 'INSERT INTO t VALUES (3, 3)'))
    ledger.run(
      executes('BEGIN', 'INSERT INTO t VALUES (4, 4)', 'END TRANSACTION', 'BEGIN', 'INSERT INTO t VALUES (5, 5)'),
    )
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n], [4n]])
  })

  test('say what SQLite says to COMMIT and ROLLBACK outside, and to BEGIN inside', () => {
    const messages = ledger
      .replies(executes('COMMIT', 'ROLLBACK', 'BEGIN', 'BEGIN'))
      .map((r) => (r.kind === 'error' ? r.error.message : r.kind))
    expect(messages).toEqual([
      'cannot commit - no transaction is active',
      'cannot rollback - no transaction is active',
      'result',
      'cannot start a transaction within a transaction',
    ])
  })

  test('EXPLAIN COMMIT commits nothing', () => {
    ledger.run(
      executes(
        'BEGIN',
        'INSERT INTO t VALUES (1, 1)',
        'EXPLAIN COMMIT',
        'EXPLAIN PRAGMA foreign_keys = off',
        'ROLLBACK',
      ),
    )
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[0n]])
  })

  test('a statement that fails undoes itself, the rest goes on', () => {
    expect(
      kinds(executes('INSERT INTO u VALUES (1)', 'INSERT INTO u VALUES (2), (1)', 'INSERT INTO u VALUES (3)')),
    ).toEqual(['result', 'error', 'result'])
    expect(ledger.rows('SELECT x FROM u')).toEqual([[1n], [3n]])
    expect(kinds(executes('BEGIN', 'INSERT INTO u VALUES (4)', 'INSERT INTO u VALUES (5), (4)', 'COMMIT'))).toEqual([
      'result',
      'result',
      'error',
      'result',
    ])
    expect(ledger.rows('SELECT x FROM u')).toEqual([[1n], [3n], [4n]])
  })

  test('E4: ON CONFLICT ROLLBACK and RAISE(ROLLBACK) undo their transaction of the ledger and no other', () => {
    const [before, culprit, after] = ledger.run(
      executes('INSERT INTO u VALUES (1)'),
      executes('INSERT INTO u VALUES (2)', 'INSERT OR ROLLBACK INTO u VALUES (1)', 'INSERT INTO u VALUES (3)'),
      executes('INSERT INTO u VALUES (4)'),
    )
    expect([before?.kind, after?.kind]).toEqual(['executed', 'executed'])
    expect(culprit).toMatchObject({
      kind: 'failed',
      error: { code: 'SQLITE_CONSTRAINT', message: 'UNIQUE constraint failed: u.x' },
    })
    expect(ledger.rows('SELECT x FROM u')).toEqual([[1n], [4n]])
    ledger.rows("CREATE TRIGGER no BEFORE DELETE ON u BEGIN SELECT RAISE(ROLLBACK, 'never'); END")
    expect(ledger.error('DELETE FROM u')).toEqual({ code: 'SQLITE_CONSTRAINT', message: 'never' })
    expect(ledger.rows('SELECT count(*) FROM u')).toEqual([[2n]])
  })

  test('BEGIN TRANSACTION READONLY refuses writes', () => {
    const replies = ledger.replies(
      executes(
        'BEGIN TRANSACTION READONLY',
        'SELECT 1',
        'INSERT INTO t VALUES (1, 1)',
        'COMMIT',
        'INSERT INTO t VALUES (2, 2)',
      ),
    )
    expect(replies.map((reply) => reply.kind)).toEqual(['result', 'result', 'error', 'result', 'result'])
    expect(replies[2]).toMatchObject({ error: { code: 'SQLITE_READONLY' } })
    expect(ledger.rows('SELECT a FROM t')).toEqual([[2n]])
    expect(
      ledger.replies(sequence('/* c */ begin transaction readonly; INSERT INTO t VALUES (3, 3)'))[0],
    ).toMatchObject({ error: { code: 'SQLITE_READONLY' } })
  })

  test('savepoints nest, roll back and release; an outermost one is a transaction', () => {
    ledger.run(
      executes(
        'SAVEPOINT a',
        'INSERT INTO t VALUES (1, 1)',
        'SAVEPOINT "B"',
        'INSERT INTO t VALUES (2, 2)',
        'ROLLBACK TO b',
        'RELEASE b',
        'RELEASE A',
      ),
    )
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n]])
    ledger.run(executes('SAVEPOINT a', 'INSERT INTO t VALUES (3, 3)'))
    ledger.run(executes('BEGIN', 'SAVEPOINT a', 'INSERT INTO t VALUES (4, 4)', 'RELEASE a', 'ROLLBACK'))
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n]])
    expect(ledger.error('RELEASE absent')).toMatchObject({ message: 'no such savepoint: absent' })
    const states = ledger.replies({
      requests: [
        ...executes('SAVEPOINT a').requests,
        { kind: 'autocommit' },
        ...executes('RELEASE a').requests,
        { kind: 'autocommit' },
      ],
    })
    expect(states.filter((reply) => reply.kind === 'autocommit').map((reply) => reply.autocommit)).toEqual([
      false,
      true,
    ])
  })

  test('DDL rolls back with its statements', () => {
    ledger.run(
      executes(
        'BEGIN',
        'CREATE TABLE w(a)',
        'INSERT INTO w VALUES (1)',
        'SELECT * FROM w',
        'ROLLBACK',
        'CREATE TABLE w(b, c)',
        'INSERT INTO w VALUES (1, 2)',
      ),
    )
    expect(ledger.rows('SELECT * FROM w')).toEqual([[1n, 2n]])
  })

  test("conditions of a batch, as libSQL's clients use them", () => {
    const program = chain(
      'BEGIN',
      'INSERT INTO u VALUES (1)',
      'INSERT INTO u VALUES (1)',
      'INSERT INTO u VALUES (2)',
      'COMMIT',
    )
    const [batch] = program.requests
    if (batch?.kind !== 'batch') throw new Error('a batch')
    const rollback = {
      condition: { kind: 'not', condition: { kind: 'ok', step: 4 } } as const,
      statement: statement('ROLLBACK'),
    }
    expect(kinds({ requests: [{ kind: 'batch', steps: [...batch.steps, rollback] }] })).toEqual([
      'result',
      'result',
      'error',
      'skipped',
      'skipped',
      'result',
    ])
    expect(ledger.rows('SELECT count(*) FROM u')).toEqual([[0n]])
  })

  test('a skipped step is neither ok nor error; and, or, autocommit', () => {
    const ok = { kind: 'ok', step: 0 } as const
    const error = { kind: 'error', step: 0 } as const
    const conditions = [
      ok,
      error,
      {
        kind: 'or',
        conditions: [
          { kind: 'ok', step: 2 },
          { kind: 'error', step: 2 },
        ],
      },
      { kind: 'and', conditions: [ok, { kind: 'not', condition: error }] },
      { kind: 'autocommit' },
      { kind: 'and', conditions: [] },
      { kind: 'or', conditions: [] },
    ] as const
    const steps = [
      { statement: statement('SELECT 1') },
      ...conditions.map((condition) => ({ condition, statement: statement('SELECT 2') })),
    ]
    expect(kinds({ requests: [{ kind: 'batch', steps }] })).toEqual([
      'result',
      'result',
      'skipped',
      'skipped',
      'result',
      'result',
      'result',
      'skipped',
    ])
  })
})

describe('foreign keys', () => {
  beforeEach(() => {
    ledger.run(
      sequence(
        'CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED);' +
          'CREATE TABLE d(p REFERENCES p(id)); INSERT INTO p VALUES (1)',
      ),
    )
  })

  const FAILED = { code: 'SQLITE_CONSTRAINT', message: 'FOREIGN KEY constraint failed' }

  test('immediate ones fail the statement, deferred ones the commit', () => {
    expect(ledger.error('INSERT INTO d VALUES (9)')).toEqual(FAILED)
    expect(ledger.error('INSERT INTO c VALUES (9)')).toEqual(FAILED)
    expect(kinds(executes('BEGIN', 'INSERT INTO c VALUES (2)', 'INSERT INTO p VALUES (2)', 'COMMIT'))).not.toContain(
      'error',
    )
    const late = ledger.replies(executes('BEGIN', 'INSERT INTO c VALUES (3)', 'COMMIT', 'ROLLBACK'))
    expect(late[2]).toMatchObject({ error: FAILED })
    const sequential = ledger.replies(
      executes('INSERT INTO p VALUES (5)', 'INSERT INTO c VALUES (9)', 'INSERT INTO p VALUES (6)'),
    )
    expect(sequential[1]).toMatchObject({ error: FAILED })
    expect(ledger.rows('SELECT id FROM p')).toEqual([[1n], [2n], [5n], [6n]])
    expect(ledger.rows('SELECT * FROM c')).toEqual([[2n]])
  })

  test('defer_foreign_keys holds for one transaction', () => {
    expect(
      kinds(
        executes(
          'BEGIN',
          'PRAGMA defer_foreign_keys = on',
          'INSERT INTO d VALUES (7)',
          'INSERT INTO p VALUES (7)',
          'COMMIT',
        ),
      ),
    ).not.toContain('error')
    const replies = ledger.replies(
      executes(
        'BEGIN',
        'PRAGMA defer_foreign_keys = on',
        'COMMIT',
        'BEGIN',
        'INSERT INTO d VALUES (8)',
        'INSERT INTO p VALUES (8)',
        'COMMIT',
      ),
    )
    expect(replies[4]).toMatchObject({ error: FAILED })
    const [, second] = ledger.run(
      executes('PRAGMA defer_foreign_keys = on'),
      executes('BEGIN', 'INSERT INTO d VALUES (9)', 'ROLLBACK'),
    )
    expect(second).toMatchObject({ replies: [{}, { error: FAILED }, {}] })
  })

  test('PRAGMA foreign_keys works around a transaction, as migrate() needs it, and ends with the program', () => {
    const program = chain(
      'PRAGMA foreign_keys=off',
      'BEGIN DEFERRED',
      'INSERT INTO d VALUES (42)',
      'PRAGMA foreign_keys=on',
      'INSERT INTO d VALUES (43)',
      'COMMIT',
      'PRAGMA foreign_keys=on',
    )
    expect(kinds(program)).not.toContain('error')
    expect(ledger.rows('PRAGMA foreign_key_check')).toHaveLength(2)
    expect(ledger.error('INSERT INTO d VALUES (44)')).toEqual(FAILED)
    const [, after] = ledger.run(executes('PRAGMA foreign_keys=off'), executes('INSERT INTO d VALUES (45)'))
    expect(after).toMatchObject({ replies: [{ error: FAILED }] })
    expect(ledger.rows('PRAGMA foreign_keys')).toEqual([[1n]])
  })
})

describe('exactly once', () => {
  const insert = executes('INSERT INTO t(b) VALUES (1)')
  const expiresMs = millis(GENESIS_MS + 60_000)

  test('E7: the same id and program again is a duplicate of the first, in the same block and later', () => {
    const bytes = transaction(insert, { id: 'twice', expiresMs })
    const again = transaction(insert, { id: 'twice', expiresMs: millis(expiresMs + 1) })
    expect(ledger.block([bytes, again]).map((outcome) => outcome.kind)).toEqual(['executed', 'duplicate'])
    expect(ledger.block([again])).toEqual([{ kind: 'duplicate', height: 1, position: 0 }])
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[1n]])
  })

  test('E7: what failed or conflicted is remembered too', () => {
    const runaway = transaction(
      executes('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'),
      { id: 'gas', expiresMs },
    )
    const late = transaction(executes({ ...statement('SELECT 1'), expect: seedAt(0) }), { id: 'conflict', expiresMs })
    expect(ledger.block([runaway, late, runaway, late]).map(({ kind }) => kind)).toEqual([
      'failed',
      'conflict',
      'duplicate',
      'duplicate',
    ])
  })

  test('another program under a used id, an expired one, one that asks to be remembered too long', () => {
    ledger.block([transaction(insert, { id: 'taken', expiresMs })])
    const block = [
      transaction(executes('DELETE FROM t'), { id: 'taken', expiresMs }),
      transaction(insert, { expiresMs: millis(TestLedger.timeMs(2) - 1) }),
      transaction(insert, { expiresMs: millis(TestLedger.timeMs(2)) }),
      transaction(insert, { expiresMs: millis(TestLedger.timeMs(2) + RULES.rememberMsMax) }),
      transaction(insert, { expiresMs: millis(TestLedger.timeMs(2) + RULES.rememberMsMax + 1) }),
      Uint8Array.of(1, 2, 3),
    ]
    const codes = ledger.block(block).map((outcome) => (outcome.kind === 'refused' ? outcome.code : outcome.kind))
    expect(codes).toEqual(['ID_REUSED', 'EXPIRED', 'executed', 'executed', 'EXPIRES_TOO_FAR', 'MALFORMED'])
  })

  test('ids are forgotten when they have expired', () => {
    ledger.block([transaction(insert, { id: 'old', expiresMs })])
    expect(ledger.rows("SELECT count(*) FROM _quorate_outcomes WHERE id = 'old'")).toEqual([[1n]])
    ledger.block([], expiresMs)
    ledger.block([transaction(executes('SELECT 1'))], expiresMs + 1)
    const [outcome] = ledger.block(
      [transaction(executes("SELECT count(*) FROM _quorate_outcomes WHERE id = 'old'"))],
      expiresMs + 2,
    )
    expect(outcome).toMatchObject({ replies: [{ result: { rows: [[0n]] } }] })
  })

  test('the digest of a program is taken from the received bytes as contentHash takes it', () => {
    for (const id of ['a', 'x'.repeat(127), 'x'.repeat(128)]) {
      for (const replay of [undefined, { timeMs: millis(TestLedger.timeMs(ledger.next)), seed: seedAt(3) }]) {
        const whole = {
          id: replay === undefined ? id : id.replace(/^./, 'r'),
          expiresMs,
          program: insert,
          ...(replay === undefined ? {} : { replay }),
        }
        const bytes = encodeTransaction(whole)
        ledger.block([bytes])
        const [[digest] = []] = ledger.rows('SELECT program FROM _quorate_outcomes WHERE id = ?', whole.id)
        expect(Buffer.from(digest as Uint8Array).toString('hex')).toBe(contentHash(whole, bytes))
        expect(contentHash(whole, bytes)).toBe(hashOf('program', encodeProgram(insert)))
      }
    }
  })
})

test('genesis: the ledger tables, the founders, their SQL; what fails there founds nothing', () => {
  expect(ledger.rows('SELECT height, time_ms FROM _quorate_head')).toEqual([[1n, BigInt(TestLedger.timeMs(1))]])
  expect(ledger.rows('SELECT id, name FROM _quorate_members')).toEqual([['aa', 'one']])
  const context = { height: height(0), timeMs: 1, seed: seedAt(0) }
  const wrong = {
    kind: 'genesis',
    ledger: LEDGER,
    members: [],
    sql: ['CREATE TABLE a(b)', 'CREATE TABLE a(b)'],
  } as const
  expect(() => executeBlock(engine, NO_PAGES, context, wrong)).toThrow(GenesisSqlError)
})
