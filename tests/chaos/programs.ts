// The SQL of the load: few tables, hot keys, transactions that fail on purpose, values that grow and go. Nothing in it depends
// on time or randomness, so that a plain SQLite that runs the same statements in the ledger's order gives the same answers.

import type { Statement } from './history.ts'
import type { Random } from './random.ts'

const ACCOUNTS = 8
const COUNTERS = 3
const BIG_CHARS_MAX = 12_000

/** What must stand before the load begins. */
export const SCHEMA: readonly Statement[] = [
  'CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0))',
  'CREATE TABLE counter(k INTEGER PRIMARY KEY, n INTEGER NOT NULL)',
  'CREATE TABLE entry(id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, serial INTEGER NOT NULL, v TEXT, UNIQUE(writer, serial))',
  `INSERT INTO account(id, balance) VALUES ${Array.from({ length: ACCOUNTS }, (_, i) => `(${i}, 100)`).join(', ')}`,
].map((sql) => ({ sql, args: [] }))

/** A write of the client `writer`; `serial` is new in each. */
export function drawWrite(random: Random, writer: number, serial: number): readonly Statement[] {
  const insert = 'INSERT INTO entry(writer, serial, v) VALUES (?, ?, ?) RETURNING id'
  const one = (sql: string, ...args: readonly (number | string)[]): readonly Statement[] => [{ sql, args }]
  switch (random.whole(0, 9)) {
    case 0:
    case 1:
      return one(insert, writer, serial, `v${serial}`)
    case 2:
      return one(insert, writer, serial, 'x'.repeat(random.whole(1, BIG_CHARS_MAX)))
    case 3:
    case 4:
      return one(
        'INSERT INTO counter(k, n) VALUES (?, 1) ON CONFLICT(k) DO UPDATE SET n = n + 1 RETURNING n',
        random.whole(1, COUNTERS),
      )
    case 5:
    case 6: {
      const amount = random.whole(1, 60)
      const [from, to] = random.some(
        Array.from({ length: ACCOUNTS }, (_, i) => i),
        2,
      )
      return [
        { sql: 'UPDATE account SET balance = balance + ? WHERE id = ?', args: [amount, to ?? 0] },
        { sql: 'UPDATE account SET balance = balance - ? WHERE id = ?', args: [amount, from ?? 1] },
      ]
    }
    case 7:
      return one(
        'DELETE FROM entry WHERE id = (SELECT min(id) FROM entry WHERE writer = ?) RETURNING id, serial',
        writer,
      )
    case 8:
      return one(
        'INSERT INTO entry(writer, serial, v) SELECT ?, ?, coalesce(sum(n), 0) FROM counter RETURNING v',
        writer,
        serial,
      )
    default:
      return [
        { sql: insert, args: [writer, serial, 'once'] },
        { sql: insert, args: [writer, serial, 'twice'] },
      ]
  }
}

const READS = [
  'SELECT count(*), sum(balance), max(balance) FROM account',
  'SELECT k, n FROM counter ORDER BY k',
  'SELECT count(*), max(id), sum(length(v)) FROM entry',
  'SELECT id, writer, serial FROM entry ORDER BY id DESC LIMIT 5',
] as const

/** Reads that together look at every page of every table. */
export const READ_ALL: readonly Statement[] = [
  'SELECT id, balance FROM account ORDER BY id',
  'SELECT k, n FROM counter ORDER BY k',
  'SELECT count(*), sum(id), sum(writer * serial), sum(length(v)), max(v) FROM entry NOT INDEXED',
].map((sql) => ({ sql, args: [] }))

/** A statement that reads. */
export function drawRead(random: Random): Statement {
  return { sql: random.pick(READS), args: [] }
}
