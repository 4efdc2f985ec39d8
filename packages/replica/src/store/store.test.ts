// Goal: what is appended can be read back, bounded reads get on, and nothing durable is ever contradicted. Method: real
// files in a temporary folder, through the store's thread.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StoreRecord } from './record.ts'
import { EVIDENCE_PER_MEMBER_MAX, STORE_LIMITS } from './record.ts'
import { Store } from './store.ts'
import { BACKLOG_BLOCKS_MAX } from './transaction-index.ts'

const LEDGER = 'ab'.repeat(32)
let folder = ''
let store: Store

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
  store = await Store.open({ folder, ledgerId: LEDGER })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

async function reopen(): Promise<void> {
  await store.close()
  store = await Store.open({ folder, ledgerId: LEDGER })
}

function block(height: number, size = 10, transactions: readonly string[] = []): StoreRecord {
  const bytes = new Uint8Array(size).fill(height)
  return { kind: 'block', height, header: Uint8Array.of(height, 1), body: bytes, results: bytes, transactions }
}

function unit(round: number, creator: number, own = false, size = 10): StoreRecord {
  const hash = `${round}-${creator}`
  return { kind: 'unit', view: 'v', hash, creator, round, own, bytes: new Uint8Array(size).fill(round) }
}

describe('blocks', () => {
  test('come back with their certificates, also after reopening', async () => {
    expect(await store.tip()).toBeUndefined()
    await store.append([block(0), block(1), { kind: 'certificate', height: 0, bytes: Uint8Array.of(7) }])
    await reopen()
    expect((await store.tip())?.height).toBe(1)
    const certificate = Uint8Array.of(7)
    expect(await store.certifiedTip()).toEqual({ height: 0, header: Uint8Array.of(0, 1), certificate })
    expect(await store.block(0)).toEqual({
      height: 0,
      header: Uint8Array.of(0, 1),
      body: new Uint8Array(10),
      results: new Uint8Array(10),
      certificate: Uint8Array.of(7),
    })
    expect((await store.block(1))?.certificate).toBeUndefined()
    expect(await store.block(2)).toBeUndefined()
  })

  test('a range is bounded by bytes and by count, but never empty where there is a block', async () => {
    await store.append(Array.from({ length: 10 }, (_, i) => block(i, 1000)))
    const heights = async (from: number, countMax: number, bytesMax: number): Promise<number[]> =>
      (await store.blocks(from, countMax, bytesMax)).map((b) => b.height)
    expect(await heights(3, 100, 1)).toEqual([3])
    expect(await heights(3, 100, 2002 * 3)).toEqual([3, 4, 5])
    expect(await heights(3, 2, 1e9)).toEqual([3, 4])
    expect(await heights(8, 100, 1e9)).toEqual([8, 9])
    expect(await heights(10, 100, 1e9)).toEqual([])
  })

  test('written twice the same is nothing new; another one at its height is refused for good', async () => {
    await store.append([block(5)])
    await store.append([block(5)])
    const other: StoreRecord = { ...(block(5) as StoreRecord & { kind: 'block' }), header: Uint8Array.of(9) }
    await expect(store.append([block(6), other])).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    await expect(store.append([block(7)])).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    await reopen()
    expect((await store.tip())?.height).toBe(5)
  })
})

describe('votes and own units', () => {
  test('no second vote at a height', async () => {
    await store.append([{ kind: 'vote', height: 3, bytes: Uint8Array.of(1) }])
    await store.append([{ kind: 'vote', height: 3, bytes: Uint8Array.of(1) }])
    expect(await store.vote(3)).toEqual(Uint8Array.of(1))
    expect(await store.vote(4)).toBeUndefined()
    expect(await store.lastVote()).toEqual({ height: 3, bytes: Uint8Array.of(1) })
    const second = store.append([{ kind: 'vote', height: 3, bytes: Uint8Array.of(2) }])
    await expect(second).rejects.toThrow('vote at height 3')
  })

  test('no second own unit in a round; others may fork', async () => {
    const fork: StoreRecord = { ...(unit(1, 1) as StoreRecord & { kind: 'unit' }), hash: 'fork' }
    await store.append([unit(1, 0, true), unit(1, 1), fork])
    await store.append([unit(1, 0, true)])
    expect((await store.ownUnit('v'))?.round).toBe(1)
    expect(await store.ownUnit('w')).toBeUndefined()
    const second: StoreRecord = { ...(unit(1, 0, true) as StoreRecord & { kind: 'unit' }), hash: 'other' }
    await expect(store.append([second])).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
  })
})

describe('units', () => {
  test('come page by page, by round, each once', async () => {
    const records = Array.from({ length: 60 }, (_, i) => unit(Math.floor(i / 4), i % 4, false, 100))
    await store.append(records.toReversed())
    const rounds: number[] = []
    const hashes = new Set<string>()
    for (let page = await store.units('v', 950); ; page = await store.units('v', 950, page.next)) {
      expect(page.units.length).toBeLessThanOrEqual(9)
      for (const { round, hash } of page.units) {
        rounds.push(round)
        hashes.add(hash)
      }
      if (page.next === undefined) break
    }
    expect(hashes.size).toBe(60)
    expect(rounds).toEqual(rounds.toSorted((a, b) => a - b))
  })

  test('below a round are forgotten, in their view only', async () => {
    await store.append([unit(1, 0), unit(2, 0), { ...(unit(1, 0) as StoreRecord & { kind: 'unit' }), view: 'w' }])
    await store.append([{ kind: 'prune-units', view: 'v', belowRound: 2 }])
    expect((await store.units('v', 1e9)).units.map((u) => u.round)).toEqual([2])
    expect((await store.units('w', 1e9)).units.length).toBe(1)
  })
})

describe('transactions', () => {
  test('are found at once, and the first place of an id counts', async () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `id ${i} "é\\`)
    await store.append([block(1, 10, ids), block(2, 10, ['new', ids[3]!])])
    expect(await store.transaction(ids[3]!)).toEqual({ height: 1, position: 3 })
    expect(await store.transaction('new')).toEqual({ height: 2, position: 0 })
    expect(await store.transaction('none')).toBeUndefined()
    await reopen()
    expect(await store.transaction(ids[999]!)).toEqual({ height: 1, position: 999 })
  })

  test('are found while and after the index catches up with more blocks than may wait', async () => {
    const count = BACKLOG_BLOCKS_MAX + 20
    for (let h = 0; h < count; h += 1) void store.append([block(h, 10, [`a${h}`, `b${h}`])])
    for (const h of [0, 1, 100, count - 1]) expect(await store.transaction(`b${h}`)).toEqual({ height: h, position: 1 })
  })
})

test('evidence is kept up to its bound, each proof once', async () => {
  const proof = (member: string, n: number): StoreRecord => ({ kind: 'evidence', member, bytes: Uint8Array.of(n) })
  await store.append([proof('b', 0), proof('b', 0)])
  await store.append(Array.from({ length: EVIDENCE_PER_MEMBER_MAX + 5 }, (_, i) => proof('a', i)))
  const evidence = await store.evidence()
  expect(evidence.filter((e) => e.member === 'a').length).toBe(EVIDENCE_PER_MEMBER_MAX)
  expect(evidence[0]).toEqual({ member: 'b', bytes: Uint8Array.of(0) })
  expect(evidence.filter((e) => e.member === 'b').length).toBe(1)
})

test('meta values are replaced', async () => {
  await store.append([{ kind: 'meta', key: 'view', value: '1' }])
  await store.append([{ kind: 'meta', key: 'view', value: '2' }])
  expect(await store.meta('view')).toBe('2')
  expect(await store.meta('ledger_id')).toBe(LEDGER)
  expect(await store.meta('none')).toBeUndefined()
})

test('appends that arrive together share commits, and bytes are taken when given', async () => {
  const shared = new Uint8Array(64 * 1024).fill(1)
  const appends = Array.from({ length: 300 }, (_, i) => {
    const bytes = shared.subarray(i, i + 3)
    return store.append([{ kind: 'vote', height: i, bytes }])
  })
  shared.fill(9)
  await Promise.all(appends)
  expect(store.stats()).toMatchObject({ appends: 300, waiting: 0, bytes: 900 })
  expect(store.stats().commits).toBeLessThan(300)
  expect(await store.vote(299)).toEqual(Uint8Array.of(1, 1, 1))
})

test('what waits for the disk is bounded; beyond it an append is refused and the store goes on', async () => {
  const meta: StoreRecord = { kind: 'meta', key: 'k', value: 'v' }
  const full = store.append(Array.from({ length: STORE_LIMITS.recordsMax }, () => meta))
  await expect(store.append([meta])).rejects.toMatchObject({ code: 'STORE_OVERLOADED' })
  await full
  await store.append([meta])
})

test('a closed store refuses', async () => {
  await store.close()
  await expect(store.append([block(1)])).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  await expect(store.tip()).rejects.toMatchObject({ code: 'STORE_CLOSED' })
})

test('any sequence of appends reads back as a map would, also after reopening', async () => {
  const step = fc.array(fc.tuple(fc.nat(30), fc.uint8Array({ maxLength: 300 })), { maxLength: 8 })
  const model = new Map<string, string>()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 5 }), fc.boolean(), async (steps, again) => {
      const waiting = steps.map((writes) => {
        for (const [key, bytes] of writes) model.set(String(key), Buffer.from(bytes).toString('hex'))
        return store.append(
          writes.map(([key, bytes]) => ({ kind: 'meta', key: String(key), value: Buffer.from(bytes).toString('hex') })),
        )
      })
      await Promise.all(waiting)
      if (again) await reopen()
      for (const [key, value] of model) expect(await store.meta(key)).toBe(value)
    }),
    { numRuns: 10 },
  )
})
