// Goal: the REST interface: transactions, batches, queries, the ledger, errors. Method: raw requests against a fake
// replica.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await startHarness({ transactionsMax: 20, responseCharsMax: 20_000 })
})
afterAll(() => harness.close())
beforeEach(async () => {
  await harness.post('/v1/transactions', {
    statements: ['DROP TABLE IF EXISTS t', 'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)'],
  })
})

const transact = (body: unknown, headers?: Record<string, string>): ReturnType<Harness['post']> =>
  harness.post('/v1/transactions', body, headers)
const query = (body: unknown, path = '/v1/query'): ReturnType<Harness['post']> =>
  harness.post(path, JSON.stringify(body))

describe('transactions', () => {
  test('one statement; values in and out', async () => {
    const plain = await transact({ sql: 'INSERT INTO t (a) VALUES (?) RETURNING *', args: ['x'] })
    expect(plain).toMatchObject({
      status: 200,
      json: {
        id: expect.any(String),
        height: expect.any(Number),
        position: 0,
        duplicate: false,
        results: [
          {
            columns: [{ name: 'id', decltype: 'INTEGER' }, { name: 'a' }],
            rows: [
              [
                { type: 'integer', value: '1' },
                { type: 'text', value: 'x' },
              ],
            ],
            affectedRows: 1,
            lastInsertRowid: '1',
          },
        ],
      },
    })
    const args = [
      null,
      true,
      5,
      1.5,
      1e300,
      'ü',
      { type: 'integer', value: '9223372036854775807' },
      { type: 'blob', base64: 'AP8' },
    ]
    const echoed = await query({ sql: 'SELECT ?, ?, ?, ?, ?, ?, ?, ?', args })
    expect(echoed.json).toMatchObject({
      results: [
        {
          rows: [
            [
              { type: 'null' },
              { type: 'integer', value: '1' },
              { type: 'integer', value: '5' },
              { type: 'float', value: 1.5 },
              { type: 'float', value: 1e300 },
              { type: 'text', value: 'ü' },
              { type: 'integer', value: '9223372036854775807' },
              { type: 'blob', base64: 'AP8' },
            ],
          ],
        },
      ],
    })
    expect((await query({ sql: 'SELECT :n', args: { n: 1 } })).json).toMatchObject({
      results: [{ rows: [[{ type: 'integer', value: '1' }]] }],
    })
  })

  test('several statements: all or nothing, and the culprit is named', async () => {
    const good = await transact({
      statements: ["INSERT INTO t (a) VALUES ('x')", { sql: 'INSERT INTO t (a) VALUES (?)', args: ['y'] }],
    })
    expect(good.json).toMatchObject({ results: [{ lastInsertRowid: '1' }, { lastInsertRowid: '2' }] })
    const bad = await transact({
      statements: ["INSERT INTO t (a) VALUES ('z')", "INSERT INTO t (a) VALUES ('x')", 'SELECT 1'],
    })
    expect(bad).toMatchObject({
      status: 400,
      json: { code: 'SQLITE_CONSTRAINT', statement: 1, height: expect.any(Number) },
    })
    expect((await query('SELECT count(*) FROM t')).json).toMatchObject({ results: [{ rows: [[{ value: '2' }]] }] })
    expect(await transact({ statements: ['SELECT 1', 'COMMIT'] })).toMatchObject({
      status: 400,
      json: { code: 'TRANSACTION_CONTROL' },
    })
  })

  test('the same id executes once', async () => {
    const insert = { sql: "INSERT INTO t (a) VALUES ('x')", idempotencyKey: 'rest-1' }
    const first = await transact(insert)
    const again = await transact(insert)
    expect(again.json).toEqual({ ...(first.json as object), duplicate: true })
    expect((await transact({ sql: insert.sql }, { 'idempotency-key': 'rest-1' })).json).toEqual(again.json)
    expect(await transact({ sql: 'DELETE FROM t', idempotencyKey: 'rest-1' })).toMatchObject({
      status: 409,
      json: { code: 'ID_REUSED', id: 'rest-1' },
    })
  })

  test('many transactions in one request, answered in order', async () => {
    const items = ['a', 'b', 'a', 'c'].map((a) => ({ sql: 'INSERT INTO t (a) VALUES (?)', args: [a] }))
    const expected = [
      { results: [{ affectedRows: 1 }] },
      { results: [{ affectedRows: 1 }] },
      { code: 'SQLITE_CONSTRAINT' },
      { results: [{ affectedRows: 1 }] },
    ]
    const array = await transact(items)
    expect(array).toMatchObject({ status: 200, json: expected })
    const lines = await transact(items.map((item) => `${JSON.stringify(item)}\n`).join('\n'), {
      'content-type': 'application/x-ndjson',
    })
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson')
    expect(
      lines.text
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { code?: string }).code),
    ).toEqual(Array(4).fill('SQLITE_CONSTRAINT'))
    const keyed = await transact(items, { 'idempotency-key': 'many' })
    expect(keyed).toMatchObject({ status: 400, json: { code: 'ID_NEEDS_ONE_TRANSACTION' } })
    expect(Number(array.headers.get('quorate-height'))).toBeGreaterThan(0)
    expect((await transact(Array(20).fill('SELECT 1'))).status).toBe(200)
    expect((await transact(Array(21).fill('SELECT 1'))).status).toBe(413)
    expect((await transact('"SELECT 1"\n{', { 'content-type': 'application/x-ndjson' })).json).toMatchObject({
      code: 'BODY_NOT_JSON',
      message: expect.stringContaining('line 2'),
    })
    expect((await transact(['SELECT 1', { sql: 1 }])).json).toMatchObject([{ results: [{}] }, { code: 'BODY_INVALID' }])
  })

  test('bodies that are no transaction', async () => {
    const bodies = [
      '',
      '{',
      '[',
      'null',
      '1',
      '{}',
      '{"sql":1}',
      '{"statements":[]}',
      '{"statements":"x"}',
      '{"sql":"a","statements":["b"]}',
      '{"sql":"a","args":1}',
      '{"sql":"a","args":[{}]}',
      '{"sql":"a","args":[9007199254740993]}',
      '{"sql":"\\ud800"}',
      '{"sql":"a","idempotencyKey":""}',
    ]
    for (const body of bodies) expect((await transact(body)).status, body).toBe(400)
  })
})

describe('queries', () => {
  test('only read', async () => {
    const before = harness.replica.submissions
    expect(await query("INSERT INTO t (a) VALUES ('x')")).toMatchObject({
      status: 400,
      json: { code: 'SQLITE_READONLY' },
    })
    expect(await query('SELECT foo')).toMatchObject({ status: 400, json: { code: 'SQLITE_ERROR', statement: 0 } })
    const answer = await query({ statements: ['SELECT 1', 'SELECT 2'] }, '/v1/query?read=local')
    expect(answer.json).toMatchObject({ height: expect.any(Number), results: [{}, {}] })
    expect(answer.headers.get('quorate-height')).toBe(String((answer.json as { height: number }).height))
    expect(harness.replica.submissions).toBe(before)
    expect((await query('SELECT 1', '/v1/query?read=nonsense')).status).toBe(400)
  })

  test('an answer has a bound', async () => {
    const rows = (count: number): string =>
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n`
    expect((await query(rows(100))).status).toBe(200)
    expect(await query(rows(10_000))).toMatchObject({ status: 400, json: { code: 'RESPONSE_TOO_LARGE' } })
  })
})

describe('the ledger and the replica', () => {
  test('what is pruned is told from what never was, as far as that can be known', async () => {
    const { json } = await transact({ sql: 'INSERT INTO t (a) VALUES (1)' })
    const { height } = json as { height: number }
    const codes = async (): Promise<readonly unknown[]> =>
      Promise.all(
        [
          `/v1/blocks/${height}`,
          `/v1/blocks/${height + 9}`,
          '/v1/tx/none',
          '/v1/tx/none/proof',
          '/v1/tx/none/outcome',
        ].map(async (path) => ((await harness.get(path)).json as { code?: string }).code),
      )
    expect(await codes()).toEqual([undefined, 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
    harness.replica.pruned = height + 1
    const gone = 'NOT_FOUND_OR_GONE'
    expect(await codes()).toEqual(['HEIGHT_GONE', 'NOT_FOUND', gone, gone, 'NOT_FOUND'])
    harness.replica.pruned = 0
  })

  test('blocks, transactions, proofs', async () => {
    const { json } = await transact({
      sql: 'INSERT INTO t (a) VALUES (?)',
      args: [{ type: 'blob', base64: 'AP8' }],
      idempotencyKey: 'a/b ü',
    })
    const { height } = json as { height: number }
    expect((await harness.get(`/v1/blocks/${height}`)).json).toMatchObject({ height })
    expect(await harness.get(`/v1/blocks/${height + 1}`)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } })
    for (const bad of ['-1', 'x', '1e3', '9'.repeat(16)])
      expect((await harness.get(`/v1/blocks/${bad}`)).status).toBe(400)
    const path = `/v1/tx/${encodeURIComponent('a/b ü')}`
    expect((await harness.get(path)).json).toMatchObject({
      id: 'a/b ü',
      program: { requests: [{ kind: 'execute', statement: { args: [{ type: 'blob', base64: 'AP8' }] } }] },
      outcome: { kind: 'executed', replies: [{ kind: 'result', result: { affectedRows: 1 } }] },
    })
    expect((await harness.get(`${path}/proof`)).json).toEqual({ id: 'a/b ü', receipt: 'AQID' })
    expect(await harness.get(`${path}/outcome`)).toMatchObject({
      status: 200,
      json: { ...(json as object), duplicate: true },
    })
    await transact({ sql: 'INSERT INTO none VALUES (1)', idempotencyKey: 'failed' })
    expect(await harness.get('/v1/tx/failed/outcome')).toMatchObject({
      status: 400,
      json: { code: 'SQLITE_ERROR', id: 'failed', height: expect.any(Number) },
    })
    for (const missing of [
      '/v1/tx/none',
      '/v1/tx/none/outcome',
      '/v1/tx/none/proof',
      '/v1/none',
      '/',
      '/v3-protobuf/pipeline',
    ])
      expect((await harness.get(missing)).status).toBe(404)
  })

  test('status, readiness, version, metrics', async () => {
    expect((await harness.get('/v1/status')).json).toMatchObject({ phase: 'operational', quorum: 3 })
    expect((await harness.get('/v1/health')).status).toBe(200)
    expect((await harness.get('/version')).text).toBe('quorate 0.0.0\n')
    expect(await harness.get('/v1/ready')).toMatchObject({ status: 200, json: { ready: true } })
    harness.replica.refusal = { kind: 'refused', code: 'NOT_READY', message: 'starting' }
    expect((await harness.get('/v1/ready')).status).toBe(503)
    expect(await transact({ sql: 'SELECT 1' })).toMatchObject({ status: 503, json: { code: 'NOT_READY' } })
    harness.replica.refusal = undefined
    const metrics = (await harness.get('/metrics')).text
    for (const name of [
      'quorate_consensus_height',
      'quorate_http_requests_total{route="/v1/transactions",status="200"}',
      'quorate_transactions_submitted_total{result="executed"}',
    ]) {
      expect(metrics).toContain(name)
    }
  })
})
