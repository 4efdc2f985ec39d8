// What a client's statement may not do, and what it may although it looks as if it might not.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { executes, sequence, statement, TestLedger } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

let engine: Engine
let ledger: TestLedger

beforeAll(async () => {
  engine = await loadEngine()
})

beforeEach(() => {
  ledger = new TestLedger(engine).found(
    'CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b)',
    'CREATE INDEX tb ON t(b)',
    'CREATE VIEW tv AS SELECT * FROM t',
  )
})

const FORBIDDEN = [
  "ATTACH 'x' AS x",
  "ATTACH ':memory:' AS x",
  'DETACH main',
  'VACUUM',
  "VACUUM INTO 'x'",
  'CREATE TEMP TABLE x(a)',
  'CREATE TEMPORARY VIEW x AS SELECT 1',
  'CREATE TABLE temp.x(a)',
  'CREATE TABLE temp.x AS SELECT 1',
  'CREATE VIEW temp.x AS SELECT 1',
  'CREATE INDEX temp.x ON t(b)',
  'CREATE TRIGGER temp.x AFTER INSERT ON t BEGIN SELECT 1; END',
  'CREATE VIRTUAL TABLE temp.x USING fts5(a)',
  'CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END',
  "SELECT load_extension('x')",
  "SELECT fts3_tokenizer('simple', x'00000000')",
  'PRAGMA journal_mode = WAL',
  'PRAGMA cache_size = 1',
  'PRAGMA writable_schema = on',
  'PRAGMA case_sensitive_like = on',
  'PRAGMA recursive_triggers = on',
  'PRAGMA temp_store = 1',
  'PRAGMA hard_heap_limit = 1000',
  'PRAGMA soft_heap_limit = 1000',
  'PRAGMA page_size = 512',
  'PRAGMA schema_version = 7',
  'PRAGMA trusted_schema = on',
  'PRAGMA reverse_unordered_selects = on',
  'PRAGMA automatic_index = off',
  'PRAGMA ignore_check_constraints = on',
  'PRAGMA encoding = "UTF-16"',
  'PRAGMA locking_mode = NORMAL',
  'PRAGMA wal_checkpoint',
  'PRAGMA incremental_vacuum',
  'PRAGMA shrink_memory',
  'PRAGMA data_version',
  'SELECT * FROM pragma_hard_heap_limit',
  'SELECT * FROM pragma_data_version',
  'SELECT * FROM pragma_optimize',
  'SELECT count(*) FROM pragma_cache_spill',
  'SELECT * FROM sqlite_dbpage',
  "SELECT count(*) FROM sqlite_dbpage('main')",
  'SELECT sql FROM sqlite_stmt',
  'SELECT * FROM dbstat',
  "SELECT * FROM bytecode('SELECT 1')",
  "SELECT * FROM tables_used('SELECT 1')",
  'CREATE VIRTUAL TABLE x USING dbstat',
  'CREATE VIRTUAL TABLE x USING csv(filename=x)',
  // The ledger's own tables.
  'INSERT INTO _quorate_outcomes VALUES (1, 2, 3, 4, 5)',
  'REPLACE INTO _QUORATE_head VALUES (0, 0, 0)',
  'UPDATE _quorate_head SET height = 9',
  'DELETE FROM _quorate_members',
  'WITH x AS (SELECT 1) DELETE FROM "_quorate_outcomes"',
  'DROP TABLE _quorate_outcomes',
  'DROP INDEX _quorate_outcomes_by_expiry',
  "UPDATE _quorate_members SET status = 'leaving'",
  "INSERT INTO _quorate_approvals VALUES (1, 'me')",
  'UPDATE _quorate_ledger SET proposals = 9',
  'DELETE FROM _quorate_proposals',
  'ALTER TABLE _quorate_members ADD COLUMN x',
  'ALTER TABLE _quorate_members RENAME TO mine',
  'CREATE INDEX mine ON _quorate_members(name)',
  'CREATE INDEX _quorate_mine ON t(b)',
  'CREATE TABLE _quorate_mine(a)',
  'CREATE VIEW _quorate_mine AS SELECT 1',
  'CREATE TRIGGER mine AFTER INSERT ON _quorate_outcomes BEGIN SELECT 1; END',
  'CREATE TRIGGER _quorate_mine AFTER INSERT ON t BEGIN SELECT 1; END',
  'CREATE VIRTUAL TABLE _quorate USING fts5(x)',
  'CREATE VIRTUAL TABLE _quorate_x USING fts5(x)',
  'ALTER TABLE t RENAME TO _quorate_mine',
  'ALTER TABLE t RENAME COLUMN b TO _quorate_b',
  'CREATE TABLE mine(x REFERENCES _quorate_outcomes(id))',
  'CREATE TABLE mine(x REFERENCES "_QUORATE_outcomes" ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED)',
  'CREATE VIEW mine AS SELECT * FROM _quorate_outcomes',
  'CREATE TRIGGER mine AFTER INSERT ON t BEGIN INSERT INTO _quorate_members VALUES (1, 2); END',
  'CREATE TABLE mine AS SELECT 1 AS _quorate_column',
  'CREATE TABLE mine(x /* _quorate_ */)',
  'SAVEPOINT _quorate_client',
  'RELEASE _quorate_client',
  'ROLLBACK TO _quorate_unit',
  // SQLite's own.
  "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'x')",
  'UPDATE sqlite_schema SET sql = 1',
  'DELETE FROM sqlite_master',
  'UPDATE sqlite_temp_schema SET sql = 1',
  "INSERT INTO sqlite_temp_master VALUES ('table', 'x', 'x', 0, 'x')",
]

describe('a client', () => {
  test.each(FORBIDDEN)('A1: may not %s', (sql) => {
    const before = ledger.rows('SELECT type, name, sql FROM sqlite_schema')
    const [outcome] = ledger.run(executes(sql, 'SELECT 1'))
    expect(outcome).toMatchObject({ kind: 'executed', replies: [{ kind: 'error' }, { kind: 'result' }] })
    ledger.run(sequence(sql))
    expect(ledger.rows('SELECT type, name, sql FROM sqlite_schema')).toEqual(before)
    expect(ledger.rows('PRAGMA integrity_check')).toEqual([['ok']])
  })

  test('A1: is told so with SQLITE_AUTH', () => {
    for (const sql of [
      "ATTACH 'x' AS x",
      'PRAGMA journal_mode = WAL',
      'DELETE FROM _quorate_members',
      'ALTER TABLE t RENAME TO _quorate_mine',
    ]) {
      expect(ledger.error(sql)).toMatchObject({ code: 'SQLITE_AUTH', message: 'not authorized' })
    }
  })

  test('A1: may not inside BEGIN either, and what it did before stands', () => {
    const replies = ledger.replies(
      executes(
        'BEGIN',
        'CREATE TABLE x(a)',
        'ALTER TABLE x RENAME TO _quorate_x',
        'INSERT INTO x VALUES (1)',
        'COMMIT',
      ),
    )
    expect(replies.map((reply) => reply.kind)).toEqual(['result', 'result', 'error', 'result', 'result'])
    expect(ledger.rows('SELECT * FROM x')).toEqual([[1n]])
  })

  test('A1: finds a trigger that would write to the ledger refused when it fires, not when it is too late', () => {
    expect(
      ledger.error('CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE _quorate_head SET height = 0; END'),
    ).toMatchObject({ code: 'SQLITE_AUTH' })
    expect(ledger.rows('INSERT INTO t(b) VALUES (1) RETURNING a')).toEqual([[1n]])
  })

  const ALLOWED = [
    'PRAGMA table_info(t)',
    'PRAGMA table_xinfo(t)',
    'PRAGMA table_list',
    'PRAGMA index_list(t)',
    'PRAGMA index_info(tb)',
    'PRAGMA index_xinfo(tb)',
    'PRAGMA foreign_key_list(t)',
    'PRAGMA foreign_key_check',
    'PRAGMA user_version',
    'PRAGMA user_version = 7',
    'PRAGMA application_id = 7',
    'PRAGMA schema_version',
    'PRAGMA defer_foreign_keys',
    'PRAGMA integrity_check',
    'PRAGMA quick_check',
    'PRAGMA function_list',
    'PRAGMA database_list',
    'PRAGMA optimize',
    'PRAGMA foreign_keys',
    'PRAGMA foreign_keys = off',
    'PRAGMA main.table_info(t)',
    'PRAGMA compile_options',
    'PRAGMA page_count',
    "SELECT name FROM pragma_table_info('t')",
    'SELECT count(*) FROM pragma_function_list',
    'SELECT * FROM _quorate_head',
    'SELECT count(*) FROM _quorate_outcomes',
    'SELECT * FROM sqlite_schema',
    'SELECT * FROM sqlite_sequence',
    "INSERT INTO sqlite_sequence VALUES ('x', 1)",
    'UPDATE sqlite_sequence SET seq = 10',
    'ANALYZE',
    'ANALYZE t',
    'REINDEX',
    'REINDEX t',
    'SELECT sin(1), pow(2, 0.5), ln(3), sqrt(2)',
    'CREATE VIRTUAL TABLE x USING fts5(a)',
    'CREATE VIRTUAL TABLE x USING rtree(id, a, b)',
    'CREATE VIRTUAL TABLE x USING rtree_i32(id, a, b)',
    'SELECT * FROM sqlite_temp_schema',
    "SELECT * FROM json_each('[1,2]')",
    'SELECT sqlite_version()',
    "SELECT 'quorate_' || '_quorate'",
    'EXPLAIN QUERY PLAN SELECT * FROM t WHERE b = 1',
    'EXPLAIN SELECT 1',
  ]

  test.each(ALLOWED)('A2: may %s', (sql) => {
    expect(() => ledger.rows(sql)).not.toThrow()
  })

  test('A2: user_version and application_id last', () => {
    ledger.run(executes('PRAGMA user_version = 42', 'PRAGMA application_id = 43'))
    expect([ledger.rows('PRAGMA user_version'), ledger.rows('PRAGMA application_id')]).toEqual([[[42n]], [[43n]]])
  })

  test('A3: may spoil the statistics of the ledger tables without changing what is remembered', () => {
    ledger.run(
      executes(
        'ANALYZE',
        "INSERT INTO sqlite_stat1 VALUES ('_quorate_outcomes', '_quorate_outcomes_by_expiry', '1000000 1000000')",
      ),
    )
    const outcomes = ledger.run(executes(statement('SELECT count(*) FROM _quorate_outcomes')))
    expect(outcomes).toMatchObject([{ kind: 'executed' }])
  })

  test('A3: may damage its own full-text index, and only that', () => {
    ledger.run(sequence('CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES (1), (2)'))
    for (const sql of [
      'DELETE FROM f_data',
      'UPDATE f_content SET c0 = 9',
      'INSERT INTO f_config VALUES (1, 2)',
      'DROP TABLE f_data',
    ]) {
      expect(() => ledger.error(sql), sql).not.toThrow()
    }
    expect(ledger.rows("SELECT x FROM f WHERE f MATCH '2'")).toEqual([[2n]])
  })
})
