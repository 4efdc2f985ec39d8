// The law of the package: pages and outcomes are a function of (pages, block). Programs are drawn at random from what
// SQL can do; replicas run them with other cache sizes, with a restart every few blocks, with an engine that has done
// other work, with readers at work beside; roots and outcome bytes must be equal at every height.

import type { Condition, Digest, Program, ProgramRequest, SqlValue, Statement } from '@quorate/types'
import { hashOf } from '@quorate/types'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { Reader } from './reader.ts'
import { executes, seedAt, sequence, statement, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engines: Engine[]
let reading: Engine

beforeAll(async () => {
  engines = await Promise.all([loadEngine(), loadEngine(), loadEngine(), loadEngine()])
  reading = await loadEngine()
})

const SCHEMA = [
  'CREATE TABLE a(id INTEGER PRIMARY KEY, k TEXT UNIQUE, v, n REAL DEFAULT (abs(random() % 1000) / 7.0), ' +
    'at TEXT DEFAULT CURRENT_TIMESTAMP)',
  'CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, a REFERENCES a(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, w BLOB)',
  'CREATE TABLE c(x, y, PRIMARY KEY(x, y)) WITHOUT ROWID, STRICT'.replace('x, y, P', 'x TEXT, y INT, P'),
  'CREATE INDEX av ON a(v)',
  'CREATE VIEW ab AS SELECT a.k, b.w FROM a LEFT JOIN b ON b.a = a.id',
  'CREATE TRIGGER au AFTER UPDATE ON a BEGIN INSERT OR REPLACE INTO c VALUES (new.k, random() % 50); END',
  'CREATE VIRTUAL TABLE f USING fts5(body)',
  'CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)',
]

const small = fc.nat(40)
const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.nat(20).map(BigInt),
  fc.double({ noNaN: true }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.uint8Array({ maxLength: 40 }),
)

const words = [
  'INSERT',
  'INSERT OR IGNORE',
  'INSERT OR REPLACE',
  'INSERT OR FAIL',
  'INSERT OR ABORT',
  'INSERT OR ROLLBACK',
]

/** Statements with everything that could leak: time, randomness, order, floats, the heap, what SQLite remembers. */
const dml: fc.Arbitrary<Statement> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...words), small, value)
      .map(([verb, k, v]) => statement(`${verb} INTO a(k, v) VALUES (?, ?)`, `k${k}`, v)),
  },
  {
    weight: 4,
    arbitrary: small.map((k) =>
      statement(
        `INSERT INTO a(k, v) VALUES ('k${k}', 1) ON CONFLICT(k) DO UPDATE SET v = random() RETURNING id, v, at`,
      ),
    ),
  },
  fc
    .tuple(small, value)
    .map(([k, v]) => statement('UPDATE a SET v = ?, n = n * 1.1 WHERE id % 7 = ?', v, BigInt(k % 7))),
  small.map((k) => statement(`DELETE FROM a WHERE id % 11 = ${k % 11}`)),
  fc.tuple(small, fc.nat(3000)).map(([k, size]) => statement(`INSERT INTO b(a, w) VALUES (${k}, randomblob(${size}))`)),
  small.map((k) =>
    statement(`INSERT INTO b(a, w) SELECT id, zeroblob(length(k) * ${k}) FROM a ORDER BY random() LIMIT 5`),
  ),
  small.map((k) =>
    statement(`INSERT INTO c SELECT printf('%s-%f', k, n), random() % ${k + 1} FROM a ORDER BY v LIMIT 4`),
  ),
  small.map((k) =>
    statement(`SELECT sin(n), cos(n), pow(abs(n), 0.3), log(abs(n) + 1), exp(n / 1000), atan2(n, ${k}) FROM a`),
  ),
  fc.constant(
    statement(
      "SELECT datetime('now'), strftime('%s', 'now'), current_time, julianday('now'), random(), " +
        "hex(randomblob(8)), datetime('now', 'localtime')",
    ),
  ),
  fc.constant(
    statement('SELECT group_concat(k), total(n), avg(v), count(DISTINCT at) FROM (SELECT * FROM a ORDER BY random())'),
  ),
  fc.constant(statement('INSERT INTO a(id, k) VALUES (9223372036854775807, random())')),
  small.map((k) => statement('INSERT INTO f(body) VALUES (?)', `w${k} w${k % 7} ${'w'.repeat(k % 5)} common`)),
  small.map((k) => statement(`DELETE FROM f WHERE rowid % 5 = ${k % 5}`)),
  small.map((k) =>
    statement(
      `SELECT rowid, rank, snippet(f, 0, '<', '>', '', 4) FROM f WHERE f MATCH 'w${k % 7} OR common' ORDER BY rank`,
    ),
  ),
  fc.constant(statement("INSERT INTO f(f) VALUES ('optimize')")),
  fc.tuple(small, small).map(([x, y]) => statement(`INSERT INTO r VALUES (NULL, ${x}.3, ${x + y}.7)`)),
  small.map((x) => statement(`SELECT * FROM r WHERE x0 < ${x} AND x1 > ${x / 2}`)),
  fc.constant(statement('SELECT json_group_object(k, v) FROM (SELECT k, typeof(v) AS v FROM a ORDER BY k)')),
  fc.constant(statement('SELECT changes(), last_insert_rowid(), total_changes()')),
  fc.constant(
    statement(
      'WITH RECURSIVE z(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM z LIMIT 300) INSERT INTO b(w) SELECT hex(randomblob(40)) FROM z',
    ),
  ),
  fc.constant(statement('SELECT * FROM ab ORDER BY 1, 2 LIMIT 20')),
  fc.constant(statement('SELECT sql FROM sqlite_schema ORDER BY rootpage')),
  fc.constant(statement('PRAGMA integrity_check')),
  fc.constant(statement('SELEC 1')),
  fc.constant(statement('DELETE FROM _quorate_outcomes')),
)

const ddl: fc.Arbitrary<Statement> = fc
  .nat(5)
  .chain((i) =>
    fc
      .constantFrom(
        `CREATE TABLE IF NOT EXISTS d${i}(p INTEGER PRIMARY KEY, q DEFAULT (randomblob(9)), s AS (p * 2) STORED)`,
        `DROP TABLE IF EXISTS d${i}`,
        `INSERT INTO d${i}(p) VALUES (abs(random()) % 100)`,
        `ALTER TABLE d${i} ADD COLUMN t${i} DEFAULT 'x'`,
        `ALTER TABLE d${i} RENAME COLUMN q TO q2`,
        `ALTER TABLE d${i} DROP COLUMN s`,
        `CREATE INDEX IF NOT EXISTS di${i} ON d${i}(q)`,
        `CREATE TRIGGER dt${i} AFTER INSERT ON a BEGIN UPDATE d${i} SET q = new.at; END`,
        `DROP TRIGGER IF EXISTS dt${i}`,
        'ANALYZE',
        'REINDEX',
        'PRAGMA optimize',
        `PRAGMA user_version = ${i}`,
        `CREATE VIRTUAL TABLE IF NOT EXISTS g${i} USING fts5(a, b, tokenize = 'porter')`,
        `INSERT INTO g${i} SELECT k, v FROM a`,
        `DROP TABLE IF EXISTS g${i}`,
        `CREATE TABLE big${i} AS WITH RECURSIVE z(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM z LIMIT 900) ` +
          `SELECT hex(randomblob(60)) AS h FROM z`,
        `DROP TABLE IF EXISTS big${i}`,
      )
      .map((sql) => statement(sql)),
  )

const control = fc
  .constantFrom(
    'BEGIN',
    'BEGIN IMMEDIATE',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT s',
    'RELEASE s',
    'ROLLBACK TO s',
    'PRAGMA foreign_keys = off',
    'PRAGMA foreign_keys = on',
    'PRAGMA defer_foreign_keys = on',
    'BEGIN TRANSACTION READONLY',
  )
  .map((sql) => statement(sql))

const runaway = fc
  .constantFrom(
    'WITH RECURSIVE z(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM z) SELECT count(*) FROM z',
    'WITH RECURSIVE z(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM z) INSERT INTO b(w) SELECT i FROM z',
  )
  .map((sql) => statement(sql))

const anything = fc.oneof(
  { weight: 12, arbitrary: dml },
  { weight: 4, arbitrary: ddl },
  { weight: 3, arbitrary: control },
)

const request: fc.Arbitrary<ProgramRequest> = fc.oneof(
  { weight: 6, arbitrary: anything.map((words_): ProgramRequest => ({ kind: 'execute', statement: words_ })) },
  {
    weight: 2,
    arbitrary: fc.array(fc.tuple(anything, fc.nat(9)), { minLength: 1, maxLength: 6 }).map((steps): ProgramRequest => ({
      kind: 'batch',
      steps: steps.map(([words_, pick], i) => {
        const step = i === 0 ? 0 : pick % i
        const condition: Condition = [
          { kind: 'ok', step } as const,
          { kind: 'error', step } as const,
          { kind: 'autocommit' } as const,
        ][pick % 3]!
        return i === 0 ? { statement: words_ } : { condition, statement: words_ }
      }),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.oneof(ddl, control), { maxLength: 5 })
      .map((list): ProgramRequest => ({ kind: 'sequence', sql: list.map(({ sql }) => sql).join(';') })),
  },
  { weight: 1, arbitrary: anything.map(({ sql }): ProgramRequest => ({ kind: 'describe', sql })) },
)

const program: fc.Arbitrary<Program> = fc
  .array(request, { minLength: 1, maxLength: 5 })
  .map((requests) => ({ requests }))

function blocksOf(programs: readonly Program[], size: number): readonly (readonly Uint8Array[])[] {
  const bytes = programs.map((each, i) => transaction(each, i % 17 === 3 ? { id: 'again' } : {}))
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size))
}

interface Trace {
  readonly roots: readonly Digest[]
  readonly outcomes: readonly Digest[]
}

/** Runs the blocks; `between` sees the ledger after each. */
function trace(
  ledger: TestLedger,
  blocks: readonly (readonly Uint8Array[])[],
  between: (ledger: TestLedger, at: number) => void = () => undefined,
): Trace {
  const roots: Digest[] = []
  const outcomes: Digest[] = []
  ledger.found(...SCHEMA)
  blocks.forEach((block, at) => {
    for (const outcome of ledger.blockBytes(block)) outcomes.push(hashOf('outcome', outcome))
    roots.push(ledger.root)
    between(ledger, at)
  })
  return { roots, outcomes }
}

const READS = executes(
  'SELECT count(*), sum(length(w)) FROM b',
  'SELECT * FROM a ORDER BY random() LIMIT 3',
  "SELECT * FROM f WHERE f MATCH 'common'",
)

function readBeside(ledger: TestLedger): void {
  const reader = new Reader(reading, ledger.source, { timeMs: 5, seed: seedAt(5) })
  reader.read(READS)
  reader.close()
}

/** A block of its own between two of the ledger's: the engine's past is another. */
function disturb(engine: Engine): (ledger: TestLedger, at: number) => void {
  return (_, at) => {
    if (at % 3 !== 1) return
    new TestLedger(engine)
      .found('CREATE VIRTUAL TABLE z USING fts5(x)', "INSERT INTO z VALUES ('a'), ('b')", 'CREATE TABLE y(q)')
      .run(
        sequence(`INSERT INTO y VALUES (randomblob(${(at * 977) % 9000})); DELETE FROM y; INSERT INTO z VALUES ('c')`),
        executes('SELEC', 'BEGIN', 'INSERT INTO y VALUES (1)'),
      )
  }
}

describe('replicas that execute the same blocks', () => {
  test('D1: have equal roots and outcomes at every height, whatever their caches, restarts, readers and pasts', () => {
    let executed = 0
    let total = 0
    fc.assert(
      fc.property(
        fc.array(program, { minLength: 30, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        (programs, size) => {
          const blocks = blocksOf(programs, size)
          const [one, two, three, four] = engines as [Engine, Engine, Engine, Engine]
          const plain = trace(new TestLedger(one), blocks, (ledger, at) => {
            if (at % 4 === 0) for (const bytes of ledger.blockBytes([])) expect(bytes).toBeUndefined()
          })
          const other = trace(new TestLedger(two, { cacheKib: 40 }), blocks, (ledger, at) => {
            if (at % 4 === 0) ledger.blockBytes([])
            readBeside(ledger)
          })
          const restarting = trace(new TestLedger(three, { cacheKib: 400 }), blocks, (ledger, at) => {
            if (at % 4 === 0) ledger.blockBytes([])
            if (at % 2 === 0) ledger.engine = ledger.engine === three ? four : three
          })
          const disturbed = trace(new TestLedger(four), blocks, (ledger, at) => {
            if (at % 4 === 0) ledger.blockBytes([])
            disturb(four)(ledger, at)
          })
          for (const replica of [other, restarting, disturbed]) expect(replica).toEqual(plain)
          total += plain.outcomes.length
          executed += new Set(plain.outcomes).size
        },
      ),
      { numRuns: 12 },
    )
    // The programs must not all fail alike.
    expect(executed).toBeGreaterThan(total / 2)
  })

  test('D1: with runaways among them', () => {
    const [one, two] = engines as [Engine, Engine]
    fc.assert(
      fc.property(fc.array(program, { minLength: 6, maxLength: 6 }), runaway, fc.nat(5), (programs, endless, at) => {
        const blocks = blocksOf(
          programs.toSpliced(at, 0, executes(statement("INSERT INTO f VALUES ('x')"), endless)),
          7,
        )
        expect(trace(new TestLedger(two, { cacheKib: 64 }), blocks)).toEqual(trace(new TestLedger(one), blocks))
      }),
      { numRuns: 3 },
    )
  })

  test('D2: change nothing else when a block is cut in two, except what the block gives: heights, seeds and times', () => {
    const [one, two] = engines as [Engine, Engine]
    const statements = [
      'INSERT INTO a(k) VALUES (1)',
      'INSERT INTO f VALUES (2)',
      'CREATE TABLE z(q)',
      'INSERT INTO z VALUES (3)',
      'DELETE FROM a',
    ]
    const together = new TestLedger(one).found(...SCHEMA)
    const apart = new TestLedger(two).found(...SCHEMA)
    const gasTogether = together
      .run(...statements.map((sql) => executes(sql)))
      .map((outcome) => (outcome.kind === 'executed' ? outcome.gas : -1))
    const gasApart = statements
      .flatMap((sql) => apart.run(executes(sql)))
      .map((outcome) => (outcome.kind === 'executed' ? outcome.gas : -1))
    expect(gasApart).toEqual(gasTogether)
    for (const table of ['a', 'f', 'z', 'sqlite_schema'])
      expect(apart.rows(`SELECT * FROM ${table}`)).toEqual(together.rows(`SELECT * FROM ${table}`))
  })

  test('D3: another seed gives other randomness, another time another now; the same give the same', () => {
    const ask = executes("SELECT random(), hex(randomblob(8)), datetime('now')")
    const answers = engines.slice(0, 2).map((engine) => {
      const ledger = new TestLedger(engine).found()
      return [ledger.run(ask, ask), ledger.run(ask)].flat().map((outcome) => decodeRows(outcome))
    })
    expect(answers[0]).toEqual(answers[1])
    const [first, second, third] = answers[0]!
    expect(first).not.toEqual(second)
    expect(first![2]).toBe('2026-01-02 03:04:06')
    expect([second![2], third![2]]).toEqual(['2026-01-02 03:04:06', '2026-01-02 03:04:07'])
    expect(third![0]).not.toBe(first![0])
  })
})

function decodeRows(outcome: ReturnType<TestLedger['run']>[number]): readonly SqlValue[] {
  const reply = outcome.kind === 'executed' ? outcome.replies[0] : undefined
  if (reply?.kind !== 'result') throw new Error('a result')
  return reply.result.rows[0]!
}
