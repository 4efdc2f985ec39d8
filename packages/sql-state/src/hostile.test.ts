// Statements made to stop every replica at once: whatever they do is an outcome, soon.

import type { Outcome } from '@quorate/types'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { LocalTrouble } from './failure.ts'
import { Reader } from './reader.ts'
import { RULES } from './rules.ts'
import { Session } from './session.ts'
import { executes, seedAt, statement, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engine: Engine
let other: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
  other = await loadEngine()
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

describe('work that is hidden within steps', () => {
  const RUNAWAY = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)'
  const bombs = [
    ['a search that compares for ever', "SELECT instr(zeroblob(4000000), zeroblob(2000000) || x'01')"],
    ['values that grow in a loop', `INSERT INTO t(b) ${RUNAWAY} SELECT length(zeroblob(4000000 + i % 2) || i) FROM n`],
    [
      'one that fails to be inserted',
      "INSERT INTO t(b) SELECT replace(hex(zeroblob(1000000)), hex(zeroblob(200000)) || '1', 0)",
    ],
  ] as const

  test.each(bombs)('H4: %s ends as out of gas, everywhere, and harms nothing', (_, sql) => {
    const schema = ['CREATE TABLE t(a INTEGER PRIMARY KEY, b)', 'CREATE VIRTUAL TABLE f USING fts5(x)']
    const replicas = [new TestLedger(engine), new TestLedger(other, { cacheKib: 64 })].map((each) =>
      each.found(...schema),
    )
    const block = [
      executes("INSERT INTO f VALUES ('before')"),
      executes("INSERT INTO f VALUES ('lost')", sql),
      executes("INSERT INTO f VALUES ('after')"),
    ].map((program) => transaction(program))
    const [outcomes, same] = replicas.map((replica) => replica.block(block))
    expect(same).toEqual(outcomes)
    expect(replicas[0]!.root).toBe(replicas[1]!.root)
    expect(outcomes).toMatchObject([
      { kind: 'executed' },
      { kind: 'failed', error: { code: 'OUT_OF_GAS' }, gas: RULES.transactionGasMax },
      { kind: 'executed' },
    ])
    expect(replicas[0]!.rows('SELECT x FROM f')).toEqual([['before'], ['after']])
    expect(replicas[0]!.rows('PRAGMA integrity_check')).toEqual([['ok']])
  })

  test('H4: a view of a million SELECTs ends before it has begun', () => {
    const views = Array.from({ length: 20 }, (_, i) => {
      const source = i === 0 ? 't' : `v${i}`
      return `CREATE VIEW v${i + 1} AS SELECT * FROM ${source} UNION ALL SELECT * FROM ${source} WHERE a IN (SELECT a FROM ${source})`
    })
    ledger.replies(executes(...views))
    const [outcome] = ledger.run(executes('SELECT count(*) FROM v20'))
    expect(gasOf(outcome)).toBeGreaterThan(0)
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[0n]])
  })

  test('H5: a block without fuel refuses the rest, which may come again', () => {
    // Each takes much fuel and little gas, and succeeds.
    const heavy = executes("SELECT instr(zeroblob(4000000), zeroblob(90) || x'01')")
    const last = transaction(executes('INSERT INTO t VALUES (1, 1)'), { id: 'late' })
    const outcomes = ledger.block([...Array.from({ length: 8 }, () => transaction(heavy)), last])
    expect(outcomes[0]).toMatchObject({ kind: 'executed' })
    expect(outcomes.at(-1)).toMatchObject({ kind: 'refused', code: 'BLOCK_FULL' })
    expect(ledger.block([last])).toMatchObject([{ kind: 'executed' }])
  })

  test('H6: a reader and a session end likewise, and say that the engine is lost', () => {
    const reading = new TestLedger(other).found('CREATE TABLE t(a)')
    const context = { timeMs: 5, seed: seedAt(5) }
    const reader = new Reader(other, reading.source, context)
    const rows = executes(`${RUNAWAY} SELECT max(length(zeroblob(4000000 + i % 2) || i)) FROM n`)
    // Between two rows there is a look at what is left, and nothing is lost.
    expect(reader.read(rows)).toMatchObject({ outcome: { kind: 'failed', error: { code: 'OUT_OF_GAS' } } })
    expect(reader.read(executes('SELECT 1'))).toMatchObject({ outcome: { kind: 'executed' } })
    expect(() => reader.read(executes(bombs[0][1]))).toThrow(LocalTrouble)
    other.renew()
    const session = new Session(other, reading.source, { ...context, isReadonly: false })
    expect(() => session.step(statement(bombs[0][1]))).toThrow(LocalTrouble)
    other.renew()
  })
})

test('H3: the hundredth transaction of a block costs what the first did', () => {
  const outcomes = ledger.run(...Array.from({ length: 1100 }, () => executes('SELECT 1')))
  expect(new Set(outcomes.map(gasOf)).size).toBe(1)
})
