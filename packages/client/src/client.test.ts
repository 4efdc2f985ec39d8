// Goal: what the client promises about ids, repetition and errors; its session has tests of its own. Method: a scripted
// server in place of fetch, and a clock that jumps to what is next.

import { expect, test } from 'vitest'
import { waitMs } from './back-off.ts'
import { Client } from './client.ts'
import { ClientError } from './client-error.ts'
import { JumpingClock } from './testing/jumping-clock.ts'

interface Seen {
  readonly url: string
  readonly headers: Headers
  readonly body: string
}

type Script = (seen: Seen, attempt: number) => Response | Error

const VALUES = [[{ type: 'integer', value: '7' }]]
const ROWS = { columns: [{ name: 'a' }], rows: VALUES, affectedRows: 1, lastInsertRowid: '3' }

function executed(results: readonly unknown[] = [ROWS], height = 5): Response {
  return new Response(JSON.stringify({ id: 'x', height, position: 2, duplicate: false, results }), { status: 200 })
}

function refusal(status: number, code: string): Response {
  return new Response(JSON.stringify({ code, message: `${code}!` }), { status, headers: { 'retry-after': '1' } })
}

function clientOf(
  script: Script,
  urls = ['http://one', 'http://two/'],
): { readonly client: Client; readonly seen: Seen[]; readonly clock: JumpingClock } {
  const seen: Seen[] = []
  const clock = new JumpingClock()
  const client = new Client({
    urls,
    attemptsMax: 4,
    random: () => 0.5,
    clock,
    fetch: (url, init) => {
      const one = { url, headers: new Headers(init.headers), body: typeof init.body === 'string' ? init.body : '' }
      seen.push(one)
      const answer = script(one, seen.length)
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  })
  return { client, seen, clock }
}

async function failure(promise: Promise<unknown>): Promise<ClientError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ClientError)
  return error as ClientError
}

test('a write is repeated with its id and bytes until its outcome is known', async () => {
  const { client, seen, clock } = clientOf((_, attempt) => {
    if (attempt === 1) return new TypeError('fetch failed')
    return attempt === 2 ? refusal(503, 'TIMEOUT') : executed()
  })
  const done = await clock.until(client.submit([{ sql: 'INSERT INTO t VALUES (?)', args: [7] }], { id: 'order-1' }))
  expect(done).toEqual({
    id: 'order-1',
    height: 5,
    position: 2,
    duplicate: false,
    results: [{ columns: ['a'], rows: [[7n]], affectedRows: 1, lastInsertRowid: 3n }],
  })
  const body =
    '{"idempotencyKey":"order-1","statements":' +
    '[{"sql":"INSERT INTO t VALUES (?)","args":[{"type":"integer","value":"7"}]}]}'
  expect(seen.map((each) => each.body)).toEqual([body, body, body])
})

test('a write without an id gets one, and an error names it', async () => {
  const { client, seen, clock } = clientOf(() => new TypeError('down'))
  const error = await clock.until(failure(client.submit([{ sql: 'DELETE FROM t' }])))
  expect(error.code).toBe('OUTCOME_UNKNOWN')
  expect(error.id).toMatch(/^[0-9a-f-]{36}$/)
  expect(seen[3]?.body).toContain(error.id)
  expect(seen).toHaveLength(4)
})

test('a refusal that did nothing does not end as unknown, and an error of the statement or the id is final', async () => {
  const full = clientOf(() => refusal(503, 'OVERLOADED'))
  expect((await full.clock.until(failure(full.client.submit([{ sql: 'x' }])))).code).toBe('OVERLOADED')
  for (const [status, code] of [
    [400, 'SQLITE_CONSTRAINT'],
    [409, 'ID_REUSED'],
  ] as const) {
    const { client, seen, clock } = clientOf(() => refusal(status, code))
    expect((await clock.until(failure(client.submit([{ sql: 'x' }], { id: 'a' })))).code).toBe(code)
    expect(seen).toHaveLength(1)
  }
})

test('a read goes to the next replica when one does not answer, and waits as it is told to', async () => {
  const { client, seen, clock } = clientOf((_, attempt) => {
    if (attempt === 1) return new TypeError('fetch failed')
    return attempt === 2 ? refusal(503, 'NOT_READY') : executed()
  })
  expect((await clock.until(client.query('SELECT 1'))).height).toBe(5)
  expect(seen.map((each) => each.url)).toEqual(['http://one/v1/query', 'http://two/v1/query', 'http://one/v1/query'])
  expect(clock.nowMs()).toBe(50 + 1100)
})

test('several statements are one request with named and positional arguments', async () => {
  const { client, seen } = clientOf(() => executed([ROWS, ROWS]))
  const statements = [
    { sql: 'one', args: { n: true, t: 'x' } },
    { sql: 'two', args: [1.5, null] },
  ]
  expect((await client.submit(statements, { id: 'i' })).results).toHaveLength(2)
  const { statements: sent } = JSON.parse(seen[0]?.body ?? '') as { statements: unknown }
  expect(sent).toEqual([
    { sql: 'one', args: { n: { type: 'integer', value: '1' }, t: { type: 'text', value: 'x' } } },
    { sql: 'two', args: [{ type: 'float', value: 1.5 }, { type: 'null' }] },
  ])
})

test('a read says its level and gives the height it saw', async () => {
  const { client, seen } = clientOf(() => executed([ROWS], 9))
  const read = await client.query('SELECT 1', [], { level: { kind: 'at-least', height: 8 } })
  expect(read.height).toBe(9)
  expect(seen[0]?.headers.get('quorate-read')).toBe('at-least=8')
})

test('a read that nobody answers is unreachable, not unknown', async () => {
  const { client, clock } = clientOf(() => new TypeError('down'))
  expect((await clock.until(failure(client.query('SELECT 1')))).code).toBe('UNREACHABLE')
})

test('nonsense from a server is an error with a code', async () => {
  for (const text of [
    '',
    '[]',
    '{"height": 1, "results": 7}',
    '{"results": []}',
    'null',
    '{"height": 1, "results": [{}]}',
  ]) {
    const { client } = clientOf(() => new Response(text, { status: 200 }))
    expect((await failure(client.query('SELECT 1'))).code).toBe('BAD_ANSWER')
    expect((await failure(client.status())).code).toBe('BAD_ANSWER')
    expect((await failure(client.receipt('x'))).code).toBe('BAD_ANSWER')
  }
})

test('waits grow to a bound and are a random share of it', () => {
  const backOff = { firstMs: 100, mostMs: 1000 }
  expect([1, 2, 3, 4, 5, 60].map((attempt) => waitMs(backOff, attempt, 1))).toEqual([100, 200, 400, 800, 1000, 1000])
  expect(waitMs(backOff, 3, 0)).toBe(0)
  expect(waitMs(backOff, 1, 0.5, 2000)).toBe(2050)
})
