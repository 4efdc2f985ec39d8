// Goal: whole blocks come as they are asked for, within bounds, and what can't be given is told apart. Method: the gateway
// before a fake replica of a known height.

import { decodeWholeBlocks } from '@quorate/types'
import { afterEach, expect, test } from 'vitest'
import { startHarness } from './testing/harness.ts'
import type { Harness } from './testing/harness.ts'

let harness: Harness

afterEach(() => harness.close())

async function heightsAt(query: string): Promise<{ status: number; tip: string | null; heights: readonly number[] }> {
  const answer = await fetch(`${harness.url}/v1/blocks/raw${query}`)
  const blocks = decodeWholeBlocks(new Uint8Array(await answer.arrayBuffer()))
  const heights = blocks.ok ? blocks.value.map((block) => block.body[0] ?? -1) : []
  return { status: answer.status, tip: answer.headers.get('quorate-height'), heights }
}

/** A ledger of heights 0 to `count`. */
async function ledgerOf(count: number, limits: Parameters<typeof startHarness>[0] = {}): Promise<void> {
  harness = await startHarness(limits)
  await harness.post('/v1/transactions', { sql: 'CREATE TABLE t(x)' })
  for (let i = 1; i < count; i += 1) await harness.post('/v1/transactions', { sql: 'INSERT INTO t VALUES (1)' })
}

test('blocks in a row, none beyond the end, never more than the bound', async () => {
  await ledgerOf(5, { wholeBlocksMax: 3 })
  expect(await heightsAt('?from=0&count=2')).toEqual({ status: 200, tip: '5', heights: [0, 1] })
  expect(await heightsAt('?from=2')).toEqual({ status: 200, tip: '5', heights: [2, 3, 4] })
  expect(await heightsAt('?from=4&count=1000')).toEqual({ status: 200, tip: '5', heights: [4, 5] })
  expect(await heightsAt('?from=6')).toEqual({ status: 200, tip: '5', heights: [] })
})

test('what is pruned is told with the lowest height there is', async () => {
  await ledgerOf(5)
  harness.replica.pruned = 3
  const { status, json } = await harness.get('/v1/blocks/raw?from=2')
  expect(status).toBe(404)
  expect(json).toEqual({
    code: 'HEIGHT_GONE',
    message: 'block 2 is no longer kept here, where blocks begin at 3',
  })
})

test('questions that make no sense are refused', async () => {
  await ledgerOf(1)
  for (const query of ['', '?from=x', '?from=-1', '?from=1&from=2', '?from=1.5', `?from=${'9'.repeat(16)}`])
    expect((await harness.get(`/v1/blocks/raw${query}`)).json, query).toMatchObject({ code: 'HEIGHT_INVALID' })
  for (const query of ['?from=0&count=0', '?from=0&count=x', '?from=0&count=-1'])
    expect((await harness.get(`/v1/blocks/raw${query}`)).json, query).toMatchObject({ code: 'COUNT_INVALID' })
})

test('too many answers at once are refused, and the place is given back', async () => {
  await ledgerOf(1, { wholeBlocksAnswersMax: 0 })
  const { status, json, headers } = await harness.get('/v1/blocks/raw?from=0')
  expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  expect(json).toMatchObject({ code: 'OVERLOADED' })
  await harness.close()
  await ledgerOf(1, { wholeBlocksAnswersMax: 1 })
  for (let i = 0; i < 4; i += 1) expect((await heightsAt('?from=0')).status).toBe(200)
})
