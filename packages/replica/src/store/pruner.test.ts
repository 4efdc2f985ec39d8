// Goal: what is pruned goes, with all that belongs to it, and nothing else; in steps that are small, that a crash between them
// doesn't harm, and that keep up with what is added. Method: the file itself, step by step, with another connection counting rows;
// random ledgers against a model.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LEDGER_FILE, LedgerFile } from './ledger-file.ts'
import type { StoreRecord } from './record.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { Store } from './store.ts'

const LEDGER = 'ab'.repeat(32)
let folder = ''
let file: LedgerFile

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-prune-'))
  file = new LedgerFile({ folder, ledgerId: LEDGER })
})

afterEach(() => {
  file.close()
  rmSync(folder, { recursive: true })
})

function reopen(): void {
  file.close()
  file = new LedgerFile({ folder, ledgerId: LEDGER })
}

function block(height: number, transactions: number, size = 10): readonly StoreRecord[] {
  const bytes = new Uint8Array(size).fill(height)
  const ids = Array.from({ length: transactions }, (_, i) => `tx ${height} ${i}`)
  return [
    { kind: 'block', height, header: Uint8Array.of(height % 256), body: bytes, results: bytes, transactions: ids },
    { kind: 'vote', height, bytes: Uint8Array.of(1) },
    { kind: 'certificate', height, bytes: Uint8Array.of(2) },
  ]
}

function unit(view: string, round: number, creator: number, size = 10): StoreRecord {
  const hash = `${view} ${round} ${creator}`
  return { kind: 'unit', view, hash, creator, round, own: creator === 0, bytes: new Uint8Array(size) }
}

function tidyUp(stepsMax: number = Infinity): number {
  let steps = 0
  for (; file.isUntidy && steps < stepsMax; steps += 1) file.tidy()
  return steps
}

function query(sql: string): readonly number[] {
  const db = new DatabaseSync(join(folder, LEDGER_FILE), { readOnly: true })
  const rows = db.prepare(sql).all()
  db.close()
  return rows.map((row) => Number(Object.values(row)[0]))
}

const count = (table: string): number => query(`SELECT count(*) FROM ${table}`)[0] ?? 0
const heights = (table: string): readonly number[] => query(`SELECT height FROM ${table} ORDER BY height`)

describe('blocks', () => {
  test('below the height go with all that is theirs, those to keep stay, wherever it is cut off', () => {
    const raises = fc.array(
      fc.record({
        below: fc.nat(40),
        keep: fc.array(fc.nat(39), { maxLength: 4 }),
        steps: fc.nat(4),
        again: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(fc.array(fc.nat(300), { minLength: 40, maxLength: 40 }), raises, (sizes, wishes) => {
        file.close()
        rmSync(folder, { recursive: true })
        file = new LedgerFile({ folder, ledgerId: LEDGER })
        file.write(sizes.flatMap((size, height) => block(height, size)))
        const kept = new Set<number>()
        let floor = 0
        for (const { below, keep, steps, again } of wishes) {
          // What is gone already can't be kept any more.
          const able = keep.filter((height) => height >= floor)
          file.write([{ kind: 'prune-blocks', below, keep: able }])
          for (const height of able) kept.add(height)
          floor = Math.max(floor, below)
          tidyUp(steps)
          if (again) reopen()
        }
        tidyUp()
        const left = sizes.map((_, height) => height).filter((height) => height >= floor || kept.has(height))
        for (const table of ['blocks', 'certificates', 'votes']) expect(heights(table)).toEqual(left)
        const places = query('SELECT DISTINCT height FROM transactions ORDER BY height')
        expect(places).toEqual(left.filter((height) => (sizes[height] ?? 0) > 0))
        expect(heights('indexed')).toEqual(places)
        expect(count('unindexed')).toBe(0)
        expect(file.read({ kind: 'pruned-below' })).toBe(floor)
        reopen()
        expect(file.read({ kind: 'pruned-below' })).toBe(floor)
      }),
      { seed: 8, numRuns: 12 },
    )
  })

  test('a step deletes few rows and few bytes', () => {
    file.write(Array.from({ length: 600 }, (_, height) => block(height, height < 4 ? 500 : 0)).flat())
    file.write([700, 701, 702, 703].flatMap((height) => block(height, 0, 3 * 1024 * 1024)))
    tidyUp()
    file.write([{ kind: 'prune-blocks', below: 703, keep: [] }])
    let blocks = count('blocks')
    let transactions = count('transactions')
    const large = (): number => heights('blocks').filter((height) => height >= 700).length
    while (file.isUntidy) {
      const before = large()
      file.tidy()
      const [blocksNow, transactionsNow] = [count('blocks'), count('transactions')]
      expect(blocks - blocksNow).toBeLessThanOrEqual(256)
      expect(transactions - transactionsNow).toBeLessThanOrEqual(256)
      // Each of the large ones fills a step.
      expect(before - large()).toBeLessThanOrEqual(1)
      blocks = blocksNow
      transactions = transactionsNow
    }
    expect([blocks, transactions]).toEqual([1, 0])
  })

  test('under a load without pause pruning keeps up', () => {
    let height = 0
    for (let checkpoint = 0; checkpoint < 6; checkpoint += 1) {
      for (let i = 0; i < 100; i += 1, height += 1) file.write(block(height, 900))
      // Nobody ever tidies: only what writing itself owes is done.
      file.write([{ kind: 'prune-blocks', below: height - 10, keep: [] }])
    }
    expect(count('blocks')).toBeLessThan(250)
    // Two hundred blocks' ids, and what may be owed.
    expect(count('transactions')).toBeLessThan(300 * 900)
  })

  test('that are pruned are not written again; a late certificate is nothing new', () => {
    file.write([...block(1, 1), ...block(2, 1), ...block(9, 1), { kind: 'prune-blocks', below: 5, keep: [2, 3] }])
    tidyUp()
    file.write([{ kind: 'certificate', height: 1, bytes: Uint8Array.of(7) }])
    expect(heights('certificates')).toEqual([2, 9])
    // The view chain may come later than the wish to keep it.
    file.write(block(3, 0))
    expect(heights('blocks')).toEqual([2, 3, 9])
    expect(() => file.write([{ kind: 'vote', height: 4, bytes: Uint8Array.of(1) }])).toThrow(
      expect.objectContaining({ code: 'STORE_PRUNED' }),
    )
    expect(() => file.write(block(1, 0))).toThrow(expect.objectContaining({ code: 'STORE_PRUNED' }))
  })

  test('take only their own places out of the index', () => {
    file.write(block(1, 2))
    file.write([{ ...(block(2, 0)[0] as StoreRecord & { kind: 'block' }), transactions: ['tx 1 0', 'tx 2 1'] }])
    file.write([{ ...(block(5, 0)[0] as StoreRecord & { kind: 'block' }), transactions: ['tx 2 1', 'tx 5 1'] }])
    tidyUp()
    file.write([{ kind: 'prune-blocks', below: 3, keep: [1] }])
    tidyUp()
    const place = (id: string): unknown => file.read({ kind: 'transaction', id })
    expect(place('tx 1 0')).toEqual({ height: 1, position: 0 })
    expect(place('tx 2 1')).toBeUndefined()
    expect(place('tx 5 1')).toEqual({ height: 5, position: 1 })
  })

  test('are given in a row: behind a gap nothing is passed off as the next', async () => {
    file.write([1, 2, 3, 4, 5, 6].flatMap((height) => block(height, 1)))
    file.write([{ kind: 'prune-blocks', below: 5, keep: [1, 2] }])
    tidyUp()
    file.close()
    const store = await Store.open({ folder, ledgerId: LEDGER })
    const found = async (from: number): Promise<readonly number[]> =>
      (await store.blocks(from, 100, 1e9)).map(({ height }) => height)
    expect([await found(0), await found(1), await found(3), await found(5)]).toEqual([[], [1, 2], [], [5, 6]])
    expect(await store.block(4)).toBeUndefined()
    expect(await store.prunedBelow()).toBe(5)
    expect(await store.transaction('tx 4 0')).toBeUndefined()
    expect(await store.transaction('tx 2 0')).toEqual({ height: 2, position: 0 })
    expect(await store.transaction('tx 6 0')).toEqual({ height: 6, position: 0 })
    expect((await store.certifiedTip())?.height).toBe(6)
    await store.close()
    file = new LedgerFile({ folder, ledgerId: LEDGER })
  })
})

describe('views', () => {
  test('that have ended lose their units, in small steps, and no other view does', () => {
    const units = (view: string, rounds: number): readonly StoreRecord[] =>
      Array.from({ length: rounds * 4 }, (_, i) => unit(view, Math.floor(i / 4), i % 4))
    file.write([...units('old', 200), ...units('older', 50), ...units('now', 30), unit('old', 999, 1, 5 * 1024 * 1024)])
    file.write([
      { kind: 'prune-view', view: 'old' },
      { kind: 'prune-view', view: 'older' },
      { kind: 'prune-view', view: 'never was' },
    ])
    let before = count('units')
    for (let step = 0; file.isUntidy; step += 1) {
      file.tidy()
      expect(before - count('units')).toBeLessThanOrEqual(256)
      before = count('units')
      if (step === 1) reopen()
    }
    expect(count('units')).toBe(120)
    expect(count('ended_views')).toBe(0)
  })
})

test('a store of the schema before is brought up, with what it holds', () => {
  file.write([...block(1, 3), ...block(2, 3)])
  tidyUp()
  file.close()
  const db = new DatabaseSync(join(folder, LEDGER_FILE))
  db.exec('DROP TABLE indexed; DROP TABLE kept; DROP TABLE ended_views')
  db.exec(`UPDATE meta SET value = '2' WHERE key = 'schema_version'`)
  db.close()
  file = new LedgerFile({ folder, ledgerId: LEDGER })
  expect(query(`SELECT value FROM meta WHERE key = 'schema_version'`)).toEqual([SCHEMA_VERSION])
  file.write([{ kind: 'prune-blocks', below: 2, keep: [] }])
  tidyUp()
  expect(heights('blocks')).toEqual([2])
  expect(heights('indexed')).toEqual([2])
  expect(count('transactions')).toBe(3)
})
