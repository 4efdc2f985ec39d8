// Goal: the judge sees every way in which a ledger could break its promises. Method: a small true story (two members, four writes,
// some reads), told once as it was and once for each lie; each lie must be found under its rule's name, the truth must pass.

import { describe, expect, test } from 'vitest'
import { check } from './check.ts'
import type { History, Read, Write } from './history.ts'
import type { Block, Ledger, Place } from './ledger.ts'

const create = { sql: 'CREATE TABLE t(a INTEGER PRIMARY KEY)', args: [] }
const insert = (a: number): { sql: string; args: readonly number[] } => ({
  sql: 'INSERT INTO t(a) VALUES (?) RETURNING a',
  args: [a],
})
const results = (a: number) => [{ rows: [[`i ${a}`]], affectedRows: 1 }]
const count = { sql: 'SELECT count(*) FROM t', args: [] }

const PLACES: readonly Place[] = [
  {
    height: 1,
    position: 0,
    id: 'create',
    statements: [create],
    outcome: { kind: 'done', results: [{ rows: [], affectedRows: 0 }] },
  },
  { height: 2, position: 0, id: 'one', statements: [insert(1)], outcome: { kind: 'done', results: results(1) } },
  { height: 2, position: 1, id: 'two', statements: [insert(2)], outcome: { kind: 'done', results: results(2) } },
  {
    height: 3,
    position: 0,
    id: 'one',
    statements: [insert(1)],
    outcome: { kind: 'duplicate', height: 2, position: 0 },
  },
  {
    height: 3,
    position: 1,
    id: 'again',
    statements: [insert(2)],
    outcome: { kind: 'failed', code: 'SQLITE_CONSTRAINT' },
  },
]

function blocksOf(places: readonly Place[]): readonly Block[] {
  return [0, 1, 2, 3].map((height) => ({
    height,
    hash: `block ${height}`,
    previous: `block ${height - 1}`,
    stateRoot: `root ${height}`,
    fingerprint: `print ${height}`,
    places: places.filter((place) => place.height === height),
  }))
}

function ledgersOf(places: readonly Place[]): readonly Ledger[] {
  const blocks = blocksOf(places)
  // One member may be a block behind.
  return [
    { member: 1, blocks },
    { member: 2, blocks: blocks.slice(0, 3) },
  ]
}

function writeOf(id: string, times: readonly [number, number]): Write {
  const place = PLACES.find((each) => each.id === id)
  if (place === undefined || (place.outcome.kind !== 'done' && place.outcome.kind !== 'failed')) throw new Error(id)
  const { height, position, statements, outcome } = place
  const [invokedMs, endedMs] = times
  return { kind: 'write', id, statements, invokedMs, endedMs, attempts: 1, answer: { height, position, ...outcome } }
}

const WRITES: readonly Write[] = [
  writeOf('create', [0, 10]),
  writeOf('one', [20, 40]),
  writeOf('two', [25, 35]),
  writeOf('again', [50, 60]),
]

function readOf(level: Read['level'], height: number, rows: number, invokedMs: number): Read {
  const statement = count
  const endedMs = invokedMs + 5
  return { kind: 'read', member: 1, level, statement, invokedMs, endedMs, height, rows: [[`i ${rows}`]] }
}

const READS: readonly Read[] = [
  readOf({ kind: 'linearizable' }, 2, 2, 41),
  readOf({ kind: 'local' }, 1, 0, 70),
  readOf({ kind: 'at-least', height: 2 }, 3, 2, 71),
  readOf({ kind: 'as-of', height: 1 }, 1, 0, 72),
]

const TRUTH: History = { writes: WRITES, reads: READS }

function rulesOf(ledgers: readonly Ledger[], history: History): readonly string[] {
  return [...new Set(check(ledgers, history).map(({ rule }) => rule))]
}

function replaced<T>(list: readonly T[], at: number, change: Partial<T>): readonly T[] {
  return list.map((each, i) => (i === at ? { ...each, ...change } : each))
}

test('the truth passes', () => {
  expect(check(ledgersOf(PLACES), TRUTH)).toEqual([])
})

test("a row whose checksum tells of rot is nobody's word, wherever the rest is", () => {
  const [first, second] = ledgersOf(PLACES)
  const rotten = { fingerprint: '', places: [], isDamaged: true } as const
  const blocks = replaced(second?.blocks ?? [], 2, rotten)
  const well = first ?? { member: 1, blocks }
  expect(check([well, { member: 2, blocks }], TRUTH)).toEqual([])
  expect(check([{ member: 2, blocks }, well], TRUTH)).toEqual([])
  const elsewhere = replaced(blocks, 1, { fingerprint: 'another' })
  expect(rulesOf([well, { member: 2, blocks: elsewhere }], TRUTH)).toEqual(['AGREEMENT'])
})

describe('a lie about the ledgers is found', () => {
  test.each<[string, string, () => readonly Ledger[]]>([
    [
      'AGREEMENT',
      'two members have different blocks at a height',
      () => {
        const [first, second] = ledgersOf(PLACES)
        const blocks = replaced(second?.blocks ?? [], 2, { fingerprint: 'another' })
        return [first ?? { member: 1, blocks }, { member: 2, blocks }]
      },
    ],
    [
      'AGREEMENT',
      'a block names another one before it',
      () => [{ member: 1, blocks: replaced(blocksOf(PLACES), 2, { previous: 'elsewhere' }) }],
    ],
    [
      'AGREEMENT',
      'a height is missing',
      () => [{ member: 1, blocks: blocksOf(PLACES).filter(({ height }) => height !== 2) }],
    ],
    ['ACKNOWLEDGED', 'what was acknowledged is gone', () => ledgersOf(PLACES.filter(({ id }) => id !== 'again'))],
    ['ACKNOWLEDGED', 'it stands elsewhere', () => ledgersOf(replaced(PLACES, 4, { position: 2 }))],
    [
      'ACKNOWLEDGED',
      'it has another outcome',
      () => ledgersOf(replaced(PLACES, 4, { outcome: { kind: 'done', results: results(2) } })),
    ],
    [
      'ONCE',
      'a transaction ran twice',
      () => ledgersOf(replaced(PLACES, 3, { outcome: { kind: 'done', results: results(1) } })),
    ],
    [
      'ONCE',
      'a duplicate points elsewhere',
      () => ledgersOf(replaced(PLACES, 3, { outcome: { kind: 'duplicate', height: 2, position: 1 } })),
    ],
    ['STRANGER', 'nobody sent it', () => ledgersOf(replaced(PLACES, 4, { id: 'unheard of' }))],
    ['STRANGER', 'it was sent with other words', () => ledgersOf(replaced(PLACES, 2, { statements: [insert(3)] }))],
    [
      'SERIAL',
      'SQLite says otherwise',
      () => ledgersOf(replaced(PLACES, 2, { outcome: { kind: 'done', results: results(9) } })),
    ],
  ])('%s: %s', (rule, _what, ledgers) => {
    expect(rulesOf(ledgers(), TRUTH)).toContain(rule)
  })
})

describe('a lie to a client is found', () => {
  test.each<[string, string, History]>([
    [
      'REAL_TIME',
      'a write stands before one that was over when it began',
      { ...TRUTH, writes: replaced(WRITES, 1, { invokedMs: 65, endedMs: 70 }) },
    ],
    ['READ', 'rows that never were', { ...TRUTH, reads: replaced(READS, 0, { rows: [['i 7']] }) }],
    ['READ', 'rows of another height', { ...TRUTH, reads: replaced(READS, 0, { rows: [['i 0']] }) }],
    ['READ', 'a height that no ledger has', { ...TRUTH, reads: replaced(READS, 2, { height: 9 }) }],
    [
      'READ_LEVEL',
      'a linearizable read misses what was acknowledged',
      { ...TRUTH, reads: replaced(READS, 0, { height: 1, rows: [['i 0']] }) },
    ],
    [
      'READ_LEVEL',
      'a linearizable read is behind an earlier one',
      {
        ...TRUTH,
        reads: [...READS, readOf({ kind: 'linearizable' }, 3, 2, 42), readOf({ kind: 'linearizable' }, 2, 2, 48)],
      },
    ],
    ['READ_LEVEL', 'less than at-least', { ...TRUTH, reads: replaced(READS, 2, { height: 1, rows: [['i 0']] }) }],
    ['READ_LEVEL', 'not as-of', { ...TRUTH, reads: replaced(READS, 3, { height: 2, rows: [['i 2']] }) }],
  ])('%s: %s', (rule, _what, history) => {
    expect(rulesOf(ledgersOf(PLACES), history)).toContain(rule)
  })
})
