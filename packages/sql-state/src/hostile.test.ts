// Statements made to stop every replica at once: whatever they do is an outcome, soon.

import type { Outcome } from '@quorate/types'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { executes, TestLedger } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engine: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
})

beforeEach(() => {
  ledger = new TestLedger(engine).found(
    'CREATE TABLE t(a INTEGER PRIMARY KEY, b)',
    'CREATE TABLE p(id INTEGER PRIMARY KEY)',
    'CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED, u UNIQUE)',
  )
})

function gasOf(outcome: Outcome | undefined): number {
  return outcome?.kind === 'executed' || outcome?.kind === 'failed' ? outcome.gas : -1
}

describe('names and texts', () => {
  test('H1: a name of many characters is a name like any other', () => {
    const name = 'n'.repeat(900_000)
    expect(ledger.error(`CREATE TABLE "${name}"(x)`)).toMatchObject({ code: 'SQLITE_TOOBIG' })
    expect(ledger.error(`SELECT [${name}] FROM t`)).toMatchObject({ code: 'SQLITE_ERROR' })
    expect(ledger.error(`PRAGMA "${name}"`)).toMatchObject({ code: 'SQLITE_AUTH' })
    const replies = ledger.replies(executes(`SAVEPOINT "${name}"`, 'INSERT INTO t VALUES (1, 1)', `RELEASE "${name}"`))
    expect(replies.map(({ kind }) => kind)).toEqual(['result', 'result', 'result'])
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n]])
  })

  test('H1: comments that are opened again and again, and never closed', () => {
    const comments = '/* '.repeat(300_000)
    expect(
      ledger.replies(executes(`BEGIN ${comments}`, 'INSERT INTO t VALUES (1, 1)', `COMMIT ${comments}`)),
    ).toMatchObject([{ kind: 'result' }, { kind: 'result' }, { kind: 'result' }])
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n]])
    const hidden = executes('BEGIN /* READONLY */ -- READONLY', 'INSERT INTO t VALUES (2, 2)', 'COMMIT')
    expect(ledger.replies(hidden).map(({ kind }) => kind)).toEqual(['result', 'result', 'result'])
  })

  test('H1: thousands of named arguments', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `p${i}`)
    const words = {
      sql: `SELECT max(a) FROM (SELECT 1 AS a WHERE 1 IN (${names.map((name) => `:${name}`).join()}))`,
      args: [],
      namedArgs: names.map((name) => ({ name, value: 1n })),
      wantRows: true,
    }
    expect(ledger.replies(executes(words))).toMatchObject([{ result: { rows: [[1n]] } }])
  })
})

describe('what only the ledger’s COMMIT would find', () => {
  const FAILED = { code: 'SQLITE_CONSTRAINT', message: 'FOREIGN KEY constraint failed' }
  const OR_FAIL = 'INSERT OR FAIL INTO c VALUES (9, 1), (10, 1)'

  test('H2: INSERT OR FAIL that owes a foreign key, alone and among others', () => {
    expect(ledger.run(executes(OR_FAIL), executes('INSERT INTO t VALUES (1, 1)'))).toMatchObject([
      { kind: 'failed', error: FAILED },
      { kind: 'executed' },
    ])
    expect(ledger.replies(executes(OR_FAIL, 'INSERT INTO t VALUES (2, 2)'))).toMatchObject([
      { error: FAILED },
      { kind: 'result' },
    ])
    expect(ledger.replies(executes('BEGIN', OR_FAIL, 'COMMIT'))).toMatchObject([
      {},
      { kind: 'error' },
      { error: FAILED },
    ])
    expect(ledger.rows('SELECT * FROM c')).toEqual([])
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n], [2n]])
  })

  test('H2: INSERT OR FAIL that owes nothing keeps what it did before it failed', () => {
    ledger.run(
      executes('INSERT OR FAIL INTO c VALUES (NULL, 1), (NULL, 1)'),
      executes('SELECT 1', 'INSERT OR FAIL INTO c VALUES (NULL, 2), (NULL, 2)'),
    )
    expect(ledger.rows('SELECT u FROM c')).toEqual([[1n], [2n]])
  })

  test('H2: keys switched off, then on; deferred by description; deferred and left open', () => {
    for (const program of [
      executes('PRAGMA foreign_keys = off', 'INSERT INTO c VALUES (9, 9)', 'PRAGMA foreign_keys = on', 'DELETE FROM c'),
      {
        requests: [
          { kind: 'describe', sql: 'PRAGMA defer_foreign_keys = on' } as const,
          ...executes('INSERT INTO c VALUES (9, 9)').requests,
        ],
      },
      executes('EXPLAIN PRAGMA defer_foreign_keys = on', 'INSERT INTO c VALUES (9, 9)'),
      executes('BEGIN', 'PRAGMA defer_foreign_keys = on', 'INSERT INTO c VALUES (9, 9)'),
      executes('SAVEPOINT s', 'INSERT INTO c VALUES (9, 9)', 'RELEASE s'),
    ]) {
      expect(ledger.run(program)).toMatchObject([{ kind: 'executed' }])
      expect(ledger.rows('SELECT * FROM c')).toEqual([])
    }
  })
})

test('H3: the hundredth transaction of a block costs what the first did', () => {
  const outcomes = ledger.run(...Array.from({ length: 1100 }, () => executes('SELECT 1')))
  expect(new Set(outcomes.map(gasOf)).size).toBe(1)
})
