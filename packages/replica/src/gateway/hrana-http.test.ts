// Goal: Hrana over HTTP as sqld speaks it: answers, batons, errors, interactive transactions, ids. Method: raw requests
// against a gateway before a fake replica.

import type { PipelineResponse, StreamResult } from '@quorate/hrana'
import { parsePipelineResponse } from '@quorate/hrana'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await startHarness({ sessionMsMax: 150, streamIdleMsMax: 400, sessionsMax: 3, sessionStatementsMax: 5 })
})
afterAll(() => harness.close())
beforeEach(async () => {
  await pipeline([{ type: 'sequence', sql: 'DROP TABLE IF EXISTS t; CREATE TABLE t (a UNIQUE)' }, close])
})

const close = { type: 'close' }
const execute = (sql: string, want_rows = true): object => ({ type: 'execute', stmt: { sql, want_rows } })
const batch = (steps: readonly object[]): object => ({ type: 'batch', batch: { steps } })
const step = (sql: string, condition?: object): object => ({
  stmt: { sql },
  ...(condition === undefined ? {} : { condition }),
})

async function pipeline(
  requests: readonly object[],
  baton?: string,
  headers?: Record<string, string>,
): Promise<PipelineResponse> {
  const answer = await harness.post('/v3/pipeline', { baton, requests }, headers)
  expect(answer.status, answer.text).toBe(200)
  expect(answer.headers.get('content-type')).toBe('application/json')
  const parsed = parsePipelineResponse(answer.json)
  if (!parsed.ok) throw new Error(parsed.error.message)
  expect(parsed.value.results).toHaveLength(requests.length)
  return parsed.value
}

/** `ok` or the error's code, per result. */
function codes(response: PipelineResponse): readonly string[] {
  const code = (result: StreamResult): string => (result.kind === 'ok' ? 'ok' : (result.error.code ?? 'none'))
  return response.results.flatMap((result) =>
    result.kind === 'ok' && result.response.kind === 'batch'
      ? result.response.steps.map((one) => (one.kind === 'error' ? (one.error.code ?? 'none') : one.kind))
      : [code(result)],
  )
}

async function single(sql: string): Promise<unknown> {
  const [result] = (await pipeline([execute(sql), close])).results
  return result?.kind === 'ok' && result.response.kind === 'execute' ? result.response.result.rows[0]?.[0] : undefined
}

describe('answers', () => {
  test('both versions, the probes, and the height as replication_index', async () => {
    for (const path of ['/v2', '/v3', '/health']) expect((await harness.get(path)).status).toBe(200)
    for (const path of ['/v2/pipeline', '/v3/pipeline']) {
      const answer = await harness.post(path, { requests: [execute('INSERT INTO t VALUES (random())'), close] })
      const height = answer.headers.get('quorate-height')
      expect(answer.json).toMatchObject({
        baton: null,
        base_url: null,
        results: [
          { type: 'ok', response: { type: 'execute', result: { affected_row_count: 1, replication_index: height } } },
          { type: 'ok' },
        ],
      })
    }
  })

  test('all requests run, also after an error; after close none', async () => {
    const response = await pipeline([
      execute('SELECT foo'),
      execute('INSERT INTO t VALUES (1)'),
      close,
      execute('INSERT INTO t VALUES (2)'),
    ])
    expect(codes(response)).toEqual(['SQLITE_ERROR', 'ok', 'ok', 'STREAM_CLOSED'])
    expect(await single('SELECT count(*) FROM t')).toBe(1n)
  })

  test('batch conditions', async () => {
    const response = await pipeline([
      batch([
        step('SELECT 1'),
        step('SELECT foo', { type: 'ok', step: 0 }),
        step('SELECT 2', { type: 'ok', step: 1 }),
        step('SELECT 3', { type: 'error', step: 1 }),
        step('SELECT 4', { type: 'not', cond: { type: 'ok', step: 2 } }),
        step('SELECT 5', {
          type: 'and',
          conds: [
            { type: 'ok', step: 0 },
            { type: 'error', step: 0 },
          ],
        }),
        step('SELECT 6', {
          type: 'or',
          conds: [
            { type: 'ok', step: 0 },
            { type: 'error', step: 0 },
          ],
        }),
        step('SELECT 7', { type: 'is_autocommit' }),
      ]),
      close,
    ])
    expect(codes(response)).toEqual([
      'result',
      'SQLITE_ERROR',
      'skipped',
      'result',
      'result',
      'skipped',
      'result',
      'result',
      'ok',
    ])
  })

  test('describe and get_autocommit', async () => {
    const response = await pipeline([{ type: 'describe', sql: 'SELECT a FROM t' }, { type: 'get_autocommit' }, close])
    expect(response.results[0]).toMatchObject({
      response: { description: { columns: [{ name: 'a' }], isReadonly: true } },
    })
    expect(response.results[1]).toMatchObject({ response: { autocommit: true } })
  })

  test('a cursor answers in lines', async () => {
    const steps = [step('SELECT 1 AS x UNION SELECT 2'), step('SELECT foo'), step('SELECT 3', { type: 'ok', step: 1 })]
    const answer = await harness.post('/v3/cursor', { batch: { steps } })
    const lines = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ base_url: null, baton: expect.any(String) })
    expect(lines.slice(1).map((line) => line['type'])).toEqual([
      'step_begin',
      'row',
      'row',
      'step_end',
      'step_error',
      'replication_index',
    ])
  })
})

describe('streams', () => {
  test('stored SQL lives on the stream', async () => {
    const first = await pipeline([{ type: 'store_sql', sql_id: 1, sql: 'SELECT 7' }])
    const second = await pipeline(
      [
        { type: 'execute', stmt: { sql_id: 1 } },
        { type: 'close_sql', sql_id: 1 },
      ],
      first.baton,
    )
    expect(codes(second)).toEqual(['ok', 'ok'])
    const third = await harness.post('/v2/pipeline', {
      baton: second.baton,
      requests: [{ type: 'execute', stmt: { sql_id: 1 } }],
    })
    expect(third).toMatchObject({ status: 400, json: { code: 'HRANA_PROTOCOL', message: 'SQL text 1 not found' } })
  })

  test('at most 50 texts of at most 5000 characters', async () => {
    const texts = Array.from({ length: 51 }, (_, id) => ({ type: 'store_sql', sql_id: id, sql: 'SELECT 1' }))
    expect(codes(await pipeline([...texts, close]))).toEqual([
      ...Array<string>(50).fill('ok'),
      'SQL_STORE_TOO_MANY',
      'ok',
    ])
    const sized = [5000, 5001].map((length, id) => ({ type: 'store_sql', sql_id: id, sql: 'x'.repeat(length) }))
    expect(codes(await pipeline([...sized, close]))).toEqual(['ok', 'SQL_STORE_TOO_LARGE', 'ok'])
  })

  test('a baton is good once, and only ours', async () => {
    const { baton } = await pipeline([execute('SELECT 1')])
    const use = (given: string | undefined): ReturnType<Harness['post']> =>
      harness.post('/v2/pipeline', { baton: given, requests: [] })
    expect(await use(baton)).toMatchObject({ status: 200 })
    expect(await use(baton)).toMatchObject({
      status: 400,
      json: { message: 'Received a baton that has already been used' },
    })
    for (const wrong of ['', 'x', `B${baton?.slice(1)}`, `${baton}A`]) {
      expect(await use(wrong)).toMatchObject({ status: 400, json: { message: 'Received an invalid baton' } })
    }
    const again = await pipeline([execute('SELECT 1')])
    await pipeline([close], again.baton)
    expect(await use(again.baton)).toMatchObject({ status: 400, json: { message: 'Stream for this baton was closed' } })
  })

  test('an idle stream expires, and that is told', async () => {
    const { baton } = await pipeline([execute('BEGIN'), execute('INSERT INTO t VALUES (1)')])
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const answer = await harness.post('/v2/pipeline', { baton, requests: [close] })
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'STREAM_EXPIRED', message: 'The stream has expired due to inactivity' },
    })
    expect((await harness.get('/metrics')).text).toContain('quorate_interactive_transactions 0')
  })

  test('the last rowid stays, also for statements that insert nothing', async () => {
    const inserted = await pipeline([execute('INSERT INTO t VALUES (1)')])
    const updated = await pipeline([execute('UPDATE t SET a = 2'), close], inserted.baton)
    expect(updated.results[0]).toMatchObject({ response: { result: { lastInsertRowid: 1n } } })
  })
})

describe('interactive transactions', () => {
  test('begin, steps, get_autocommit, commit', async () => {
    const first = await pipeline([execute('BEGIN'), { type: 'get_autocommit' }])
    expect(first.results[1]).toMatchObject({ response: { autocommit: false } })
    const second = await pipeline(
      [
        execute('INSERT INTO t VALUES (1)'),
        { type: 'describe', sql: 'SELECT a FROM t' },
        { type: 'sequence', sql: 'SELECT 1; SELECT 2' },
      ],
      first.baton,
    )
    expect(codes(second)).toEqual(['ok', 'ok', 'ok'])
    expect(await single('SELECT count(*) FROM t')).toBe(0n)
    const third = await pipeline(
      [execute('COMMIT'), { type: 'get_autocommit' }, execute('SELECT count(*) FROM t')],
      second.baton,
    )
    expect(third.results[1]).toMatchObject({ response: { autocommit: true } })
    expect(third.results[2]).toMatchObject({ response: { result: { rows: [[1n]] } } })
  })

  test('a whole transaction in a request that does not close is still one transaction of the ledger', async () => {
    const before = harness.replica.submissions
    const steps = [
      step('BEGIN'),
      step('INSERT INTO t VALUES (1)', { type: 'ok', step: 0 }),
      step('COMMIT', { type: 'ok', step: 1 }),
      step('ROLLBACK', { type: 'not', cond: { type: 'ok', step: 2 } }),
    ]
    expect(codes(await pipeline([batch(steps)]))).toEqual(['result', 'result', 'result', 'skipped'])
    expect(harness.replica.submissions).toBe(before + 1)
  })

  test('a commit that fails in the ledger breaks the stream until ROLLBACK', async () => {
    await pipeline([
      {
        type: 'sequence',
        sql: `CREATE TABLE IF NOT EXISTS p (id PRIMARY KEY);
          CREATE TABLE IF NOT EXISTS c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`,
      },
      close,
    ])
    const begun = await pipeline([execute('BEGIN')])
    const first = await pipeline([execute('INSERT INTO c VALUES (1)'), execute('COMMIT')], begun.baton)
    expect(codes(first)).toEqual(['ok', 'SQLITE_CONSTRAINT'])
    const second = await pipeline(
      [execute('INSERT INTO t VALUES (1)'), execute('ROLLBACK'), execute('INSERT INTO t VALUES (2)')],
      first.baton,
    )
    expect(codes(second)).toEqual(['SQLITE_CONSTRAINT', 'ok', 'ok'])
  })

  test('a commit that fails inside one request breaks the stream too', async () => {
    const steps = [step('BEGIN'), step('INSERT INTO c VALUES (1)'), step('COMMIT')]
    const first = await pipeline([batch(steps)])
    expect(codes(first)).toEqual(['result', 'result', 'SQLITE_CONSTRAINT'])
    expect(codes(await pipeline([execute('INSERT INTO t VALUES (1)'), execute('ROLLBACK')], first.baton))).toEqual([
      'TRANSACTION_ROLLED_BACK',
      'ok',
    ])
  })

  test('out of time: every statement says so, nothing is committed, until ROLLBACK', async () => {
    const first = await pipeline([execute('BEGIN'), execute('INSERT INTO t VALUES (1)')])
    await new Promise((resolve) => setTimeout(resolve, 200))
    const second = await pipeline(
      [
        execute('INSERT INTO t VALUES (2)'),
        batch([step('INSERT INTO t VALUES (3)')]),
        { type: 'get_autocommit' },
        { type: 'describe', sql: 'SELECT 1' },
        execute('COMMIT'),
      ],
      first.baton,
    )
    expect(codes(second)).toEqual([
      'TRANSACTION_TIMEOUT',
      'TRANSACTION_TIMEOUT',
      'ok',
      'TRANSACTION_TIMEOUT',
      'TRANSACTION_TIMEOUT',
    ])
    expect(second.results[2]).toMatchObject({ response: { autocommit: false } })
    const third = await pipeline([execute('ROLLBACK'), execute('INSERT INTO t VALUES (4)')], second.baton)
    expect(codes(third)).toEqual(['ok', 'ok'])
    expect(await single('SELECT group_concat(a) FROM t')).toBe('4')
  })

  test('SQLite’s own complaints', async () => {
    const first = await pipeline([
      execute('COMMIT'),
      execute('ROLLBACK'),
      execute('RELEASE s'),
      execute('BEGIN'),
      execute('BEGIN'),
    ])
    const messages = first.results.map((result) => (result.kind === 'error' ? result.error.message : 'ok'))
    expect(messages).toEqual([
      'SQLite error: cannot commit - no transaction is active',
      'SQLite error: cannot rollback - no transaction is active',
      'SQLite error: no such savepoint: S',
      'ok',
      'SQLite error: cannot start a transaction within a transaction',
    ])
    await pipeline([close], first.baton)
  })

  test('at most so many transactions, and so many statements in one', async () => {
    const open = await Promise.all([1, 2, 3].map(() => pipeline([execute('BEGIN')])))
    expect(codes(await pipeline([execute('BEGIN')]))).toEqual(['SQLITE_BUSY'])
    const full = await pipeline(Array(6).fill(execute('SELECT 1')), open[0]?.baton)
    expect(codes(full)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'TRANSACTION_TOO_LARGE'])
    for (const { baton } of [full, ...open.slice(1)]) await pipeline([close], baton)
    expect(codes(await pipeline([execute('BEGIN'), execute('ROLLBACK'), close]))).toEqual(['ok', 'ok', 'ok'])
  })
})

describe('ids and levels', () => {
  test('the same id and body give the first outcome, another body 409', async () => {
    const headers = { 'idempotency-key': 'order-1' }
    const insert = [execute("INSERT INTO t VALUES ('once')"), close]
    const first = await pipeline(insert, undefined, headers)
    expect(await pipeline(insert, undefined, headers)).toEqual(first)
    expect(await single('SELECT count(*) FROM t')).toBe(1n)
    const other = await harness.post('/v2/pipeline', { requests: [execute('DELETE FROM t'), close] }, headers)
    expect(other).toMatchObject({ status: 409, json: { code: 'ID_REUSED' } })
    const interactive = await harness.post(
      '/v2/pipeline',
      { requests: [execute('BEGIN')] },
      { 'idempotency-key': 'order-2' },
    )
    expect(interactive).toMatchObject({ status: 400, json: { code: 'ID_NEEDS_ONE_TRANSACTION' } })
    const empty = await harness.post('/v2/pipeline', { requests: [close] }, { 'idempotency-key': '' })
    expect(empty).toMatchObject({ status: 400, json: { code: 'ID_INVALID' } })
  })

  test('reads do not go through consensus, at any level', async () => {
    const before = harness.replica.submissions
    for (const level of ['local', 'linearizable', 'at-least=1', 'as-of=1']) {
      expect(codes(await pipeline([execute('SELECT 1'), close], undefined, { 'quorate-read': level }))).toEqual([
        'ok',
        'ok',
      ])
      expect(
        (
          await harness.post(`/v2/pipeline?read=${level}`, {
            requests: [execute('WITH x AS (SELECT 1) SELECT * FROM x'), close],
          })
        ).status,
      ).toBe(200)
    }
    expect(harness.replica.submissions).toBe(before)
    for (const level of ['', 'strong', 'at-least', 'at-least=-1', 'as-of=1e3', 'local=1']) {
      expect(await harness.post('/v2/pipeline', { requests: [] }, { 'quorate-read': level })).toMatchObject({
        status: 400,
        json: { code: 'READ_LEVEL_INVALID' },
      })
    }
  })

  test('the past can’t be written', async () => {
    const write = { requests: [execute('INSERT INTO t VALUES (1)'), close] }
    expect(await harness.post('/v2/pipeline', write, { 'quorate-read': 'as-of=1' })).toMatchObject({
      status: 400,
      json: { code: 'SQLITE_READONLY' },
    })
  })

  test('refusals: status, code, retry-after', async () => {
    const write = { requests: [execute('INSERT INTO t VALUES (1)'), close] }
    harness.replica.refusal = { kind: 'refused', code: 'OVERLOADED', message: 'the queue is full', retryAfterMs: 2500 }
    const answer = await harness.post('/v2/pipeline', write)
    expect(answer).toMatchObject({ status: 503, json: { code: 'OVERLOADED', message: 'the queue is full' } })
    expect(answer.headers.get('retry-after')).toBe('3')
    expect(answer.headers.get('content-type')).toBe('application/json')
    harness.replica.refusal = { kind: 'refused', code: 'TOO_LARGE', message: 'too large' }
    expect((await harness.post('/v2/pipeline', write)).status).toBe(413)
    harness.replica.refusal = undefined
  })
})
