// Goal: a replica that fetched a database from peers goes on exactly as they do, with real SQL, threads and files; it fetches only
// what differs, liars are named, and what is cut off goes on. Method: writers and lenders as a replica has them, conversations
// joined by frames in memory.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, unwrap } from '@quorate/kernel'
import { PAGE_BYTES } from '@quorate/sql-state'
import type { Clock } from '@quorate/session-types'
import { systemClock } from '@quorate/session-types'
import type { Height, MemberId, StateAnswer, StateAsk } from '@quorate/types'
import { decodeOutcome, encodeProgram, height, STATE_LIMITS } from '@quorate/types'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StateLending } from '../sql/state-lending.ts'
import { LOAN_LIMITS } from '../sql/state-loans.ts'
import { StateReader } from '../sql/state-file.ts'
import type { StateHeight } from '../sql/state-rows.ts'
import { executeAll } from '../sql/testing/blocks.ts'
import { SqlReaders, SqlWriter } from '../sql/threads.ts'
import { Conversations } from './conversations.ts'
import { StateFetch } from './state-fetch.ts'

/** Some 700 pages in six pieces, and then ever a few rows changed. */
const FILL =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700) INSERT INTO t SELECT i, randomblob(3500) FROM n'
const BLOCKS = [
  ['CREATE TABLE t(a INTEGER PRIMARY KEY, b)'],
  [FILL],
  ['UPDATE t SET b = randomblob(3500) WHERE a % 100 = 7', 'CREATE TABLE u(a)'],
  ['DELETE FROM t WHERE a BETWEEN 400 AND 430', 'INSERT INTO u SELECT a FROM t'],
] as const
const NEXT = ['INSERT INTO t SELECT a + 5000, b FROM t WHERE a < 50', 'UPDATE u SET a = a + 1']

const ME = 'newcomer' as MemberId
let folder: string
let closers: (() => unknown)[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-fetch-'))
  closers = []
})

afterEach(async () => {
  for (const close of closers.reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
})

function path(name: string): string {
  mkdirSync(join(folder, name), { recursive: true })
  return join(folder, name)
}

async function writerIn(name: string): Promise<SqlWriter> {
  const writer = await SqlWriter.open(path(name))
  closers.push(() => writer.close())
  return writer
}

function readerIn(name: string): StateReader {
  const reader = new StateReader(path(name))
  closers.push(() => reader.close())
  return reader
}

function lendingOf(name: string, writer: SqlWriter, clock: Clock = systemClock): StateLending {
  const lending = new StateLending({
    folder: path(name),
    writer,
    clock,
    onTrouble: (message) => {
      throw new Error(message)
    },
  })
  closers.push(() => lending.close())
  return lending
}

type Answering = (peer: MemberId, ask: StateAsk) => Promise<StateAnswer>

/** Conversations of the newcomer with peers that answer so. */
function converse(peers: ReadonlyMap<MemberId, Answering>): Conversations {
  const all = new Map<MemberId, Conversations>()
  const make = (id: MemberId, state: Answering): Conversations => {
    const conversations = new Conversations({
      send: (to, frame) => {
        const copy = frame.slice()
        queueMicrotask(() => all.get(to)?.received(id, copy))
        return all.has(to)
      },
      broken: (_peer, what) => {
        throw new Error(what)
      },
      answers: {
        units: () => ({ kind: 'units', units: [] }),
        blocks: async () => ({ kind: 'blocks', blocks: [] }),
        voted: ({ question }) => ({ kind: 'voted', question, voted: undefined }),
      },
      answered: () => undefined,
      state,
      accept: () => undefined,
      failed: () => undefined,
      wallMs: () => 1_700_000_000_000,
      clock: systemClock,
    })
    closers.push(() => conversations.close())
    all.set(id, conversations)
    return conversations
  }
  for (const [id, state] of peers) make(id, state)
  return make(ME, async () => ({ kind: 'refused', code: 'NOT_YET', retryAfterMs: 1 }))
}

interface Ledger {
  readonly writer: SqlWriter
  readonly lending: StateLending
  readonly reader: StateReader
  readonly target: StateHeight
}

/** A replica that executed all blocks, and offers the last. */
async function ledger(): Promise<Ledger> {
  const writer = await writerIn('there')
  const last = await executeAll(writer, 0, BLOCKS)
  const reader = readerIn('there')
  const lending = lendingOf('there', writer)
  expect(await lending.offer([last.height, height(99)])).toEqual([last.height])
  return { writer, lending, reader, target: must(reader.at(last.height), 'it was executed') }
}

function honest({ lending, target }: Ledger): Answering {
  return (peer, ask) => lending.answer(peer, ask, target.height)
}

/** Flips a bit of whatever the honest one says. */
function lying(of: Answering): Answering {
  return async (peer, ask) => {
    const answer = await of(peer, ask)
    if (answer.kind === 'pages') return { ...answer, pages: answer.pages.with(5000, (answer.pages[5000] ?? 0) ^ 1) }
    return answer.kind === 'hashes' ? { ...answer, hashes: answer.hashes.with(3, (answer.hashes[3] ?? 0) ^ 1) } : answer
  }
}

interface Told {
  readonly faults: string[]
  stale: number
}

function fetchInto(
  database: SqlWriter,
  target: StateHeight,
  peers: ReadonlyMap<MemberId, Answering>,
): { readonly fetch: StateFetch; readonly told: Told } {
  const conversations = converse(peers)
  const told: Told = { faults: [], stale: 0 }
  const fetch = new StateFetch({
    target,
    faultyMax: 1,
    database,
    fetch: (to, ask) => conversations.fetchState(to, ask),
    clock: systemClock,
    onFault: (member, fault, why) => told.faults.push(`${member}: ${fault}: ${why}`),
    onStale: () => (told.stale += 1),
  })
  fetch.reachable([...peers.keys()])
  return { fetch, told }
}

/** Pages that differ between two heights. */
function differing(reader: StateReader, from: StateHeight, to: StateHeight): number {
  const before = new Map(reader.hashes(from))
  return [...reader.hashes(to)].filter(([number, hash]) => before.get(number) !== hash).length
}

async function count(readers: SqlReaders, at: Height, sql: string): Promise<unknown> {
  const statement = { sql, args: [], namedArgs: [], wantRows: true }
  const reply = await readers.read({
    kind: 'read',
    height: at,
    program: encodeProgram({ requests: [{ kind: 'execute', statement }] }),
  })
  if (reply.kind !== 'outcome') return reply.kind
  const outcome = unwrap(decodeOutcome(reply.outcome), 'an outcome')
  return outcome.kind === 'executed' ? outcome.replies : outcome
}

const members = (...peers: readonly Answering[]): ReadonlyMap<MemberId, Answering> =>
  new Map(peers.map((peer, i) => [`peer ${i}` as MemberId, peer]))

describe('fetching the database', () => {
  test('with nothing at hand: blocks go on from it as they do elsewhere, and the liar is named', async () => {
    const there = await ledger()
    const here = await writerIn('here')
    const good = honest(there)
    const { fetch, told } = fetchInto(here, there.target, members(lying(good), good, good))
    expect(await fetch.run()).toBe('whole')
    expect(here.height).toBe(there.target.height)
    expect(here.arriving).toBeUndefined()
    const { pagesDone, pagesFetched, members: reports } = must(fetch.progress(), 'it ran')
    expect([pagesDone, pagesFetched]).toEqual([there.target.pageCount, there.target.pageCount])
    expect(told.faults).toEqual([expect.stringMatching(/^peer 0: wrong: PROOF_ROOT: leads to/)])
    expect(reports.map(({ faults }) => faults)).toEqual([['wrong'], [], []])
    const [mine, theirs] = [await executeAll(here, 4, [NEXT]), await executeAll(there.writer, 4, [NEXT])]
    expect(mine).toEqual(theirs)
    const readers = [new SqlReaders(path('here')), new SqlReaders(path('there'))] as const
    closers.push(...readers.map((each) => () => each.close()))
    for (const at of [3, 4]) {
      const sql = 'SELECT count(*), sum(a), hex(max(b)) FROM t'
      const rows = await count(readers[0], height(at), sql)
      expect(rows).toMatchObject([{ kind: 'result' }])
      expect(rows).toEqual(await count(readers[1], height(at), sql))
    }
  })

  test('with an older database at hand: only the pages that differ come, and it is readable meanwhile', async () => {
    const there = await ledger()
    const here = await writerIn('here')
    await executeAll(here, 0, BLOCKS.slice(0, 2))
    const old = must(there.reader.at(height(1)), 'it is retained')
    const view = readerIn('here')
    const { fetch } = fetchInto(here, there.target, members(honest(there), honest(there)))
    expect(await fetch.run()).toBe('whole')
    const wanted = differing(there.reader, old, there.target)
    expect(fetch.progress()).toMatchObject({ pagesFetched: wanted, pagesDone: there.target.pageCount })
    expect(wanted).toBeLessThan(there.target.pageCount / 5)
    expect(view.at(height(1))).toEqual(old)
    expect([...view.hashes(old)]).toEqual([...there.reader.hashes(old)])
    expect(view.pages(old).page(2)).toEqual(there.reader.pages(old).page(2))
    expect(await executeAll(here, 4, [NEXT])).toEqual(await executeAll(there.writer, 4, [NEXT]))
  })

  test('stopped half-way and opened again, it goes on where it was', async () => {
    const there = await ledger()
    let here = await writerIn('here')
    let answers = 0
    const first = fetchInto(
      here,
      there.target,
      members(async (peer, ask) => {
        answers += 1
        if (answers === 4) first.fetch.stop()
        return honest(there)(peer, ask)
      }),
    )
    expect(await first.fetch.run()).toBe('stopped')
    await here.close()
    here = await writerIn('here')
    expect(here.height).toBeUndefined()
    expect(here.arriving).toEqual(there.target)
    const { fetch } = fetchInto(here, there.target, members(honest(there)))
    expect(await fetch.run()).toBe('whole')
    const fetched = must(fetch.progress(), 'it ran').pagesFetched
    expect(fetched).toBeLessThanOrEqual(there.target.pageCount - STATE_LIMITS.pagesMax)
    expect(fetched).toBeGreaterThan(0)
  })

  test('that peers have not got the target any more is told', async () => {
    const there = await ledger()
    const here = await writerIn('here')
    const target = { ...there.target, height: height(77) }
    const lost: Answering = (peer, ask) => there.lending.answer(peer, ask, height(100))
    const { fetch, told } = fetchInto(here, target, members(lost, lost, lost))
    const running = fetch.run()
    while (told.stale === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    fetch.stop()
    expect(await running).toBe('stopped')
    expect(told).toEqual({ faults: [], stale: 1 })
  })
})

describe('lending', () => {
  test('what is not certified yet, not there, or too much at once is refused with the reason', async () => {
    const there = await ledger()
    const ask: StateAsk = { kind: 'pages', height: there.target.height, runs: [{ from: 1, count: 1 }] }
    const peer = 'p' as MemberId
    const code = async (each: Promise<StateAnswer>): Promise<string> => {
      const answer = await each
      return answer.kind === 'refused' ? answer.code : answer.kind
    }
    expect(await code(there.lending.answer(peer, ask, undefined))).toBe('NOT_YET')
    expect(await code(there.lending.answer(peer, ask, height(2)))).toBe('NOT_YET')
    expect(await code(there.lending.answer(peer, { ...ask, height: height(50) }, height(90)))).toBe('GONE')
    const many = Array.from({ length: LOAN_LIMITS.asksMax + 1 }, () =>
      there.lending.answer(peer, ask, there.target.height),
    )
    const codes = await Promise.all(many.map(code))
    expect(codes).toEqual([...Array.from({ length: LOAN_LIMITS.asksMax }, () => 'pages'), 'BUSY'])
    expect(await code(there.lending.answer(peer, ask, there.target.height))).toBe('pages')
    await there.lending.expire()
    await there.lending.close()
    expect(await code(there.lending.answer(peer, ask, there.target.height))).toBe('BUSY')
  })

  test('an answer that takes long is put off, and its place is taken until it is there', async () => {
    const there = await ledger()
    const rings: (() => void)[] = []
    const lending = lendingOf('there', there.writer, {
      nowMs: systemClock.nowMs,
      after: (_delayMs, ring) => {
        rings.push(ring)
        return () => undefined
      },
    })
    const ask: StateAsk = { kind: 'hashes', height: there.target.height, level: 0, run: { from: 0, count: 1 } }
    const asked = Array.from({ length: LOAN_LIMITS.asksMax }, () =>
      lending.answer('p' as MemberId, ask, there.target.height),
    )
    expect(rings.length).toBe(LOAN_LIMITS.asksMax)
    for (const ring of rings.splice(0)) ring()
    const busy = { kind: 'refused', code: 'BUSY', retryAfterMs: LOAN_LIMITS.retryMs }
    expect(await Promise.all(asked)).toEqual(asked.map(() => busy))
    expect(await lending.answer('p' as MemberId, ask, there.target.height)).toEqual(busy)
    expect((await lending.answer('q' as MemberId, ask, there.target.height)).kind).toBe('hashes')
    expect((await lending.answer('p' as MemberId, ask, there.target.height)).kind).toBe('hashes')
  })

  test('an answer holds what its limits say', () => {
    expect(STATE_LIMITS.pagesMax * PAGE_BYTES).toBe(STATE_LIMITS.pagesBytesMax)
    const bytes = STATE_LIMITS.pagesBytesMax + STATE_LIMITS.proofBytesMax
    expect(bytes).toBeLessThan(1024 * 1024)
    expect(STATE_LIMITS.hashesMax * 32 + STATE_LIMITS.proofBytesMax).toBeLessThan(bytes)
  })
})
