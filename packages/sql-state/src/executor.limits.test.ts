// What happens at each bound: gas, memory, sizes. Every one is an outcome, the same on every replica, and harms nothing
// else.

import type { Outcome } from '@quorate/types'
import { OUTCOME_LIMITS } from '@quorate/types'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { executeBlock } from './executor.ts'
import { RULES } from './rules.ts'
import { executes, seedAt, sequence, statement, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)'

let engine: Engine
let other: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
  other = await loadEngine()
})

beforeEach(() => {
  ledger = new TestLedger(engine).found('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
})

function gasOf(outcome: Outcome | undefined): number {
  return outcome?.kind === 'executed' || outcome?.kind === 'failed' ? outcome.gas : -1
}

describe('gas', () => {
  const runaways = [
    ['a recursive query', `${ENDLESS} SELECT count(*) FROM n`],
    ['a recursive INSERT', `INSERT INTO t(b) ${ENDLESS} SELECT i FROM n`],
    [
      'a cross join',
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT count(*) FROM n a, n b, n c`,
    ],
    [
      'an UPDATE by cross join',
      `UPDATE t SET b = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT count(*) FROM n a, n b)`,
    ],
    ['a query that sorts', `${ENDLESS} SELECT i FROM n ORDER BY i % 7`],
  ] as const

  test.each(runaways)('G1: %s stops at the same step everywhere and leaves nothing', (_, sql) => {
    const insert = executes('INSERT INTO t(a, b) VALUES (1, 1)')
    const block = [
      insert,
      executes('INSERT INTO t(a, b) VALUES (2, 2)', sql),
      executes('INSERT INTO t(a, b) VALUES (3, 3)'),
    ].map((p) => transaction(p))
    // The other replica has a smaller cache, and an engine that did something else before.
    const replica = new TestLedger(other, { cacheKib: 64 }).found('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
    const outcomes = ledger.block(block)
    expect(replica.block(block)).toEqual(outcomes)
    expect(replica.root).toBe(ledger.root)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['executed', 'failed', 'executed'])
    expect(outcomes[1]).toMatchObject({ error: { code: 'OUT_OF_GAS' } })
    expect(gasOf(outcomes[1])).toBeGreaterThan(RULES.transactionGasMax)
    expect(gasOf(outcomes[1])).toBeLessThanOrEqual(RULES.transactionGasMax + 2 * RULES.gasStep)
    expect(ledger.rows('SELECT a FROM t')).toEqual([[1n], [3n]])
    expect(ledger.rows('PRAGMA integrity_check')).toEqual([['ok']])
  })

  test('G2: counts what small statements cost: their number and their text', () => {
    const one = ledger.run(sequence('SELECT 1;'))
    const ten = ledger.run(sequence('SELECT 1;'.repeat(10)))
    expect(gasOf(ten[0])).toBeGreaterThan(10 * RULES.statementGas)
    expect(gasOf(ten[0]) - gasOf(one[0])).toBeGreaterThanOrEqual(9 * (RULES.statementGas + 9 * RULES.characterGas))
    const many = ledger.run(sequence('SELECT 1;'.repeat(250_000)))
    expect(many[0]).toMatchObject({ kind: 'failed', error: { code: 'OUT_OF_GAS' } })
  })

  test('G2: is the same for a statement that is cached and one that is not', () => {
    const select = statement('SELECT count(*) FROM t WHERE b > ?', 1n)
    const [twice, once] = ledger.run(executes(select, select), executes(select))
    expect(gasOf(twice)).toBe(2 * gasOf(once))
  })

  test('G3: a block without gas refuses the rest, which may come again', () => {
    const burn = executes(`${ENDLESS} SELECT count(*) FROM n`)
    const count = Math.ceil(RULES.blockGasMax / RULES.transactionGasMax)
    const last = transaction(executes('INSERT INTO t VALUES (1, 1)'), { id: 'late' })
    const outcomes = ledger.block([...Array.from({ length: count }, () => transaction(burn)), last])
    expect(outcomes.slice(0, -1).every(({ kind }) => kind === 'failed')).toBe(true)
    expect(outcomes.at(-1)).toMatchObject({ kind: 'refused', code: 'BLOCK_FULL' })
    expect(ledger.block([last])).toMatchObject([{ kind: 'executed' }])
  })
})

describe('sizes', () => {
  test('L1: a value may have as many bytes as the limit, and no more', () => {
    // The limit holds for the whole row too, which has a few bytes of its own.
    const most = RULES.valueBytesMax - 100
    expect(ledger.rows('INSERT INTO t VALUES (1, zeroblob(?)) RETURNING length(b)', BigInt(most))).toEqual([
      [BigInt(most)],
    ])
    expect(ledger.error('INSERT INTO t VALUES (2, zeroblob(?))', BigInt(RULES.valueBytesMax))).toMatchObject({
      code: 'SQLITE_TOOBIG',
    })
    expect(ledger.error('SELECT zeroblob(?)', BigInt(RULES.valueBytesMax + 1))).toMatchObject({ code: 'SQLITE_TOOBIG' })
    const blob = new Uint8Array(3_000_000).map((_, i) => i % 251)
    expect(ledger.rows('INSERT INTO t VALUES (3, ?) RETURNING length(b), hex(substr(b, 252, 2))', blob)).toEqual([
      [3_000_000n, '0001'],
    ])
    expect(ledger.rows('SELECT b FROM t WHERE a = 3')).toEqual([[blob]])
  })

  test('L2: replies may weigh as much as the limit', () => {
    const tooLarge = { kind: 'failed', error: { code: 'RESPONSE_TOO_LARGE' } }
    const half = BigInt(RULES.resultBytesMax / 2 - 200)
    expect(
      ledger.run(executes(statement('SELECT zeroblob(?)', half), statement('SELECT zeroblob(?)', half))),
    ).toMatchObject([{ kind: 'executed' }])
    const more = statement('SELECT zeroblob(?)', half + 300n)
    expect(ledger.run(executes('INSERT INTO t VALUES (1, 1)', more, more))).toMatchObject([tooLarge])
    expect(ledger.run(executes({ ...more, wantRows: false }, { ...more, wantRows: false }, more))).toMatchObject([
      { kind: 'executed' },
    ])
    expect(ledger.rows('SELECT count(*) FROM t')).toEqual([[0n]])
    expect(ledger.run(executes(`${ENDLESS} SELECT i FROM n LIMIT 500000`))).toMatchObject([tooLarge])
  })

  test('L2: columns, descriptions and errors weigh too: no outcome is beyond what can be decoded', () => {
    ledger.replies(
      executes(
        `CREATE TABLE wide(${Array.from({ length: 300 }, (_, i) => `${'c'.repeat(60)}${i} INTEGER`).join(',')})`,
      ),
    )
    const wide = 'SELECT * FROM wide'
    const attempts = [
      Array.from({ length: 400 }, () => ({ kind: 'execute', statement: statement(wide) }) as const),
      Array.from({ length: 400 }, () => ({ kind: 'describe', sql: wide }) as const),
      Array.from(
        { length: 400 },
        (_, i) => ({ kind: 'execute', statement: statement(`SELECT ${'x'.repeat(8000)}${i}`) }) as const,
      ),
    ]
    for (const requests of attempts) {
      const [bytes] = ledger.blockBytes([transaction({ requests })])
      expect(bytes!.length).toBeLessThan(OUTCOME_LIMITS.bytesMax)
      expect(ledger.run({ requests })).toMatchObject([{ kind: 'failed' }])
    }
  })

  test('L3: depths and counts of what SQLite parses', () => {
    const cases = [
      [`SELECT ${'1+'.repeat(499)}1`, `SELECT ${'1+'.repeat(500)}1`],
      [
        Array.from({ length: 500 }, () => 'SELECT 1').join(' UNION ALL '),
        Array.from({ length: 501 }, () => 'SELECT 1').join(' UNION ALL '),
      ],
      [
        `CREATE TABLE w(${Array.from({ length: 2000 }, (_, i) => `c${i}`).join()})`,
        `CREATE TABLE v(${Array.from({ length: 2001 }, (_, i) => `c${i}`).join()})`,
      ],
      [`SELECT 'a' LIKE '${'a'.repeat(1000)}'`, `SELECT 'a' LIKE '${'a'.repeat(1001)}'`],
      [
        `SELECT max(${Array.from({ length: 127 }, () => '1').join()})`,
        `SELECT max(${Array.from({ length: 128 }, () => '1').join()})`,
      ],
      ['SELECT ?32766', 'SELECT ?32767'],
      [`SELECT '${'a'.repeat(999_980)}' IS 1`, `SELECT '${'a'.repeat(1_000_000)}'`],
    ] as const
    for (const [good, bad] of cases) {
      expect(() => ledger.rows(good), good.slice(0, 40)).not.toThrow()
      expect(ledger.error(bad).code, bad.slice(0, 40)).toMatch(/^SQLITE_(ERROR|TOOBIG)$/)
    }
  })

  test('L3: triggers nest as deep as the limit', () => {
    ledger.replies(
      sequence(
        'CREATE TABLE r0(a); ' +
          Array.from(
            { length: 101 },
            (_, i) =>
              `CREATE TABLE r${i + 1}(a); CREATE TRIGGER tr${i} AFTER INSERT ON r${i} BEGIN INSERT INTO r${i + 1} VALUES (1); END;`,
          ).join(''),
      ),
    )
    expect(ledger.rows('INSERT INTO r2 VALUES (1) RETURNING a')).toEqual([[1n]])
    expect(ledger.error('INSERT INTO r0 VALUES (1)')).toMatchObject({
      code: 'SQLITE_ERROR',
      message: 'triggers nested too deep',
    })
  })
})

describe('memory', () => {
  const HEAP = 12 * 1024 * 1024
  const hungry = [
    // A sorter, a set of dirty pages, the journal in memory, an aggregate.
    'SELECT count(*) FROM (SELECT hex(randomblob(400)) AS x FROM n ORDER BY x)',
    'INSERT INTO t(b) SELECT randomblob(900) FROM n',
    'UPDATE t SET b = randomblob(900)',
    "SELECT length(group_concat(hex(randomblob(900)), '')) FROM n",
  ]
  const WITH_N = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)'

  test('M1: a full heap is an outcome, the same on replicas with other pasts, and harms nothing', async () => {
    const small = await loadEngine({ heapBytesMax: HEAP })
    const restarted = await loadEngine({ heapBytesMax: HEAP })
    const ran = await loadEngine({ heapBytesMax: HEAP })
    // This one's heap is fragmented by work that the others have not done.
    const warm = new TestLedger(ran).found('CREATE TABLE x(y)')
    for (let i = 0; i < 3; i += 1)
      warm.run(
        executes(statement(`INSERT INTO x ${WITH_N} SELECT randomblob(i % 300) FROM n LIMIT 3000`)),
        executes('DROP TABLE IF EXISTS z'),
      )
    const schema = [
      'CREATE TABLE t(a INTEGER PRIMARY KEY, b)',
      'CREATE TABLE kept(a)',
      `INSERT INTO t(b) ${WITH_N} SELECT zeroblob(100) FROM n LIMIT 9000`,
    ]
    const replicas = [new TestLedger(small), new TestLedger(restarted), new TestLedger(ran)].map((replica) =>
      replica.found(...schema),
    )
    const programs = hungry.map((sql) =>
      executes(
        'INSERT INTO kept VALUES (1)',
        sql.startsWith('UPDATE')
          ? sql
          : `${sql.startsWith('INSERT') ? sql.replace('SELECT', `${WITH_N} SELECT`) : `${WITH_N} ${sql}`}`,
      ),
    )
    const block = [executes('INSERT INTO kept VALUES (2)'), ...programs, executes('INSERT INTO kept VALUES (3)')].map(
      (program) => transaction(program),
    )
    const [first, ...others] = replicas.map((replica) => replica.block(block))
    for (const outcomes of others) expect(outcomes).toEqual(first)
    expect(new Set(replicas.map(({ root }) => root)).size).toBe(1)
    expect(
      first!.filter((outcome) => outcome.kind === 'failed' && outcome.error.code === 'SQLITE_NOMEM').length,
    ).toBeGreaterThanOrEqual(2)
    expect(replicas[0]!.rows('SELECT a FROM kept WHERE a > 1')).toEqual([[2n], [3n]])
    expect(replicas[0]!.rows('PRAGMA integrity_check')).toEqual([['ok']])
  })

  test('M2: at the beginning of a block the engine holds the same memory, whatever it did before', () => {
    const used = (): number => {
      engine.renew()
      const { connection, close } = engine.open(ledger.source as never)
      const bytes = connection.memoryUsed
      close()
      return bytes
    }
    const before = used()
    const heap = engine.vfs.memory.bytes.slice(0, 1_000_000)
    ledger.run(
      executes(`INSERT INTO t(b) ${ENDLESS} SELECT hex(randomblob(50)) FROM n LIMIT 5000`, 'CREATE INDEX tb ON t(b)'),
      executes('DROP INDEX tb', 'DELETE FROM t'),
    )
    engine.renew()
    const image = engine.vfs.memory.bytes
    other.renew()
    const fresh = other.vfs.memory.bytes
    // What was put back is all that SQLite reads before it writes.
    expect(Buffer.compare(image.subarray(0, 850_000), fresh.subarray(0, 850_000))).toBe(0)
    expect(used()).toBe(before)
    expect(heap.length).toBe(1_000_000)
  })

  test('trouble below is thrown, not told to the client', () => {
    const broken = {
      pageCount: ledger.source.pageCount,
      page: (number: number) => {
        if (number > 1) throw new Error('disk on fire')
        return ledger.source.page(number)
      },
    }
    const context = { height: ledger.next as never, timeMs: 1, seed: seedAt(1) }
    const run = (): unknown =>
      executeBlock(engine, broken, context, {
        kind: 'executions',
        transactions: [transaction(executes('SELECT * FROM t'))],
      })
    expect(run).toThrow('disk on fire')
    expect(ledger.rows('SELECT 1')).toEqual([[1n]])
  })
})
