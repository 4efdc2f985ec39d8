// Goal: every answer says where in the ledger it stands, so that a checker of histories need not guess, and a client can read what it
// wrote.
// Method: writes and reads by REST and Hrana before one replica, whose places are compared with the transactions that it shows.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await startHarness()
  await rest('CREATE TABLE t (a)')
  await rest('CREATE TABLE other (b)')
})
afterAll(() => harness.close())

interface Placed {
  readonly id: string
  readonly height: number
  readonly position: number
}

async function rest(sql: string): Promise<Placed> {
  const { status, json, headers } = await harness.post('/v1/transactions', { sql })
  expect(status).toBe(200)
  const placed = json as Placed
  expect(headers.get('quorate-height')).toBe(String(placed.height))
  return placed
}

async function heightOfRead(): Promise<number> {
  const { json, headers } = await harness.post('/v1/query', { sql: 'SELECT count(*) FROM t' })
  const { height } = json as { height: number }
  expect(headers.get('quorate-height')).toBe(String(height))
  return height
}

interface Pipeline {
  readonly baton: string | null
  readonly results: readonly { response?: { result?: { replication_index: string | null } } }[]
}

/** The replication index of each statement's result, and the baton. */
async function hrana(
  statements: readonly string[],
  baton?: string,
): Promise<readonly [(number | undefined)[], string]> {
  const requests = statements.map((sql) => ({ type: 'execute', stmt: { sql, want_rows: true } }))
  const { json, headers } = await harness.post('/v3/pipeline', { ...(baton === undefined ? {} : { baton }), requests })
  const pipeline = json as Pipeline
  const indexes = pipeline.results.map(({ response }) => Number(response?.result?.replication_index ?? Number.NaN))
  expect(headers.get('quorate-height')).toBe(String(indexes.at(-1)))
  return [indexes, pipeline.baton ?? '']
}

describe('the place of an answer', () => {
  test('REST: height and position are those of the transaction; a read sees the last write', async () => {
    const first = await rest('INSERT INTO t VALUES (1)')
    const second = await rest('INSERT INTO t VALUES (2)')
    expect(second.height).toBeGreaterThan(first.height)
    for (const { id, height, position } of [first, second])
      expect((await harness.get(`/v1/tx/${id}`)).json).toMatchObject({ id, height, position })
    expect(await heightOfRead()).toBe(second.height)
  })

  test('Hrana: the replication index of a write and of a read is the height', async () => {
    const before = await heightOfRead()
    const [[written]] = await hrana(['INSERT INTO t VALUES (3)'])
    expect(written).toBe(before + 1)
    const [[read]] = await hrana(['SELECT count(*) FROM t'])
    expect(read).toBe(written)
    expect(await heightOfRead()).toBe(written)
  })

  test('Hrana: statements of an interactive transaction stand at its snapshot, its commit where it was ordered', async () => {
    const [[begun, counted], baton] = await hrana(['BEGIN', 'SELECT count(*) FROM t'])
    expect(begun).toBe(await heightOfRead())
    expect(counted).toBe(begun)
    const between = await rest('INSERT INTO other VALUES (1)')
    expect(between.height).toBeGreaterThan(begun ?? Infinity)
    const [[inserted], next] = await hrana(['INSERT INTO other VALUES (2)'], baton)
    expect(inserted).toBe(begun)
    const [[committed]] = await hrana(['COMMIT'], next)
    expect(committed).toBe(between.height + 1)
    expect(await heightOfRead()).toBe(committed)
  })
})
