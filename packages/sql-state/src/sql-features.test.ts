// SQL that users bring along, and the corners of it that have made replicas differ elsewhere.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { executes, sequence, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engines: Engine[]
let ledger: TestLedger
let other: TestLedger

beforeAll(async () => {
  engines = await Promise.all([loadEngine(), loadEngine()])
})

beforeEach(() => {
  ledger = new TestLedger(engines[0]!).found('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
  other = new TestLedger(engines[1]!, { cacheKib: 40 }).found('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
})

/** Runs the same on both replicas, which must agree; the rows of the last statement. */
function both(...sql: readonly string[]): readonly (readonly unknown[])[] {
  let rows: readonly (readonly unknown[])[] = []
  sql.forEach((each, i) => {
    const bytes = transaction(i === sql.length - 1 ? executes(each) : sequence(each))
    const [outcome] = ledger.block([bytes])
    expect(other.block([bytes])).toEqual([outcome])
    expect(other.root).toBe(ledger.root)
    const reply = outcome?.kind === 'executed' ? outcome.replies[0] : undefined
    if (reply === undefined || reply.kind === 'error') throw new Error(`${each}: ${reply?.error.message}`)
    if (reply.kind === 'result') rows = reply.result.rows
  })
  return rows
}

describe('time and randomness', () => {
  test('F1: now is the block time in every spelling, one for a whole transaction', () => {
    const now = '2026-01-02 03:04:07'
    const rows = both(
      'CREATE TABLE s(v DEFAULT CURRENT_TIMESTAMP, d DEFAULT CURRENT_DATE, t DEFAULT CURRENT_TIME)',
      "INSERT INTO s DEFAULT VALUES RETURNING v, d, t, datetime('now'), strftime('%s', 'now'), strftime('%f', 'now'), unixepoch('subsec')",
    )
    expect(rows).toEqual([[now, '2026-01-02', '03:04:07', now, '1767323047', '07.678', 1_767_323_047.678]])
  })

  test('F2: random() in statements, defaults, triggers, views and ORDER BY', () => {
    const rows = both(
      'CREATE TABLE s(v DEFAULT (random()), w DEFAULT (randomblob(8))); CREATE VIEW r AS SELECT random() AS x;' +
        'CREATE TRIGGER st AFTER INSERT ON s WHEN (SELECT count(*) FROM s) < 9 BEGIN INSERT INTO t(b) SELECT x FROM r; END',
      'INSERT INTO s DEFAULT VALUES; INSERT INTO s DEFAULT VALUES; INSERT INTO s SELECT b, a FROM t ORDER BY random()',
      'SELECT v FROM s UNION SELECT w FROM s UNION SELECT b FROM t UNION SELECT x FROM r',
    )
    expect(rows.length).toBeGreaterThan(6)
  })

  test('F3: the rowid behind 2^63-1 is drawn, and drawn alike', () => {
    const rows = both(
      'INSERT INTO t VALUES (9223372036854775807, 0)',
      'INSERT INTO t(b) VALUES (1)',
      'INSERT INTO t(b) VALUES (2)',
      'SELECT a, b FROM t ORDER BY b',
    )
    expect(rows[0]).toEqual([9_223_372_036_854_775_807n, 0n])
    expect(rows[1]![0]).not.toBe(rows[2]![0])
  })

  test('F3: an AUTOINCREMENT table that is full says so', () => {
    both(
      'CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT, b)',
      'INSERT INTO s VALUES (9223372036854775807, 0)',
      'SELECT seq FROM sqlite_sequence',
    )
    expect(ledger.error('INSERT INTO s(b) VALUES (1)')).toMatchObject({ code: 'SQLITE_FULL' })
  })
})

test('F4: mathematics has the bits of the pinned build, not of the machine', () => {
  const rows = both(
    "SELECT printf('%!.17g %!.17g %!.17g %!.17g %!.17g', sin(0.7), tan(1.3), pow(2.1, 0.37), log(3.3), exp(1.7)), " +
      'sqrt(2), 0.1 + 0.2, 1e23, 5e-324, round(2.675, 2), 9007199254740993',
  )
  expect(rows[0]![0]).toBe(
    '0.64421768723769102 3.6021024479679786 1.3158947040078195 0.51851393987788741 5.4739473917272',
  )
  expect(rows[0]!.slice(1)).toEqual([Math.SQRT2, 0.1 + 0.2, 1e23, 5e-324, 2.67, 9_007_199_254_740_993n])
})

describe('what SQLite has beyond tables', () => {
  test('F5: FTS5 finds, ranks, merges and rebuilds', () => {
    const rows = both(
      "CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter unicode61')",
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) ' +
        "INSERT INTO f SELECT 'title ' || i, 'running words ' || (i % 7) FROM n",
      "DELETE FROM f WHERE rowid % 3 = 0; UPDATE f SET body = 'ran and runs' WHERE rowid = 4",
      "INSERT INTO f(f) VALUES ('rebuild'); INSERT INTO f(f, rank) VALUES ('merge', 10); INSERT INTO f(f) VALUES ('integrity-check')",
      "SELECT rowid, highlight(f, 1, '[', ']'), bm25(f) FROM f WHERE f MATCH 'body: run' ORDER BY rank, rowid LIMIT 3",
    )
    expect(rows).toHaveLength(3)
    expect(rows[0]![1]).toMatch(/\[r[au]n/)
  })

  test('F5: an external-content index kept by triggers, as applications do it', () => {
    const rows = both(
      "CREATE VIRTUAL TABLE f USING fts5(b, content = 't', content_rowid = 'a');" +
        'CREATE TRIGGER ti AFTER INSERT ON t BEGIN INSERT INTO f(rowid, b) VALUES (new.a, new.b); END;' +
        "CREATE TRIGGER td AFTER DELETE ON t BEGIN INSERT INTO f(f, rowid, b) VALUES ('delete', old.a, old.b); END;",
      "INSERT INTO t VALUES (1, 'red fox'), (2, 'grey wolf'); DELETE FROM t WHERE a = 1",
      "SELECT t.b FROM f JOIN t ON t.a = f.rowid WHERE f MATCH 'fox OR wolf'",
    )
    expect(rows).toEqual([['grey wolf']])
  })

  test('F6: R-tree', () => {
    const rows = both(
      'CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1, +name)',
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) ' +
        "INSERT INTO r SELECT i, i * 0.3, i * 0.3 + 1, i, i + 2, 'n' || i FROM n",
      'DELETE FROM r WHERE id % 5 = 0',
      'SELECT id, name FROM r WHERE x0 < 4 AND x1 > 3 AND y0 > 9',
    )
    expect(rows).toEqual([
      [11n, 'n11'],
      [12n, 'n12'],
      [13n, 'n13'],
    ])
  })

  test('F7: ANALYZE changes plans alike, and its statistics are part of the state', () => {
    const rows = both(
      'CREATE TABLE s(a, b); CREATE INDEX sa ON s(a); CREATE INDEX sb ON s(b)',
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) INSERT INTO s SELECT i % 2, i FROM n',
      'ANALYZE',
      "SELECT tbl, idx, stat FROM sqlite_stat1 WHERE tbl = 's' ORDER BY idx",
    )
    expect(rows).toEqual([
      ['s', 'sa', '2000 1000'],
      ['s', 'sb', '2000 1'],
    ])
  })

  test('F8: UPSERT, RETURNING, JSON, window functions, CTEs, generated columns, STRICT', () => {
    both(
      'CREATE TABLE s(k TEXT PRIMARY KEY, n INT, doc TEXT, total INT AS (n * 2) STORED) STRICT',
      `INSERT INTO s(k, n, doc) VALUES ('a', 1, '{"x":[1,2]}') ON CONFLICT(k) DO UPDATE SET n = n + excluded.n`,
      `INSERT INTO s(k, n, doc) VALUES ('a', 5, '{}'), ('b', 3, '[]') ON CONFLICT(k) ` +
        `DO UPDATE SET n = n + excluded.n RETURNING k, n, total`,
      'SELECT 1',
    )
    expect(both(`SELECT k, total, sum(n) OVER (ORDER BY k), doc ->> '$.x[1]' FROM s`)).toEqual([
      ['a', 12n, 6n, 2n],
      ['b', 6n, 9n, null],
    ])
    expect(
      both('WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f LIMIT 50) SELECT max(a) FROM f'),
    ).toEqual([[7_778_742_049n]])
    expect(ledger.error("INSERT INTO s(k, n) VALUES ('c', 'text')")).toMatchObject({ code: 'SQLITE_CONSTRAINT' })
  })

  test('F9: ALTER TABLE in all its forms', () => {
    const rows = both(
      'CREATE TABLE s(a, b); CREATE INDEX sb ON s(b); CREATE VIEW v AS SELECT b FROM s; INSERT INTO s VALUES (1, 2)',
      'ALTER TABLE s RENAME TO u; ALTER TABLE u RENAME COLUMN b TO c; ALTER TABLE u ADD COLUMN d DEFAULT 7; ALTER TABLE u DROP COLUMN a',
      "SELECT *, (SELECT sql FROM sqlite_schema WHERE name = 'v') FROM u",
    )
    expect(rows).toEqual([[2n, 7n, 'CREATE VIEW v AS SELECT c FROM "u"']])
  })

  test('F10: triggers cascade, INSTEAD OF triggers write through views, changes() counts the outermost', () => {
    const rows = both(
      'CREATE TABLE log(x); CREATE VIEW v AS SELECT a, b FROM t; ' +
        'CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a, new.b); END;' +
        'CREATE TRIGGER ti AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a), (new.b); END',
      'INSERT INTO v VALUES (1, 2), (3, 4)',
      'SELECT x FROM log',
    )
    expect(rows).toEqual([[1n], [2n], [3n], [4n]])
    expect(ledger.replies(executes('INSERT INTO t VALUES (5, 6), (7, 8)'))[0]).toMatchObject({
      result: { affectedRows: 2 },
    })
  })
})

test('R4: a file that grows past pages it never writes, and gives pages back to its free list, is whole', () => {
  const fill =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400) INSERT INTO big SELECT randomblob(3000) FROM n'
  both(
    // Made and dropped within one transaction: pages that were free before they were ever written.
    `BEGIN; CREATE TABLE big(x); ${fill}; CREATE TABLE behind(y); INSERT INTO behind VALUES (1); DROP TABLE big; COMMIT`,
    `CREATE TABLE big(x); ${fill}; DELETE FROM big WHERE rowid > 5`,
    'SELECT count(*) FROM behind',
  )
  const { pageCount } = ledger.source
  for (let number = 1; number <= pageCount; number += 1)
    expect(ledger.source.page(number)).toEqual(other.source.page(number))
  expect(ledger.pages.size).toBe(pageCount)
  expect(ledger.rows('PRAGMA integrity_check')).toEqual([['ok']])
})
