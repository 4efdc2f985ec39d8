// Goal: whatever happens to a connection, a client that comes back with its last position gets every entry once and in
// order; and a client costs a bounded amount, however it behaves. Method: a gateway before made-up blocks, and clients
// that read, stop reading, leave, come back at any position, and ask for nonsense.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GatewayLimits } from './limits.ts'
import type { FakeEntry } from './testing/fake-feeds.ts'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness

async function restart(limits: Partial<GatewayLimits> = {}, origins: readonly string[] = []): Promise<void> {
  await harness.close()
  harness = await startHarness(limits, origins)
}

beforeEach(async () => {
  harness = await startHarness()
})
afterEach(() => harness.close())

interface Line {
  readonly kind: string
  readonly position: string
  readonly code?: string
  readonly table?: string | null
}

/** A client that reads lines one by one. */
class Lines {
  readonly #abort: AbortController
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #text = ''

  constructor(abort: AbortController, body: ReadableStream<Uint8Array>) {
    this.#abort = abort
    this.#reader = body.getReader()
  }

  /** The next piece that `end` ends; undefined where the answer is over. */
  async until(end: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#text.indexOf(end)
      if (at >= 0) {
        const piece = this.#text.slice(0, at)
        this.#text = this.#text.slice(at + end.length)
        return piece
      }
      const { value, done } = await this.#reader.read()
      if (done) return undefined
      this.#text += Buffer.from(value).toString()
    }
  }

  async next(): Promise<Line | undefined> {
    const line = await this.until('\n')
    return line === undefined ? undefined : (JSON.parse(line) as Line)
  }

  /** Positions up to the one at which a block ends that `last` names. */
  async upTo(last: string): Promise<readonly string[]> {
    const positions: string[] = []
    for (let line = await this.next(); line !== undefined; line = await this.next()) {
      if (line.kind !== 'heartbeat') positions.push(line.position)
      if (line.kind === 'end' || line.position === last) break
    }
    return positions
  }

  leave(): void {
    this.#abort.abort()
  }
}

async function open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Lines> {
  const abort = new AbortController()
  const answer = await fetch(harness.url + path, { headers, signal: abort.signal })
  if (answer.status !== 200 || answer.body === null) throw new Error(`${answer.status} ${await answer.text()}`)
  return new Lines(abort, answer.body)
}

async function refusal(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const answer = await fetch(harness.url + path, { headers, signal: AbortSignal.timeout(5000) })
  const { code } = (await answer.json()) as { readonly code: string }
  return [answer.status, code]
}

/** A client that asks and then reads nothing until it is told to. */
function deaf(path: string): Socket {
  const { hostname, port } = new URL(harness.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
  return socket
}

function feedsOpen(): Promise<number> {
  return harness.get('/metrics').then(({ text }) => Number(/^quorate_feeds (\d+)$/m.exec(text)?.[1]))
}

async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    if (await probe()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`not in time: ${what}`)
}

describe('following', () => {
  test('blocks from a height, then those that come, each ended by its block entry', async () => {
    harness.feeds.add({ index: 0, table: 'a' })
    harness.feeds.add({ index: 0, table: 'a' }, { index: 0, table: 'b' }, { index: 2, table: 'a' })
    const client = await open('/v1/changes?from=1')
    expect(await client.upTo('2')).toEqual(['1:0:0', '1:0:1', '1:2:0', '2'])
    harness.feeds.add()
    harness.feeds.add({ index: 1 })
    expect(await client.upTo('4')).toEqual(['3', '3:1:0', '4'])
    client.leave()
    const now = await open('/v1/log')
    harness.feeds.add({ index: 7 })
    expect(await now.upTo('5')).toEqual(['4:7', '5'])
    now.leave()
    await until('both have left', async () => (await feedsOpen()) === 0)
  })

  test('as events: ids are positions, and a browser comes back by the last one', async () => {
    harness.feeds.add({ index: 0 }, { index: 1 })
    const client = await open('/v1/changes?from=0', { accept: 'text/event-stream' })
    expect(await client.until('\n\n')).toBe('retry: 1000')
    expect(await client.until('\n\n')).toBe(
      'id: 0:0:0\ndata: {"kind":"change","position":"0:0:0","table":null,"padding":""}',
    )
    client.leave()
    const again = await open('/v1/changes?from=0&format=sse', { 'last-event-id': '0:0:0' })
    await again.until('\n\n')
    expect(await again.until('\n\n')).toMatch(/^id: 0:1:0\n/)
    expect(await again.until('\n\n')).toBe('id: 1\ndata: {"kind":"block","position":"1","height":0}')
    again.leave()
  })

  test('only the tables asked for, and what concerns all', async () => {
    harness.feeds.add({ index: 0, table: 'a' }, { index: 1, table: 'b' }, { index: 2 }, { index: 3, table: 'c' })
    const client = await open('/v1/changes?from=0&tables=C,a')
    expect(await client.upTo('1')).toEqual(['0:0:0', '0:2:0', '0:3:0', '1'])
    client.leave()
  })

  test('a feed that has nothing to tell says that it lives', async () => {
    await restart({ feedHeartbeatMs: 20 })
    harness.feeds.add()
    const client = await open('/v1/changes')
    expect(await client.next()).toEqual({ kind: 'heartbeat', position: '1' })
    const events = await open('/v1/changes?format=sse')
    await events.until('\n\n')
    expect(await events.until('\n\n')).toBe(': alive')
    client.leave()
    events.leave()
  })

  test('a position beyond the end is waited for: another replica was ahead', async () => {
    harness.feeds.add()
    const client = await open('/v1/changes?from=2:1:0')
    harness.feeds.add({ index: 0 })
    harness.feeds.add({ index: 0 }, { index: 1 }, { index: 1 })
    expect(await client.upTo('3')).toEqual(['2:1:1', '3'])
    client.leave()
  })

  test('cut anywhere, any number of times: every entry once, in order', async () => {
    await restart({ feedChunkChars: 200 })
    const entry: fc.Arbitrary<FakeEntry> = fc.record({ index: fc.nat(3), padding: fc.nat(150) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(entry, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(8), { maxLength: 6 }),
        fc.constantFrom('changes', 'log'),
        async (blocks, cuts, topic) => {
          const first = (harness.feeds.tip ?? -1) + 1
          for (const block of blocks) {
            // A log has one entry for each transaction.
            const one =
              topic === 'log' ? block.filter((each, i) => block.findIndex((b) => b.index === each.index) === i) : block
            harness.feeds.add(...one.toSorted((a, b) => a.index - b.index))
          }
          const last = String(first + blocks.length)
          const whole = await open(`/v1/${topic}?from=${first}`)
          const expected = await whole.upTo(last)
          whole.leave()
          const got: string[] = []
          for (const length of [...cuts, Infinity]) {
            if (got.at(-1) === last) break
            const client = await open(`/v1/${topic}?from=${got.at(-1) ?? first}`)
            for (let taken = 0; taken < length && got.at(-1) !== last; taken += 1)
              got.push((await client.next())?.position ?? 'over')
            client.leave()
          }
          expect(got).toEqual(expected)
        },
      ),
      { numRuns: 60, seed: 7 },
    )
  })
})

describe('bounds', () => {
  test('a client that takes nothing is cut, told so and where it stands, and costs one chunk', async () => {
    await restart({ feedStallMsMax: 50, feedChunkChars: 1_000_000 })
    const blocks = 40
    for (let at = 0; at < blocks; at += 1) harness.feeds.add({ index: 0, padding: 1_000_000 })
    const client = deaf('/v1/changes?from=0')
    await until('it is cut', async () =>
      harness.feeds.asked > 1 && (await feedsOpen()) === 0 ? true : harness.feeds.asked > blocks,
    )
    expect(harness.feeds.asked).toBeLessThan(blocks)
    client.destroy()
  })

  test('a client that was cut reads the last entry first, and goes on there', async () => {
    await restart({ feedStallMsMax: 1500, feedChunkChars: 2_000_000 })
    for (let at = 0; at < 40; at += 1) harness.feeds.add({ index: 0, padding: 1_000_000 })
    const client = deaf('/v1/changes?from=0')
    let text = ''
    await until('it is silent', () => harness.feeds.asked > 1)
    await new Promise((resolve) => setTimeout(resolve, 1900))
    const over = new Promise((resolve) => client.once('close', resolve))
    client.on('data', (bytes) => {
      text += bytes.toString()
    })
    client.resume()
    await over
    const entries = [...text.matchAll(/\{"kind":"(\w+)"(?:,"code":"(\w+)")?,"position":"([\d:]+)"/g)].map(
      ([, ...parts]) => parts,
    )
    const [kind, code, position] = entries.at(-1) ?? []
    expect([kind, code]).toEqual(['end', 'SLOW'])
    // The end names the position of what came before it: nothing is lost between, nothing comes twice.
    expect(position).toBe(entries.at(-2)?.[2])
  })

  test('feeds beyond the limit are refused, and a place becomes free when one leaves', async () => {
    await restart({ feedsMax: 2 })
    harness.feeds.add()
    const [first, second] = [await open('/v1/changes'), await open('/v1/log')]
    expect(await refusal('/v1/changes')).toEqual([503, 'OVERLOADED'])
    first.leave()
    await until('a place is free', async () => (await feedsOpen()) === 1)
    ;(await open('/v1/changes')).leave()
    second.leave()
  })

  test('what is not retained is refused; a reader that falls behind it is told', async () => {
    for (let at = 0; at < 5; at += 1) harness.feeds.add()
    harness.feeds.floor = 3
    expect(await refusal('/v1/changes?from=2')).toEqual([404, 'HEIGHT_GONE'])
    expect(await refusal('/v1/changes?from=2:0:0')).toEqual([404, 'HEIGHT_GONE'])
    const client = await open('/v1/changes?from=5')
    harness.feeds.floor = 100
    harness.feeds.add()
    expect(await client.next()).toEqual({ kind: 'end', code: 'HEIGHT_GONE', position: '5' })
    expect(await client.next()).toBeUndefined()
  })

  test('a block that can not be told ends the feed, and is no status 200', async () => {
    harness.feeds.add()
    harness.feeds.broken = 1
    const client = await open('/v1/changes')
    harness.feeds.add()
    expect(await client.next()).toEqual({ kind: 'end', code: 'UNAVAILABLE', position: '1' })
    expect(await refusal('/v1/changes?from=1')).toEqual([503, 'UNAVAILABLE'])
  })

  test('a gateway that closes says goodbye', async () => {
    harness.feeds.add()
    const client = await open('/v1/log')
    const closed = harness.gateway.close()
    expect(await client.next()).toEqual({ kind: 'end', code: 'CLOSING', position: '1' })
    await closed
    await restart()
  })
})

describe('questions', () => {
  test('nonsense is refused with its code', async () => {
    harness.feeds.add()
    const table: readonly (readonly [string, unknown])[] = [
      ['/v1/changes?from=', [400, 'POSITION_INVALID']],
      ['/v1/changes?from=-1', [400, 'POSITION_INVALID']],
      ['/v1/changes?from=1:2', [400, 'POSITION_INVALID']],
      ['/v1/log?from=1:2:3', [400, 'POSITION_INVALID']],
      ['/v1/changes?from=1&from=2', [400, 'POSITION_INVALID']],
      ['/v1/changes?from=1001', [404, 'HEIGHT_AHEAD']],
      ['/v1/changes?format=xml', [400, 'FORMAT_INVALID']],
      ['/v1/changes?tables=', [400, 'TABLES_INVALID']],
      ['/v1/changes?tables=a,,b', [400, 'TABLES_INVALID']],
      [`/v1/changes?tables=${'a,'.repeat(64)}a`, [400, 'TABLES_INVALID']],
      [`/v1/changes?tables=${'a'.repeat(8193)}`, [400, 'TABLES_INVALID']],
    ]
    for (const [path, expected] of table) expect(await refusal(path), path).toEqual(expected)
    expect(await refusal('/v1/changes', { 'last-event-id': 'x' })).toEqual([400, 'POSITION_INVALID'])
    ;(await open('/v1/changes?from=1000')).leave()
  })

  test('before genesis there is nothing to follow', async () => {
    expect(await refusal('/v1/changes')).toEqual([503, 'NOT_READY'])
  })

  test('any query gives a feed or an error with a code', async () => {
    harness.feeds.add()
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('0', '1', '0:0:0', '0:0', 'sse', 'ndjson', 'a,b', '18446744073709551616'),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom('from', 'format', 'tables', 'statements', 'x'), text),
        fc.constantFrom('changes', 'log'),
        async (query, topic) => {
          const abort = new AbortController()
          const answer = await fetch(`${harness.url}/v1/${topic}?${String(new URLSearchParams(query))}`, {
            signal: abort.signal,
          })
          if (answer.status !== 200) expect(await answer.json()).toMatchObject({ code: expect.any(String) })
          expect(answer.status).toBeLessThan(500)
          abort.abort()
        },
      ),
      { numRuns: 80, seed: 3 },
    )
  })

  test('pages of allowed origins may follow', async () => {
    await restart({}, ['https://example.org'])
    harness.feeds.add()
    const answer = await fetch(`${harness.url}/v1/changes`, {
      headers: { origin: 'https://example.org' },
      signal: AbortSignal.timeout(5000),
    })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://example.org')
    expect(answer.headers.get('quorate-height')).toBe('0')
    expect(answer.headers.get('quorate-position')).toBe('1')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    await answer.body?.cancel()
  })
})
