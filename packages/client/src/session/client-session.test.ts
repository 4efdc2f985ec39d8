// Goal: the session over HTTP: the same bytes at every attempt (C10 of SPEC.md), outcomes by their kinds, deadlines,
// abort, resolve, learning. Method: scripted servers in place of fetch, a clock that jumps to its next alarm.

import { expect, test } from 'vitest'
import { JumpingClock } from '../testing/jumping-clock.ts'
import type { ClientSessionOptions, Prepared } from './client-session.ts'
import { ClientSession, UNKNOWN_KEPT_MAX } from './client-session.ts'

const ROWS = { columns: [{ name: 'a' }], rows: [[{ type: 'integer', value: '7' }]], affectedRows: 1 }
const INSERT = [{ sql: 'INSERT INTO t VALUES (?)', args: [7] }]

interface Seen {
  readonly url: string
  readonly body: string
}

type Script = (seen: Seen, attempt: number) => Response | Error | 'hang'

function executed(extra: object = {}, status = 200): Response {
  const body = { id: 'x', height: 5, position: 2, duplicate: false, results: [ROWS], ...extra }
  return new Response(JSON.stringify(body), { status })
}

function refusal(status: number, code: string, extra: object = {}): Response {
  return new Response(JSON.stringify({ code, message: `${code}!`, ...extra }), { status })
}

function refusedConnection(): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) })
}

function sessionOf(script: Script, options: Partial<ClientSessionOptions> = {}) {
  const seen: Seen[] = []
  const clock = new JumpingClock()
  const session = new ClientSession({
    urls: ['http://one', 'http://two/'],
    random: () => 0.5,
    clock,
    fetch: (url, init) => {
      const one = { url, body: typeof init.body === 'string' ? init.body : '' }
      seen.push(one)
      const answer = script(one, seen.length)
      if (answer instanceof Error) return Promise.reject(answer)
      if (answer !== 'hang') return Promise.resolve(answer)
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    },
    ...options,
  })
  return { session, seen, clock }
}

test('C10: every attempt carries the same id and bytes, to members in turn, until the outcome is known', async () => {
  const { session, seen, clock } = sessionOf((_, attempt) => {
    if (attempt === 1) return new TypeError('fetch failed')
    if (attempt === 2) return refusal(503, 'TIMEOUT')
    return attempt === 3 ? 'hang' : executed({ duplicate: true })
  })
  const outcome = await clock.until(session.submit(INSERT, { id: 'order-1' }))
  expect(outcome).toEqual({
    kind: 'executed',
    id: 'order-1',
    height: 5,
    position: 2,
    duplicate: true,
    results: [{ columns: ['a'], rows: [[7n]], affectedRows: 1, lastInsertRowid: undefined }],
  })
  expect(seen.map((each) => each.url)).toEqual(
    ['one', 'two', 'one', 'two'].map((name) => `http://${name}/v1/transactions`),
  )
  expect(new Set(seen.map((each) => each.body)).size).toBe(1)
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ idempotencyKey: 'order-1' })
  expect(session.metrics).toMatchObject({ inFlight: 0, waiting: 0, retries: 3, outcomes: { executed: 1 } })
  expect(clock.isIdle).toBe(true)
})

test('what was prepared, stored and read again is sent as it was', async () => {
  const { session, seen, clock } = sessionOf(() => executed())
  const stored = JSON.stringify(session.prepare(INSERT))
  const again = JSON.parse(stored) as ReturnType<typeof session.prepare>
  expect(await clock.until(session.submit(again))).toMatchObject({ kind: 'executed', id: again.id })
  expect(seen[0]?.body).toBe(again.body)
})

test('outcomes by kind', async () => {
  const of = async (script: Script): Promise<unknown> => {
    const { session, clock } = sessionOf(script, { deadlineMs: 2000 })
    return clock.until(session.submit(INSERT, { id: 'x' }))
  }
  expect(await of(() => refusal(400, 'SQLITE_CONSTRAINT', { height: 9, position: 0 }))).toEqual({
    kind: 'rejected',
    id: 'x',
    code: 'SQLITE_CONSTRAINT',
    reason: 'SQLITE_CONSTRAINT!',
    height: 9,
  })
  expect(await of(() => refusal(409, 'ID_REUSED'))).toMatchObject({ kind: 'rejected', code: 'ID_REUSED' })
  expect(await of(() => refusal(503, 'OVERLOADED'))).toMatchObject({ kind: 'overloaded', code: 'OVERLOADED' })
  expect(await of(() => refusal(503, 'NOT_READY'))).toMatchObject({ kind: 'overloaded', code: 'NOT_READY' })
  expect(await of(refusedConnection)).toMatchObject({ kind: 'overloaded', code: 'UNREACHABLE' })
  expect(await of(() => new TypeError('reset'))).toMatchObject({ kind: 'unknown', code: 'UNREACHABLE' })
  expect(await of(() => 'hang')).toMatchObject({ kind: 'unknown', code: 'DEADLINE' })
  expect(await of(() => new Response('proxy', { status: 502 }))).toMatchObject({ kind: 'unknown', code: 'HTTP_502' })
  expect(await of(() => new Response('?', { status: 200 }))).toMatchObject({ kind: 'unknown', code: 'BAD_ANSWER' })
  expect(await of(() => executed({ results: [] }))).toMatchObject({ kind: 'unknown', code: 'BAD_ANSWER' })
  const large = await of(() => refusal(400, 'RESPONSE_TOO_LARGE', { height: 9, position: 1 }))
  expect(large).toMatchObject({ kind: 'executed', height: 9, position: 1, results: [] })
})

test('an unknown outcome is resolved by id: sent again where this session sent it, looked up where it did not', async () => {
  let isBack = false
  const { session, seen, clock } = sessionOf(({ url }) => {
    if (!isBack) return new TypeError('reset')
    if (url.endsWith('/v1/tx/elsewhere/outcome')) return refusal(400, 'SQLITE_CONSTRAINT', { height: 3, position: 1 })
    if (url.includes('/v1/tx/')) return refusal(404, 'NOT_FOUND')
    return executed({ duplicate: true })
  })
  expect(await clock.until(session.submit(INSERT, { id: 'x', deadlineMs: 500 }))).toMatchObject({ kind: 'unknown' })
  isBack = true
  expect(await clock.until(session.resolve('x'))).toMatchObject({ kind: 'executed', id: 'x', height: 5 })
  expect(seen.at(-1)?.body).toBe(seen[0]?.body)
  expect(await clock.until(session.resolve('elsewhere'))).toMatchObject({ kind: 'rejected', height: 3 })
  expect(await clock.until(session.resolve('never', { deadlineMs: 1000 }))).toMatchObject({
    kind: 'unknown',
    code: 'NOT_FOUND',
  })
  expect(session.metrics.outcomes).toEqual({ executed: 1, rejected: 0, overloaded: 0, unknown: 1 })
})

test('a server that never stops talking is cut, and another one asked', async () => {
  let chunks = 0
  const { session, clock } = sessionOf((_, attempt) => {
    if (attempt > 1) return executed()
    const chunk = new Uint8Array(1024 * 1024).fill(32)
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        chunks += 1
        controller.enqueue(chunk)
      },
    })
    return new Response(endless, { status: 200 })
  })
  expect(await clock.until(session.submit(INSERT))).toMatchObject({ kind: 'executed' })
  expect(chunks).toBeGreaterThan(64)
  expect(chunks).toBeLessThan(70)
})

test('what is kept has bounds: of the waiting in characters, of the unknown in number and characters', async () => {
  const { session, seen, clock } = sessionOf(({ url }) =>
    url.includes('/v1/tx/') ? refusal(404, 'NOT_FOUND') : 'hang',
  )
  const given = (id: string, megabytes: number): Prepared => ({ id, body: ' '.repeat(megabytes << 20), statements: 1 })
  const dropped = async (prepared: Prepared): Promise<void> => {
    const abort = new AbortController()
    const outcome = session.submit(prepared, { signal: abort.signal })
    abort.abort()
    expect((await outcome).kind).toBe('unknown')
  }
  const pathOfResolving = async (id: string): Promise<string | undefined> => {
    seen.length = 0
    await clock.until(session.resolve(id, { deadlineMs: 10 }))
    return seen[0]?.url.replace('http://one', '').replace('http://two', '')
  }
  const abort = new AbortController()
  const large = session.submit(given('large', 200), { signal: abort.signal })
  expect(await session.submit(given('more', 100))).toMatchObject({ kind: 'overloaded', code: 'OVERLOADED' })
  abort.abort()
  expect((await large).kind).toBe('unknown')
  expect(await pathOfResolving('large')).toBe('/v1/tx/large/outcome')

  await dropped(given('a', 40))
  await dropped(given('b', 50))
  expect(await pathOfResolving('a')).toBe('/v1/tx/a/outcome')
  expect(await pathOfResolving('b')).toBe('/v1/transactions')

  for (let i = 0; i < UNKNOWN_KEPT_MAX; i += 1) await dropped(given(`u${i}`, 0))
  expect(await pathOfResolving('b')).toBe('/v1/tx/b/outcome')
  expect(await pathOfResolving('u0')).toBe('/v1/transactions')
})

test('abort: before it was sent nothing happens, afterwards the outcome is unknown', async () => {
  const { session, seen, clock } = sessionOf(() => 'hang')
  const early = await clock.until(session.submit(INSERT, { signal: AbortSignal.abort() }))
  const abort = new AbortController()
  const late = session.submit(INSERT, { signal: abort.signal })
  expect(session.metrics.inFlight).toBeGreaterThan(0)
  abort.abort()
  expect(await clock.until(late)).toMatchObject({ kind: 'unknown', code: 'WITHDRAWN' })
  expect(early).toMatchObject({ kind: 'rejected', code: 'WITHDRAWN' })
  expect(seen).toHaveLength(1)
  expect(session.metrics.inFlight).toBe(0)
})

test('one id under way twice is one transaction, or refused where it is another', async () => {
  const { session, seen, clock } = sessionOf(() => executed())
  const [a, b, c] = [
    session.submit(INSERT, { id: 'x' }),
    session.submit(INSERT, { id: 'x' }),
    session.submit([{ sql: 'DELETE FROM t' }], { id: 'x' }),
  ]
  expect(await clock.until(c)).toMatchObject({ kind: 'rejected', code: 'ID_REUSED' })
  expect(await clock.until(a)).toBe(await b)
  expect(seen).toHaveLength(1)
})

test('members that enough of the given ones name are sent to', async () => {
  const peers = [{ http: 'http://three' }, { http: '' }]
  const status = { height: 1, stateRoot: '', peers }
  const { session, clock } = sessionOf(
    ({ url }) => (url.endsWith('/v1/status') ? new Response(JSON.stringify(status), { status: 200 }) : executed()),
    { learn: true },
  )
  await clock.until(session.submit(INSERT))
  expect(session.metrics.members.map((member) => member.url)).toEqual(['http://one', 'http://two', 'http://three'])
})
