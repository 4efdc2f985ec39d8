// Goal: what is told of a block is what its transactions changed, for any programs, and tells it exactly. Method: blocks
// are executed, then repeated on another engine; what comes out is applied to a copy, which must equal the database after
// every block; then the cases that are special in SQLite, one by one.

import { encodeOutcome } from '@quorate/types'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CHANGE_LIMITS } from './change.ts'
import type { Connection } from './connection.ts'
import type { Opened, OpenOptions, RowCall } from './engine.ts'
import { Engine } from './engine.ts'
import type { Overlay } from './pages.ts'
import { changesOfBlock } from './replay.ts'
import { Copy, linesOf, rowText } from './testing/copy.ts'
import { executes, sequence, statement, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine, loadModule } from './testing/load-engine.ts'

let engine: Engine
let other: Engine

beforeAll(async () => {
  engine = await loadEngine()
  other = await loadEngine()
})

/** A ledger, and what each block changed. */
function ledgerOf(...sql: readonly string[]): {
  ledger: TestLedger
  told: (...sql: readonly string[]) => readonly string[]
} {
  const ledger = new TestLedger(engine).found(...sql)
  return {
    ledger,
    told: (...each) => {
      ledger.run(...each.map(sequence))
      return linesOf(ledger.changes(other))
    },
  }
}

const SCHEMA = [
  'CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n REAL DEFAULT 1)',
  'CREATE TABLE child(a TEXT, b INTEGER, of INTEGER REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, ' +
    'twice AS (b * 2) STORED, PRIMARY KEY (a, b)) WITHOUT ROWID',
  'CREATE TABLE weak(v, of INTEGER REFERENCES parent(id) ON DELETE SET NULL)',
  'CREATE TABLE other(v)',
  'CREATE TABLE log(what, old, new)',
  "CREATE TRIGGER p_i AFTER INSERT ON parent BEGIN INSERT INTO log VALUES ('insert', NULL, new.name); END",
  'CREATE TRIGGER p_u AFTER UPDATE OF name ON parent BEGIN UPDATE log SET new = new.name WHERE new = old.name; END',
  "CREATE TRIGGER p_d BEFORE DELETE ON parent WHEN old.id % 5 = 4 BEGIN SELECT RAISE(FAIL, 'kept'); END",
  'CREATE VIRTUAL TABLE words USING fts5(name)',
  'CREATE TRIGGER w_i AFTER INSERT ON weak BEGIN INSERT INTO words VALUES (new.v); END',
]

const id = fc.integer({ min: 1, max: 9 })
const name = fc.constantFrom(
  "'a'",
  "'b'",
  "'c'",
  'NULL',
  '7',
  '2.5',
  "x'00ff'",
  '9007199254740993',
  '-9223372036854775808',
)
const or = fc.constantFrom('', 'OR REPLACE', 'OR IGNORE', 'OR FAIL', 'OR ROLLBACK', 'OR ABORT')
const write = fc.oneof(
  fc
    .tuple(or, id, name, id, name)
    .map(([o, a, b, c, d]) => `INSERT ${o} INTO parent(id, name) VALUES (${a}, ${b}), (${c}, ${d})`),
  fc
    .tuple(id, name)
    .map(([a, b]) => `INSERT INTO parent(id, name) VALUES (${a}, ${b}) ON CONFLICT DO UPDATE SET n = n + 1`),
  fc.tuple(or, id, id).map(([o, a, b]) => `UPDATE ${o} parent SET id = id + ${a}, n = n / 2 WHERE id > ${b}`),
  fc.tuple(or, name, id).map(([o, a, b]) => `UPDATE ${o} parent SET name = ${a} WHERE id >= ${b}`),
  id.map((a) => `DELETE FROM parent WHERE id >= ${a}`),
  fc.tuple(or, name, id, id).map(([o, a, b, c]) => `INSERT ${o} INTO child(a, b, of) VALUES (${a}, ${b}, ${c})`),
  fc.tuple(or, id).map(([o, a]) => `UPDATE ${o} child SET b = b + 1 WHERE b < ${a}`),
  fc.tuple(name, id).map(([a, b]) => `INSERT INTO weak VALUES (${a}, ${b})`),
  fc.constantFrom(
    'DELETE FROM child',
    'DELETE FROM log',
    'DELETE FROM other',
    'DELETE FROM parent',
    'DELETE FROM weak',
  ),
  fc.constantFrom(
    'INSERT INTO other SELECT name FROM parent',
    'INSERT INTO other SELECT * FROM other',
    'INSERT INTO log(what) VALUES (random())',
  ),
  fc.constantFrom(
    'ALTER TABLE other ADD COLUMN more DEFAULT 5',
    'ALTER TABLE other DROP COLUMN more',
    'ALTER TABLE other RENAME TO moved; ALTER TABLE moved RENAME TO other',
    'CREATE TABLE spare AS SELECT * FROM parent',
    'DROP TABLE spare',
    'INSERT INTO spare(id) VALUES (1)',
    'CREATE INDEX by_v ON other(v)',
    'DROP TABLE child',
    'ANALYZE',
  ),
)
const control = fc.constantFrom(
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT s',
  'ROLLBACK TO s',
  'RELEASE s',
  'PRAGMA defer_foreign_keys=ON',
)
const statements = fc.array(fc.oneof({ weight: 4, arbitrary: write }, { weight: 1, arbitrary: control }), {
  maxLength: 8,
})
const program = fc.oneof(
  statements.map((each) => executes(...each)),
  statements.map((each) => executes('BEGIN', ...each, 'COMMIT')),
  statements.map((each) => sequence(each.join(';'))),
)

/** Rows of every table of clients, as text. */
function tablesOf(ledger: TestLedger): ReadonlyMap<string, readonly string[]> {
  const names = ledger
    .rows(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage <> 0 AND name NOT LIKE '\\_quorate%' ESCAPE '\\'",
    )
    .map(([table]) => String(table))
    .filter((table) => !/^(sqlite_|words_)/.test(table))
  const replies = ledger.replies(executes(...names.map((table) => `SELECT * FROM "${table}"`)))
  return new Map(
    replies.map((reply, i) => [names[i] ?? '', reply.kind === 'result' ? reply.result.rows.map(rowText).sort() : []]),
  )
}

test('C1: applied to an empty copy, the changes of any blocks give every table', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(program, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      (blocks) => {
        const ledger = new TestLedger(engine).found(...SCHEMA)
        const copy = new Copy().apply(ledger.changes(other))
        for (const programs of blocks) {
          ledger.run(...programs)
          copy.apply(ledger.changes(other))
          for (const [table, rows] of tablesOf(ledger)) expect(copy.rows(table), table).toEqual(rows)
          expect(ledger.changes(other)).toEqual([])
        }
        expect(copy.resets).toEqual([])
      },
    ),
    { numRuns: 80, seed: 20_261_121 },
  )
})

describe('what stands in the end', () => {
  test('C2: a row is told once, with its first and last image; what came to nothing, not at all', () => {
    const { told } = ledgerOf('CREATE TABLE t(a INTEGER PRIMARY KEY, b)', "INSERT INTO t VALUES (1, 'x')")
    expect(told("UPDATE t SET b = 'y'; UPDATE t SET b = 'z'")).toEqual(['t: 1, "x" -> 1, "z"'.replace('t:', 't 1:')])
    expect(
      told("UPDATE t SET b = 1; UPDATE t SET b = 'z'; INSERT INTO t VALUES (2, 2); DELETE FROM t WHERE a = 2"),
    ).toEqual([])
    expect(told('DELETE FROM t WHERE a = 1; INSERT INTO t VALUES (1, 5)')).toEqual(['t 1: 1, "z" -> 1, 5'])
  })

  test('C2: statements and savepoints that are undone, with FAIL and without', () => {
    const { told } = ledgerOf('CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)', 'INSERT INTO t VALUES (1, 1)')
    expect(told('INSERT INTO t VALUES (2, 2), (3, 1)')).toEqual([])
    expect(told('INSERT OR FAIL INTO t VALUES (2, 2), (3, 1)')).toEqual(['t 2: -> 2, 2'])
    expect(told('BEGIN; INSERT INTO t VALUES (3, 3); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT')).toEqual([
      't 3: -> 3, 3',
    ])
    expect(told('BEGIN; DELETE FROM t; ROLLBACK; INSERT OR IGNORE INTO t VALUES (1, 9)')).toEqual([])
    expect(told('BEGIN; INSERT INTO t VALUES (4, 4)')).toEqual([])
    expect(told('INSERT INTO t VALUES (5, 5)', 'INSERT OR ROLLBACK INTO t VALUES (6, 6), (7, 1)')).toEqual([
      't 5: -> 5, 5',
    ])
  })

  test('C3: deletes come first; a row whose key changes is one of them', () => {
    const { told } = ledgerOf(
      'CREATE TABLE t(k TEXT PRIMARY KEY, v)',
      "INSERT INTO t VALUES ('a', 1), ('b', 2)",
      'CREATE TABLE w(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID',
      "INSERT INTO w VALUES ('a', 1)",
    )
    expect(told("UPDATE t SET k = 'c' WHERE k = 'b'; DELETE FROM t WHERE k = 'a'; UPDATE t SET k = 'a'")).toEqual([
      't 2: "b", 2 ->',
      't 1: "a", 1 ->',
      't 2: -> "a", 2',
    ])
    expect(told("INSERT OR REPLACE INTO w VALUES ('A', 1)")).toEqual(['w: "a", 1 ->', 'w: -> "A", 1'])
  })

  test('C4: triggers and cascades are told, and so is a table cleared at once', () => {
    const { told } = ledgerOf(
      'CREATE TABLE p(id INTEGER PRIMARY KEY)',
      'CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)',
      'CREATE TABLE log(n)',
      'CREATE TRIGGER d AFTER DELETE ON c BEGIN INSERT INTO log VALUES (old.id); DELETE FROM q; END',
      'CREATE TABLE q(x)',
      'INSERT INTO p VALUES (1)',
      'INSERT INTO c VALUES (7, 1)',
      'INSERT INTO q VALUES (1), (2)',
    )
    expect(told('DELETE FROM p')).toEqual(['p 1: 1 ->', 'c 7: 7, 1 ->', 'q 1: 1 ->', 'q 2: 2 ->', 'log 1: -> 7'])
  })
})

describe('values and tables', () => {
  test('C5: values are exact; generated columns are left out', () => {
    const { told } = ledgerOf('CREATE TABLE t(a, v AS (a || 1), b REAL, s AS (1) STORED, c)')
    expect(
      told("INSERT INTO t VALUES (9007199254740993, 1, x'00ff'), (NULL, -0.0, 'a''\u00e9'), (zeroblob(0), 1e300, '')"),
    ).toEqual([
      "t 1: -> 9007199254740993, real 1, x'00ff'",
      't 2: -> null, real 0, "a\'\u00e9"',
      't 3: -> x\'\', real 1e+300, ""',
    ])
    expect(told('UPDATE t SET c = 1 WHERE a IS NULL')).toEqual(['t 2: null, real 0, "a\'\u00e9" -> null, real 0, 1'])
  })

  test("C5: the ledger's tables, SQLite's, virtual ones and their shadows are not told", () => {
    const { told } = ledgerOf(
      'CREATE TABLE docs_content_(x)',
      'CREATE VIRTUAL TABLE docs USING fts5(x)',
      'CREATE VIRTUAL TABLE r USING rtree(id, a, b)',
      'CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT)',
    )
    expect(
      told(
        "INSERT INTO docs VALUES ('a'), ('b'); DELETE FROM docs WHERE rowid = 1; INSERT INTO r VALUES (1, 2, 3);" +
          'INSERT INTO auto DEFAULT VALUES; INSERT INTO docs_content_ VALUES (1)',
      ),
    ).toEqual(['auto 1: -> 1', 'docs_content_ 1: -> 1'])
  })

  test('C5: names are what SQLite takes them for', () => {
    const { told } = ledgerOf('CREATE TABLE "Ä"(a)', 'CREATE TABLE "ä"(a, b)', 'CREATE TABLE "a ""b"(c)')
    expect(
      told(
        'INSERT INTO "Ä" VALUES (1)',
        'INSERT INTO "ä" VALUES (2, 3)',
        'CREATE TABLE Big(x); INSERT INTO big VALUES (4)',
      ),
    ).toEqual(['Ä 1: -> 1', 'ä 1: -> 2, 3', 'create table Big on Big: CREATE TABLE Big(x)', 'Big 1: -> 4'])
    expect(told('INSERT INTO "a ""b" VALUES (5)', 'DROP TABLE BIG')).toEqual([
      'a "b 1: -> 5',
      'drop table Big on Big: DROP TABLE BIG',
    ])
  })

  test('C5: a rowid that columns hide is found by its other names; where it has none left, the table is reset', () => {
    const { told } = ledgerOf('CREATE TABLE t(rowid, oid)', 'CREATE TABLE u(rowid, oid, _rowid_)')
    expect(told('INSERT INTO t VALUES (5, 6)', 'INSERT INTO u VALUES (1, 2, 3)')).toEqual(['t 1: -> 5, 6', 'reset u'])
  })
})

describe('changes of the schema', () => {
  test('C6: are told in their place, with the rows before and after them', () => {
    const { told } = ledgerOf('CREATE TABLE t(a)', 'INSERT INTO t VALUES (1)')
    expect(
      told(
        'BEGIN; INSERT INTO t VALUES (2); CREATE TABLE new AS SELECT a, a + 1 AS b FROM t; DROP TABLE t;' +
          'ALTER TABLE new RENAME TO t; UPDATE t SET b = 0 WHERE a = 1; COMMIT',
      ),
    ).toEqual([
      't 2: -> 2',
      'create table new on new: CREATE TABLE new(a,b)',
      'new 1: -> 1, 2',
      'new 2: -> 2, 3',
      'drop table t on t: DROP TABLE t;',
      'alter table new on new: ALTER TABLE new RENAME TO t;',
      't 1: 1, 2 -> 1, 0',
    ])
    expect(
      told(
        'CREATE TABLE IF NOT EXISTS t(z)',
        'CREATE INDEX i ON t(a)',
        'CREATE VIEW v AS SELECT 1',
        'DROP VIEW v',
        'ANALYZE',
        'REINDEX',
      ),
    ).toEqual([
      'create index i on t: CREATE INDEX i ON t(a)',
      'create view v on v: CREATE VIEW v AS SELECT 1',
      'drop view v on v: DROP VIEW v',
    ])
  })

  test('C6: undone ones are not told, and leave what was done around them', () => {
    const { told } = ledgerOf('CREATE TABLE t(a)', 'INSERT INTO t VALUES (1)')
    expect(
      told(
        'BEGIN; UPDATE t SET a = 2; SAVEPOINT s; ALTER TABLE t ADD COLUMN b DEFAULT 7; UPDATE t SET b = 8;' +
          'INSERT INTO t VALUES (3, 3); ALTER TABLE t ADD COLUMN c; UPDATE t SET c = 1; ROLLBACK TO s;' +
          'INSERT INTO t VALUES (4); ALTER TABLE t ADD COLUMN d; COMMIT',
      ),
    ).toEqual(['t 1: 1 -> 2', 't 2: -> 4', 'alter table t on t: ALTER TABLE t ADD COLUMN d;'])
    expect(
      told(
        'BEGIN; INSERT INTO t(a) VALUES (5); CREATE TABLE u(x); INSERT INTO u VALUES (1); ROLLBACK',
        'CREATE TABLE u(y); INSERT INTO u VALUES (2)',
      ),
    ).toEqual(['create table u on u: CREATE TABLE u(y)', 'u 1: -> 2'])
  })

  test('C6: tables that were made, renamed and dropped in what was undone, over several transactions', () => {
    const { told } = ledgerOf('CREATE TABLE t(a)', 'INSERT INTO t VALUES (1)')
    expect(
      told(
        'BEGIN; SAVEPOINT s; ALTER TABLE t RENAME TO u; CREATE TABLE t(z, y); INSERT INTO t VALUES (7, 7); ROLLBACK TO s;' +
          'SAVEPOINT r; DROP TABLE t; CREATE TABLE t(b); ROLLBACK TO r; UPDATE t SET a = 2; COMMIT',
        'BEGIN; ALTER TABLE t RENAME TO u; ROLLBACK; INSERT INTO t VALUES (3)',
        'CREATE TABLE w(x); nonsense',
        'INSERT INTO w VALUES (4)',
        "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('y'); DROP TABLE f; CREATE TABLE f(b); INSERT INTO f VALUES (5)",
      ),
    ).toEqual([
      't 1: 1 -> 2',
      't 2: -> 3',
      'create table w on w: CREATE TABLE w(x)',
      'w 1: -> 4',
      'create table f on f: CREATE VIRTUAL TABLE f USING fts5(x)',
      'drop table f on f: DROP TABLE f;',
      'create table f on f: CREATE TABLE f(b)',
      'f 1: -> 5',
    ])
  })

  test('C6: one that fails, or changes nothing, leaves what was done before it', () => {
    const { told } = ledgerOf('CREATE TABLE t(a)', 'INSERT INTO t VALUES (1)')
    expect(told('BEGIN; INSERT INTO t VALUES (1); CREATE TABLE IF NOT EXISTS t(z); REINDEX t; COMMIT')).toEqual([
      't 2: -> 1',
    ])
    const ledger = new TestLedger(engine).found('CREATE TABLE t(a)', 'INSERT INTO t VALUES (1)')
    ledger.run(executes('BEGIN', 'INSERT INTO t VALUES (1)', 'CREATE UNIQUE INDEX u ON t(a)', 'COMMIT'))
    expect(linesOf(ledger.changes(other))).toEqual(['t 2: -> 1'])
  })

  test('C6: rows changed by a DROP TABLE elsewhere', () => {
    const { told } = ledgerOf(
      'CREATE TABLE p(id INTEGER PRIMARY KEY)',
      'CREATE TABLE c(p REFERENCES p ON DELETE SET NULL)',
      'INSERT INTO p VALUES (1)',
      'INSERT INTO c VALUES (1)',
    )
    expect(told('BEGIN; INSERT INTO c VALUES (NULL); DROP TABLE p; COMMIT')).toEqual([
      'c 2: -> null',
      'drop table p on p: DROP TABLE p;',
      'c 1: 1 -> null',
    ])
  })
})

describe('repeating', () => {
  test('C7: what failed, was refused or conflicted in the ledger is not told, and does not disturb the others', () => {
    const ledger = new TestLedger(engine).found('CREATE TABLE t(a)')
    const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n'
    const one = transaction(executes('INSERT INTO t VALUES (1)'))
    ledger.block([
      one,
      transaction(executes(endless)),
      one,
      Uint8Array.of(1, 2, 3),
      transaction(executes({ ...statement('SELECT count(*) FROM t'), expect: '0'.repeat(64) as never })),
      transaction(executes('INSERT INTO t SELECT total_changes()')),
    ])
    const told = ledger.changes(other)
    expect(told.map((each) => each.index)).toEqual([0, 5])
    expect(linesOf(told)).toEqual([
      't 1: -> 1',
      `t 2: -> ${String(ledger.rows('SELECT a FROM t WHERE rowid = 2')[0]?.[0])}`,
    ])
  })

  test('C7: replies that differ from the recorded ones are local trouble', () => {
    const ledger = new TestLedger(engine).found('CREATE TABLE t(a)')
    ledger.run(executes('INSERT INTO t VALUES (1) RETURNING a'))
    const { base, context, content } = ledger.last ?? expect.unreachable()
    const lie = encodeOutcome({ kind: 'executed', replies: [{ kind: 'sequence' }], gas: 1 })
    expect(() => changesOfBlock(other, base, context, content, [lie])).toThrow(
      /transaction 0 of block 1, repeated, gave something else/,
    )
  })

  test('C8: beyond the bounds of a block, tables are reset', () => {
    const { told } = ledgerOf('CREATE TABLE t(a)', 'CREATE TABLE u(b)')
    const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${CHANGE_LIMITS.rowsMax})`
    expect(told(`${many} INSERT INTO t SELECT 1 FROM n`)).toHaveLength(CHANGE_LIMITS.rowsMax)
    expect(
      told(
        'CREATE INDEX i ON t(a); DELETE FROM t; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)',
        'INSERT INTO u VALUES (2)',
      ),
    ).toEqual(['create index i on t: CREATE INDEX i ON t(a);', 'reset t', 'reset u', 'reset u'])
  })

  test('C8: what can not be watched is run all the same, and told as a reset of everything', async () => {
    class Blind extends Engine {
      override watchRows(connection: Connection, listener: ((call: RowCall) => void) | undefined): void {
        // The engine traps inside the statement that it was to tell of.
        super.watchRows(connection, listener === undefined ? undefined : () => this.refuel(0))
      }
    }
    const blind = new Blind(await loadModule(), { verify: other.verify })
    const ledger = new TestLedger(engine).found('CREATE TABLE t(a)', 'INSERT INTO t VALUES (5)')
    ledger.run(executes('DELETE FROM t'), executes('SELECT 1'))
    expect(linesOf(ledger.changes(blind))).toEqual(['reset everything'])
    ledger.run(executes('INSERT INTO t VALUES (6)'))
    expect(linesOf(ledger.changes(other))).toEqual(['t 1: -> 6'])
  })

  test('C9: watching would change outcomes where blocks are executed: gas and state root', async () => {
    class Watched extends Engine {
      override open(overlay: Overlay, options: OpenOptions = {}): Opened {
        const opened = super.open(overlay, options)
        this.watchRows(opened.connection, () => undefined)
        return opened
      }
    }
    const watched = new Watched(await loadModule(), { verify: engine.verify })
    const rows = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)'
    const [plain, other] = [engine, watched].map((each) => {
      const ledger = new TestLedger(each).found(
        'CREATE TABLE t(a, b)',
        `${rows} INSERT INTO t SELECT i, 'some text of a row ' || i FROM n`,
      )
      const before = ledger.root
      const [outcome] = ledger.block([transaction(executes('DELETE FROM t'), { id: 'x' })])
      return { before, after: ledger.root, gas: outcome?.kind === 'executed' ? outcome.gas : undefined }
    })
    expect(other?.before).toBe(plain?.before)
    expect(other?.after).not.toBe(plain?.after)
    expect([plain?.gas, other?.gas]).toEqual([131, 9133])
  })

  test('C9: repeating a block leaves the state of the ledger as it is', () => {
    const [told, plain] = [new TestLedger(engine), new TestLedger(engine)]
    for (const ledger of [told, plain]) {
      ledger.found(...SCHEMA)
      for (let at = 0; at < 3; at += 1) {
        ledger.block([
          transaction(executes(`INSERT INTO parent VALUES (${at}, 'n${at}', 1)`, 'DELETE FROM log'), { id: `p${at}` }),
        ])
        if (ledger === told) ledger.changes(engine)
      }
    }
    expect(told.root).toBe(plain.root)
  })
})
