// Goal: whoever follows gets every entry once and in order, whatever connections and replicas do, and hears of what
// nobody can mend. Method: replicas made up as answers to fetch, which break off anywhere and in every way; time passes
// only where a test says so.

import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client } from '../client.ts'
import { ClientError } from '../client-error.ts'
import type { SessionClock } from '../session/client-session.ts'
import type { ChangesOptions } from '../client.ts'
import type { ChangeEntry } from './entry.ts'
import { parseChange, parseLog } from './entry.ts'

const SILENCE_MS = 30_000
const URLS = ['http://one', 'http://two/', 'http://three']

/** Pauses are over at once; silence lasts until a test breaks it. */
class ManualClock implements SessionClock {
  readonly pauses: number[] = []
  readonly silences = new Set<() => void>()

  nowMs(): number {
    return 0
  }

  after(ms: number, ring: () => void): () => void {
    if (ms < SILENCE_MS) {
      this.pauses.push(ms)
      setImmediate(ring)
      return () => undefined
    }
    this.silences.add(ring)
    return () => void this.silences.delete(ring)
  }
}

type Answer = (url: URL, signal: AbortSignal) => Response | Error

function clientOf(answer: Answer): { readonly client: Client; readonly clock: ManualClock; readonly asked: string[] } {
  const clock = new ManualClock()
  const asked: string[] = []
  const client = new Client({
    urls: URLS,
    clock,
    timeoutMs: SILENCE_MS,
    random: () => 0.5,
    fetch: (url, { signal }) => {
      asked.push(url)
      const given = answer(new URL(url), signal as AbortSignal)
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given)
    },
  })
  return { client, clock, asked }
}

/** A feed of these lines; then it ends, or stays open until it is aborted. */
function feedOf(
  text: string,
  options: { readonly signal?: AbortSignal; readonly position?: string; readonly cut?: number } = {},
): Response {
  const { signal, position = '1', cut = Infinity } = options
  const bytes = Buffer.from(text)
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      // In pieces, so that characters and lines are cut in two.
      for (let at = 0; at < Math.min(bytes.length, cut); at += 7)
        controller.enqueue(bytes.subarray(at, Math.min(at + 7, cut)))
      if (signal === undefined) controller.close()
      else signal.addEventListener('abort', () => controller.error(new Error('aborted')))
    },
  })
  return new Response(body, { status: 200, headers: { 'quorate-position': position } })
}

function refusal(status: number, code: string): Response {
  return new Response(JSON.stringify({ code, message: `${code}!` }), { status })
}

const integer = (value: number): unknown => ({ type: 'integer', value: String(value) })

/** The line of an insert, and of a block's end. */
function insert(height: number, sequence: number): string {
  const place = { kind: 'change', position: `${height}:0:${sequence}`, height, index: 0, sequence, transaction: 'ü' }
  return JSON.stringify({
    ...place,
    table: 't',
    op: 'insert',
    key: { a: integer(1) },
    rowid: '1',
    before: null,
    after: { a: integer(1) },
  })
}
function blockEnd(height: number): string {
  return JSON.stringify({
    kind: 'block',
    position: String(height + 1),
    height,
    block: 'b',
    timeMs: 1,
    stateRoot: 's',
    changes: 1,
  })
}

function positionOf(line: string): string {
  return (JSON.parse(line) as { readonly position: string }).position
}

/** What comes behind a position. */
function behind(lines: readonly string[], position: string): readonly string[] {
  if (!position.includes(':')) {
    const height = Number(position)
    return lines.filter((line) => (JSON.parse(line) as { readonly height: number }).height >= height)
  }
  return lines.slice(lines.findIndex((line) => positionOf(line) === position) + 1)
}

async function take(feed: AsyncGenerator<ChangeEntry>, count: number): Promise<readonly string[]> {
  const positions: string[] = []
  for await (const entry of feed) {
    positions.push(entry.position)
    if (positions.length === count) break
  }
  return positions
}

async function failure(feed: AsyncGenerator<unknown>): Promise<ClientError> {
  const error: unknown = await feed.next().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ClientError)
  return error as ClientError
}

test('every entry once, in order, whatever breaks and wherever', async () => {
  const fate = fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), after: fc.nat(600) }),
    fc.record({ kind: fc.constantFrom('refused' as const, 'error' as const, 'ends' as const), after: fc.nat(3) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
      fc.array(fate, { maxLength: 8 }),
      async (blocks, fates) => {
        const lines = blocks.flatMap((count, height) => [
          ...Array.from({ length: count }, (_, i) => insert(height, i)),
          blockEnd(height),
        ])
        let at = 0
        const { client } = clientOf((url, signal) => {
          const fate = fates[at]
          at += 1
          const rest = behind(lines, url.searchParams.get('from') ?? '0')
          const text = rest.map((line) => `${line}\n`).join('\n{"kind":"heartbeat","position":"0"}\n')
          if (fate === undefined) return feedOf(text, { signal })
          if (fate.kind === 'cut') return feedOf(text, { cut: fate.after, position: '0' })
          if (fate.kind === 'refused') return refusal(503, 'NOT_READY')
          if (fate.kind === 'error') return new TypeError('fetch failed')
          const some = rest.slice(0, fate.after)
          return feedOf([...some, '{"kind":"end","code":"SLOW","position":"0"}', ''].join('\n'))
        })
        expect(await take(client.changes({ from: 0 }), lines.length)).toEqual(lines.map(positionOf))
      },
    ),
    { numRuns: 200, seed: 11 },
  )
})

test('it goes on with the next replica, behind what was given out, and tells why', async () => {
  const { client, clock, asked } = clientOf((url, signal) => {
    if (url.hostname === 'one') return feedOf(`${insert(4, 0)}\n`, { position: '4' })
    return url.hostname === 'two' ? new TypeError('down') : feedOf(`${insert(4, 1)}\n`, { signal })
  })
  const interruptions: string[] = []
  const feed = client.changes({ tables: ['a b', 'c'], onInterruption: ({ code }) => void interruptions.push(code) })
  expect(await take(feed, 2)).toEqual(['4:0:0', '4:0:1'])
  expect(asked).toEqual([
    'http://one/v1/changes?tables=a%20b,c',
    'http://two/v1/changes?tables=a%20b,c&from=4%3A0%3A0',
    'http://three/v1/changes?tables=a%20b,c&from=4%3A0%3A0',
  ])
  expect(interruptions).toEqual(['UNREACHABLE', 'UNREACHABLE'])
  expect(clock.pauses).toEqual([50, 100])
  expect(clock.silences.size).toBe(0)
})

test('a feed that began now and broke before its first entry goes on from there', async () => {
  const { client, asked } = clientOf((_, signal) =>
    asked.length === 1 ? feedOf('', { position: '7' }) : feedOf(`${blockEnd(7)}\n`, { signal }),
  )
  expect(await take(client.changes(), 1)).toEqual(['8'])
  expect(asked[1]).toBe('http://two/v1/changes?from=7')
})

test('a replica that falls silent is left; one whose entry is being worked on is not', async () => {
  const { client, clock, asked } = clientOf((url, signal) =>
    feedOf(url.hostname === 'one' ? `${insert(1, 0)}\n` : `${insert(1, 1)}\n`, { signal }),
  )
  const feed = client.changes({ from: 1 })
  expect((await feed.next()).value?.position).toBe('1:0:0')
  expect(clock.silences.size).toBe(0)
  const next = feed.next()
  await new Promise((resolve) => setTimeout(resolve, 20))
  for (const ring of clock.silences) ring()
  expect((await next).value?.position).toBe('1:0:1')
  expect(asked).toHaveLength(2)
  await feed.return()
  expect(clock.silences.size).toBe(0)
})

test('a signal ends it, before, while waiting, and in a pause', async () => {
  const abort = new AbortController()
  const { client } = clientOf((_, signal) => feedOf(`${insert(1, 0)}\n`, { signal }))
  const feed = client.changes({ signal: abort.signal })
  await feed.next()
  const waiting = feed.next()
  setTimeout(() => abort.abort(), 10)
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await client.changes({ signal: abort.signal }).next()).toEqual({ done: true, value: undefined })
  const paused = new AbortController()
  const down = clientOf(() => new TypeError('down'))
  const options: ChangesOptions = { signal: paused.signal, onInterruption: () => paused.abort() }
  expect(await down.client.changes(options).next()).toEqual({ done: true, value: undefined })
})

test('interruptions leave nothing behind on the signal', async () => {
  const abort = new AbortController()
  let left = 50
  const { client } = clientOf((_, signal) =>
    --left > 0 ? new TypeError('down') : feedOf(`${blockEnd(1)}\n`, { signal }),
  )
  expect(await take(client.changes({ signal: abort.signal }), 1)).toEqual(['2'])
  expect(getEventListeners(abort.signal, 'abort')).toEqual([])
})

test('what nobody can mend is an error', async () => {
  const gone = clientOf(() => refusal(404, 'HEIGHT_GONE'))
  expect((await failure(gone.client.changes({ from: 1 }))).code).toBe('HEIGHT_GONE')
  expect(gone.asked).toHaveLength(3)
  const halfGone = clientOf((url) => (url.hostname === 'one' ? refusal(404, 'HEIGHT_GONE') : new TypeError('down')))
  expect((await failure(halfGone.client.log({ from: 1 }))).code).toBe('HEIGHT_GONE')
  expect(halfGone.asked).toHaveLength(9)
  const wrong = clientOf(() => refusal(400, 'POSITION_INVALID'))
  expect((await failure(wrong.client.changes({ from: 'x' }))).code).toBe('POSITION_INVALID')
  expect(wrong.asked).toHaveLength(1)
  const liar = clientOf((_, signal) => feedOf('{"kind":"change","position":"1:0:0"}\n', { signal }))
  expect((await failure(liar.client.changes())).code).toBe('BAD_ANSWER')
})

test('entries: what is told is what is given, and what is none is refused', () => {
  expect(parseChange(JSON.parse(insert(1, 2)))).toEqual({
    kind: 'change',
    position: '1:0:2',
    height: 1,
    index: 0,
    sequence: 2,
    transaction: 'ü',
    table: 't',
    op: 'insert',
    key: { a: 1n },
    rowid: 1n,
    before: undefined,
    after: { a: 1n },
  })
  const place = { position: '1:0:0', height: 1, index: 0, sequence: 0, transaction: null }
  expect(parseChange({ kind: 'reset', ...place, table: null })).toEqual({
    kind: 'reset',
    ...place,
    transaction: undefined,
    table: undefined,
  })
  const words = { op: 'create', type: 'index', name: 'i', table: 't', sql: 'CREATE INDEX i ON t(a)' }
  expect(parseChange({ kind: 'schema', ...place, ...words })).toEqual({
    kind: 'schema',
    ...place,
    transaction: undefined,
    ...words,
  })
  const done = {
    kind: 'transaction',
    position: '1:0',
    height: 1,
    block: 'b',
    timeMs: 1,
    index: 0,
    transaction: 'x',
    outcome: 'failed',
    code: 'C',
  }
  expect(parseLog(done)).toEqual({ ...done, program: undefined, governance: undefined })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.record({
          kind: fc.constantFrom('change', 'schema', 'reset', 'block', 'transaction'),
          position: fc.string(),
          height: fc.nat(),
          index: fc.jsonValue(),
          key: fc.jsonValue(),
        }),
      ),
      (value) => {
        for (const parsed of [parseChange(value), parseLog(value)])
          expect(parsed === undefined || typeof parsed.position === 'string').toBe(true)
      },
    ),
    { seed: 5 },
  )
})
