// Goal: no body, header or byte sequence makes the gateway answer 500 or stop. Method: properties over bodies on every
// route, with messages that are nearly right; then the bounds, one by one, each met exactly.

import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

const POSTS = ['/v2/pipeline', '/v3/pipeline', '/v3/cursor', '/v1/transactions', '/v1/query']

let harness: Harness

beforeAll(async () => {
  harness = await startHarness({ bodyBytesMax: 100_000, responseCharsMax: 100_000 })
})
afterAll(() => harness.close())

async function answersWell(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<void> {
  const answer = await fetch(harness.url + path, { method: 'POST', body, headers })
  const text = await answer.text()
  expect(answer.status, `${path} ${text}`).toBeLessThan(500)
  if (answer.status === 200) return
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(JSON.parse(text)).toMatchObject({ message: expect.any(String), code: expect.any(String) })
}

const sql = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'BEGIN',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT s',
    'RELEASE s',
    'ROLLBACK TO s',
    'SELECT 1',
    'SELECT ?1, :a',
    'CREATE TABLE t (a)',
    'INSERT INTO t VALUES (?)',
    'DROP TABLE t',
  ),
)
const value = fc.oneof(
  fc.constantFrom(
    { type: 'null' },
    { type: 'integer', value: '1' },
    { type: 'float', value: 1e308 },
    { type: 'text', value: '\0' },
    { type: 'blob', base64: '' },
  ),
  fc.jsonValue({ maxDepth: 1 }),
)
const stmt = fc.record(
  {
    sql,
    args: fc.array(value, { maxLength: 3 }),
    named_args: fc.array(fc.record({ name: fc.string(), value }), { maxLength: 2 }),
  },
  { requiredKeys: ['sql'] },
)
const condition = fc.oneof(
  fc.record({ type: fc.constantFrom('ok', 'error'), step: fc.nat(3) }),
  fc.record({ type: fc.constant('not'), cond: fc.constant({ type: 'is_autocommit' }) }),
)
const steps = fc.array(fc.record({ condition, stmt }, { requiredKeys: ['stmt'] }), { maxLength: 5 })
const request = fc.oneof(
  fc.record({ type: fc.constant('execute'), stmt }),
  fc.record({ type: fc.constant('batch'), batch: fc.record({ steps }) }),
  fc.record({ type: fc.constantFrom('sequence', 'describe'), sql }),
  fc.record({ type: fc.constantFrom('store_sql', 'close_sql'), sql_id: fc.nat(2), sql }),
  fc.record({ type: fc.constantFrom('close', 'get_autocommit') }),
)

describe('any body', () => {
  test('bytes and JSON on every route', async () => {
    const body = fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...POSTS), body, (path, bytes) => answersWell(path, new Uint8Array(bytes))),
      { numRuns: 200 },
    )
  })

  test('pipelines that are nearly right, stream after stream', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(request, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        async (pipelines) => {
          let baton: unknown
          for (const requests of pipelines) {
            const answer = await harness.post('/v3/pipeline', { baton, requests })
            expect(answer.status, answer.text).toBeLessThan(500)
            if (answer.status === 200)
              expect((answer.json as { results: unknown[] }).results).toHaveLength(requests.length)
            baton = (answer.json as { baton?: unknown }).baton
          }
          if (typeof baton === 'string') await harness.post('/v3/pipeline', { baton, requests: [{ type: 'close' }] })
        },
      ),
      { numRuns: 100 },
    )
  })

  test('transactions that are nearly right', async () => {
    const statement = fc.oneof(
      sql,
      fc.record({ sql, args: fc.oneof(fc.array(value), fc.dictionary(fc.string(), value)) }),
    )
    const body = fc.oneof(
      statement,
      fc.record({ statements: fc.array(statement, { maxLength: 4 }) }),
      fc.array(statement, { maxLength: 3 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('/v1/transactions', '/v1/query'), body, (path, json) =>
        answersWell(path, JSON.stringify(json)),
      ),
      { numRuns: 200 },
    )
  })

  test('nested as deep as a body can be', async () => {
    for (const path of POSTS) {
      for (const text of ['['.repeat(100_000), `${'['.repeat(50_000)}${']'.repeat(50_000)}`, '{"a":'.repeat(20_000)])
        await answersWell(path, text)
    }
  })

  test('strange headers and paths', async () => {
    for (const headers of [
      { 'content-type': 'x' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'idempotency-key': 'x'.repeat(129) },
      { 'quorate-read': '\u00ff' },
    ]) {
      for (const path of POSTS) await answersWell(path, '{}', headers)
    }
    for (const path of [
      '/%',
      '/%00',
      '/v1/tx/%ff',
      `/v1/tx/${'x'.repeat(2000)}`,
      '/v1/tx/',
      '//',
      '/v1/blocks/',
      '/?%',
      '/v1/query?read=%',
    ]) {
      const answer = await harness.get(path)
      expect(answer.status, path).toBeGreaterThanOrEqual(400)
      expect(answer.status, path).toBeLessThan(500)
      expect(answer.json, path).toMatchObject({ code: expect.any(String) })
    }
    expect((await harness.get('/v1/status')).status).toBe(200)
  })
})

/** What comes back for raw bytes, until the other side closes. */
function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

describe('bounds', () => {
  test('a body at the bound is read, one byte more is 413', async () => {
    const body = (bytes: number): string => `"${' '.repeat(bytes - 2)}"`
    expect((await harness.post('/v1/query', body(100_000))).json).toMatchObject({ code: 'SQL_NO_STATEMENT' })
    expect(await harness.post('/v1/query', body(100_001))).toMatchObject({ status: 413, json: { code: 'TOO_LARGE' } })
    const head = 'POST /v1/query HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n'
    expect(await raw(harness.url, `${head}186a1\r\n${body(100_001)}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 413/)
  })

  test('what is not HTTP, and heads too large', async () => {
    expect(await raw(harness.url, 'garbage\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [^]*content-type: application\/json\r\n[^]*"code":"NOT_HTTP"/,
    )
    expect(await raw(harness.url, '\x16\x03\x01\x02\x00\x01')).toMatch(/^HTTP\/1.1 400 /)
    expect(await raw(harness.url, `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    )
  })

  test('requests under way, and their bytes', async () => {
    const small = await startHarness({ requestsMax: 2, bodiesBytesMax: 1000 })
    const release: (() => void)[] = []
    const read = small.replica.read.bind(small.replica)
    small.replica.read = async (...asked) => {
      await new Promise<void>((resolve) => release.push(resolve))
      return read(...asked)
    }
    const select = { sql: 'SELECT 1' }
    const waiting = [small.post('/v1/query', select), small.post('/v1/query', select)]
    while (release.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    const third = await small.post('/v1/query', select)
    expect(third).toMatchObject({ status: 503, json: { code: 'OVERLOADED' } })
    expect(third.headers.get('retry-after')).toBe('1')
    expect((await small.get('/v1/health')).status).toBe(200)
    expect((await small.get('/metrics')).text).toContain('quorate_http_in_flight 2')
    for (const go of release) go()
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
    expect(await small.post('/v1/query', ' '.repeat(1001))).toMatchObject({ status: 503 })
    expect((await small.post('/v1/query', ' '.repeat(1000))).status).toBe(400)
    await small.close()
  })

  test('connections', async () => {
    const small = await startHarness({ connectionsMax: 1 })
    const { hostname, port } = new URL(small.url)
    const first = connect(Number(port), hostname)
    await new Promise((resolve) => first.once('connect', resolve))
    expect(await raw(small.url, 'GET /health HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('')
    first.destroy()
    await small.close()
  })

  test('streams: the oldest makes room', async () => {
    const small = await startHarness({ streamsMax: 2, storedSqlCharsMax: 10 })
    const open = async (): Promise<string> =>
      ((await small.post('/v2/pipeline', { requests: [] })).json as { baton: string }).baton
    const [oldest, middle] = [await open(), await open()]
    await open()
    expect(await small.post('/v2/pipeline', { baton: oldest, requests: [] })).toMatchObject({
      status: 400,
      json: { code: 'STREAM_EXPIRED' },
    })
    const store = (sql_id: number, sql: string): object => ({ type: 'store_sql', sql_id, sql })
    const answer = await small.post('/v2/pipeline', {
      baton: middle,
      requests: [store(1, 'x'.repeat(10)), store(2, 'x'), { type: 'close_sql', sql_id: 1 }, store(3, 'x')],
    })
    expect(answer.json).toMatchObject({
      results: [{ type: 'ok' }, { error: { code: 'SQL_STORE_TOO_MANY' } }, { type: 'ok' }, { type: 'ok' }],
    })
    await small.close()
  })

  test('requests that arrive too slowly are ended', async () => {
    const small = await startHarness({ headMsMax: 100, requestMsMax: 200, checkMs: 50 })
    for (const bytes of [
      'GET /health HTTP/1.1\r\nhost:',
      'POST /v1/query HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{',
    ]) {
      expect(await raw(small.url, bytes)).toMatch(/^HTTP\/1.1 408 /)
    }
    await small.close()
  })
})

describe('closing', () => {
  test('requests under way are answered, idle connections closed, sessions dropped', async () => {
    const small = await startHarness()
    const begun = await small.post('/v2/pipeline', { requests: [{ type: 'execute', stmt: { sql: 'BEGIN' } }] })
    expect(begun.status).toBe(200)
    let go = (): void => undefined
    const read = small.replica.read.bind(small.replica)
    small.replica.read = async (...asked) => {
      await new Promise<void>((resolve) => (go = resolve))
      return read(...asked)
    }
    const waiting = small.post('/v1/query', { sql: 'SELECT 1' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = small.close()
    go()
    expect((await waiting).status).toBe(200)
    await closed
    await expect(small.get('/health')).rejects.toThrow()
  })

  test('a request that does not end is cut off', async () => {
    const small = await startHarness({ closeMsMax: 100 })
    small.replica.read = () => new Promise(() => undefined)
    const waiting = small.post('/v1/query', { sql: 'SELECT 1' })
    const cut = expect(waiting).rejects.toThrow()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await small.close()
    await cut
  })
})

describe('origins', () => {
  test('none by default, those given answer pages', async () => {
    expect(
      (await harness.post('/v1/query', '"SELECT 1"', { origin: 'https://a.example' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull()
    const open = await startHarness({}, ['https://a.example'])
    const answer = await open.post('/v1/query', '"SELECT 1"', { origin: 'https://a.example' })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://a.example')
    expect(
      (await open.post('/v1/query', '"SELECT 1"', { origin: 'https://b.example' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull()
    const preflight = await fetch(`${open.url}/v2/pipeline`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('quorate-read')
    await open.close()
  })
})
