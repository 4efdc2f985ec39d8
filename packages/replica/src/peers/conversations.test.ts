// Goal: replicas that ask each other get their answers; a peer that asks or answers wrongly, slowly or never loses its own session
// within the protocol's time, and nobody else notices. Method: conversations joined by frames in memory, on a clock that the test
// moves; the hostile side writes frames by hand.

import { systemClock } from '@quorate/session-types'
import type { Clock } from '@quorate/session-types'
import type { Answer, Ask, Digest, MemberId, StateAnswer, StateAsk } from '@quorate/types'
import { BLOCKS_ANSWER, height, UNITS_ANSWER, VOTED_ANSWER } from '@quorate/types'
import { beforeEach, describe, expect, test } from 'vitest'
import { Conversations } from './conversations.ts'
import {
  ANSWER_MS,
  BLOCKS_MS,
  FETCH_STATE,
  FETCH_UNITS,
  FOLLOW,
  FOLLOW_IDLE_MS,
  FORWARD_TRANSACTIONS,
  READ_INDEX,
  STATE_MS,
} from './protocols.ts'

const VIEW = 'ab'.repeat(32) as Extract<Ask, { kind: 'units' }>['view']
const HASH = 'cd'.repeat(32) as Digest
const ASKS: readonly Ask[] = [
  { kind: 'units', view: VIEW, hashes: [HASH] },
  { kind: 'blocks', from: height(3), count: 2 },
  { kind: 'voted', question: 7 },
]
const UNITS: Answer = { kind: 'units', units: [Uint8Array.of(1, 2)] }
const PAGES: StateAnswer = { kind: 'pages', pages: new Uint8Array(300_000).fill(7), proof: Uint8Array.of(1) }
const PAGES_ASK: StateAsk = { kind: 'pages', height: height(4), runs: [{ from: 1, count: 2 }] }
const BLOCK = { header: Uint8Array.of(1), body: Uint8Array.of(2), certificate: Uint8Array.of(3) }

class ManualClock implements Clock {
  #nowMs = 0
  readonly #rings = new Set<{ readonly atMs: number; readonly ring: () => void }>()
  readonly nowMs = (): number => this.#nowMs
  readonly after = (delayMs: number, ring: () => void): (() => void) => {
    const entry = { atMs: this.#nowMs + delayMs, ring }
    this.#rings.add(entry)
    return () => this.#rings.delete(entry)
  }

  async pass(ms: number): Promise<void> {
    this.#nowMs += ms
    for (const entry of this.#rings) {
      if (entry.atMs > this.#nowMs || !this.#rings.delete(entry)) continue
      entry.ring()
    }
    await settled()
  }
}

/** Lets everything run that needs no time. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => systemClock.after(0, () => resolve(undefined)))
}

let clock: ManualClock

/** One side, with what its host was told. */
class Side {
  readonly id: MemberId
  readonly answers: { readonly peer: MemberId; readonly answer: Answer }[] = []
  readonly stateAsks: { readonly peer: MemberId; readonly ask: StateAsk }[] = []
  readonly failures: string[] = []
  readonly broken: string[] = []
  readonly accepted: Uint8Array[] = []
  readonly conversations: Conversations
  /** Where frames go, by peer. */
  readonly wires = new Map<MemberId, (frame: Uint8Array) => void>()
  served = 0
  declines = false

  constructor(name: string) {
    this.id = name as MemberId
    this.conversations = new Conversations({
      send: (peer, frame) => {
        const wire = this.wires.get(peer)
        if (wire !== undefined) queueMicrotask(() => wire(frame))
        return wire !== undefined
      },
      broken: (_peer, what) => this.broken.push(what),
      answers: {
        units: () => this.#serve(UNITS as Extract<Answer, { kind: 'units' }>),
        blocks: async () => this.#serve({ kind: 'blocks', blocks: [BLOCK] }),
        voted: ({ question }) => this.#serve({ kind: 'voted', question, voted: height(9) }),
      },
      answered: (peer, answer) => this.answers.push({ peer, answer }),
      state: async (peer, ask) => {
        this.stateAsks.push({ peer, ask })
        return this.#serve(PAGES)
      },
      accept: (transactions) => {
        if (this.declines) return { code: 'OVERLOADED', message: 'full', retryAfterMs: 5 }
        this.accepted.push(...transactions)
        return undefined
      },
      failed: (_peer, error) => this.failures.push((error as { code: string }).code),
      wallMs: () => 1_700_000_000_000,
      clock,
    })
  }

  join(other: Side): void {
    this.wires.set(other.id, (frame) => other.conversations.received(this.id, frame))
    other.wires.set(this.id, (frame) => this.conversations.received(other.id, frame))
  }

  #serve<A>(answer: A): A {
    this.served += 1
    return answer
  }
}

let victim: Side
let honest: Side

beforeEach(() => {
  clock = new ManualClock()
  victim = new Side('victim')
  honest = new Side('honest')
  victim.join(honest)
})

/** The victim and the honest peer still hear each other. */
async function stillWorks(): Promise<void> {
  const before = [victim.answers.length, honest.answers.length]
  for (const ask of ASKS) {
    victim.conversations.ask(honest.id, ask)
    honest.conversations.ask(victim.id, ask)
  }
  await settled()
  expect([victim.answers.length, honest.answers.length]).toEqual(before.map((count) => count + ASKS.length))
}

describe('honest peers', () => {
  test('every question gets its answer', async () => {
    for (const ask of ASKS) victim.conversations.ask(honest.id, ask)
    await settled()
    expect(victim.answers.map(({ answer }) => answer)).toEqual(
      expect.arrayContaining([UNITS, { kind: 'blocks', blocks: [BLOCK] }, { kind: 'voted', question: 7, voted: 9 }]),
    )
    expect([victim.failures, honest.failures]).toEqual([[], []])
  })

  test('ranges of blocks go through one session, which ends when nothing was asked for a while, and another follows', async () => {
    const opens = { count: 0 }
    const wire = victim.wires.get(honest.id)!
    victim.wires.set(honest.id, (frame) => {
      if (frame[0] === 0) opens.count += 1
      wire(frame)
    })
    for (let from = 0; from < 5; from += 1) {
      victim.conversations.ask(honest.id, { kind: 'blocks', from: height(from), count: 1 })
      await settled()
    }
    expect([victim.answers.length, opens.count]).toEqual([5, 1])
    await clock.pass(FOLLOW_IDLE_MS + 1)
    victim.conversations.ask(honest.id, { kind: 'blocks', from: height(6), count: 1 })
    await settled()
    expect([victim.answers.length, opens.count]).toEqual([6, 2])
    expect([victim.failures, honest.failures]).toEqual([[], []])
  })

  test('transactions are handed over, or declined with the reason', async () => {
    const transactions = [Uint8Array.of(1), Uint8Array.of(2, 3)]
    expect(await victim.conversations.forward(honest.id, transactions)).toBe(undefined)
    expect(honest.accepted).toEqual(transactions)
    honest.declines = true
    expect(await victim.conversations.forward(honest.id, transactions)).toEqual({
      code: 'OVERLOADED',
      message: 'full',
      retryAfterMs: 5,
    })
  })

  test('part of the database is asked for by who is asked on whose behalf, many at a time', async () => {
    const asks: StateAsk[] = [PAGES_ASK, { kind: 'hashes', height: height(4), level: 7, run: { from: 0, count: 9 } }]
    const answers = Promise.all(asks.map((ask) => victim.conversations.fetchState(honest.id, ask)))
    await settled()
    expect(await answers).toEqual([PAGES, PAGES])
    expect(honest.stateAsks).toEqual(asks.map((ask) => ({ peer: victim.id, ask })))
  })

  test('what is under way ends with the link, and the next question finds the new one', async () => {
    const wire = victim.wires.get(honest.id)!
    victim.wires.set(honest.id, () => undefined)
    for (const ask of ASKS) victim.conversations.ask(honest.id, ask)
    await settled()
    victim.conversations.down(honest.id, 'gone')
    await settled()
    expect(victim.failures).toEqual(['DISCONNECTED', 'DISCONNECTED', 'DISCONNECTED'])
    victim.wires.set(honest.id, wire)
    await stillWorks()
  })

  test('a peer that was restarted is understood, and what it asked before it ended costs nothing', async () => {
    await stillWorks()
    const again = new Side('honest')
    again.join(victim)
    honest = again
    victim.conversations.ask(honest.id, ASKS[0]!)
    await settled()
    expect(victim.broken).toEqual([])
  })
})

const PROTOCOLS = { units: FETCH_UNITS, blocks: FOLLOW, voted: READ_INDEX } as const
const EVIL = 'evil' as MemberId

/** Frames by hand: kind, session (6 bytes), then what is given. */
function frame(kind: number, id: number, ...rest: readonly (readonly number[] | Uint8Array)[]): Uint8Array {
  const head = new Uint8Array(7)
  const view = new DataView(head.buffer)
  view.setUint8(0, kind)
  view.setUint32(1, id % 2 ** 32, true)
  view.setUint16(5, Math.floor(id / 2 ** 32), true)
  return Uint8Array.from([...head, ...rest.flatMap((part) => [...part])])
}

const openFrame = (id: number, protocol: number, ...rest: readonly (readonly number[])[]): Uint8Array =>
  frame(0, id, [protocol, 0, 1, 0], ...rest)

/** The session numbers that the victim opened with the evil peer. */
function listen(): number[] {
  const ids: number[] = []
  victim.wires.set(EVIL, (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    if (bytes[0] === 0) ids.push(view.getUint32(1, true) + view.getUint16(5, true) * 2 ** 32)
  })
  return ids
}

describe('a peer that is asked for part of the database', () => {
  const answerTag = FETCH_STATE.table.transitions.find((each) => each.label.endsWith('Answer'))!.tag
  test.each([
    ['refuses', [255, 0, 0x6e, 0x6f], 'ABORTED'],
    ['answers with what is no answer', [answerTag, 9, 9, 9], 'DECODE'],
    ['answers with more than an answer holds', [answerTag, 0, 0xff, 0xff, 0xff, 0x7f], 'DECODE'],
    ['answers with another message', [77, 1], 'VIOLATION'],
  ] as const)('%s', async (_how, message, code) => {
    const ids = listen()
    const asked = victim.conversations.fetchState(EVIL, PAGES_ASK)
    const failure = expect(asked).rejects.toMatchObject({ code })
    await settled()
    victim.conversations.received(EVIL, frame(2, ids[0]!, message))
    await failure
    await stillWorks()
  })

  test('is silent', async () => {
    listen()
    const asked = victim.conversations.fetchState(EVIL, PAGES_ASK)
    const failure = expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' })
    await settled()
    await clock.pass(STATE_MS + 1)
    await failure
    await stillWorks()
  })
})

describe.each(ASKS)('a peer that is asked: $kind', (ask) => {
  const waitMs = ask.kind === 'blocks' ? BLOCKS_MS : ANSWER_MS
  const answerTag = PROTOCOLS[ask.kind].table.transitions.find((each) => each.label.endsWith('Answer'))!.tag
  const malformed: readonly (readonly [string, readonly number[], string])[] = [
    ['with another message of the protocol', [0], 'VIOLATION'],
    ['with a message that the protocol has not', [77, 1, 2, 3], 'VIOLATION'],
    ['with nothing in its message', [], 'VIOLATION'],
    ['with a body that does not decode', [answerTag, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'DECODE'],
    ['with a refusal', [255, 0, 0x6e, 0x6f], 'ABORTED'],
  ]
  test.each(malformed)('answers %s', async (_how, message, code) => {
    const ids = listen()
    victim.conversations.ask(EVIL, ask)
    await settled()
    expect(ids.length).toBe(1)
    victim.conversations.received(EVIL, frame(2, ids[0]!, message))
    await settled()
    expect(victim.failures).toEqual([code])
    expect(victim.answers).toEqual([])
    await stillWorks()
  })

  test('answers never, or by and by', async () => {
    const ids = listen()
    victim.conversations.ask(EVIL, ask)
    await settled()
    await clock.pass(waitMs - 1)
    expect(victim.failures).toEqual([])
    // Words of another session are no sign of life of this one.
    victim.conversations.received(EVIL, frame(2, ids[0]! + 1, [answerTag]))
    await clock.pass(2)
    expect(victim.failures).toEqual(['TIMEOUT'])
    await stillWorks()
  })

  test('answers twice', async () => {
    const ids = listen()
    victim.conversations.ask(EVIL, ask)
    await settled()
    const body =
      ask.kind === 'units'
        ? UNITS_ANSWER.encode({ kind: 'units', units: [] })
        : ask.kind === 'blocks'
          ? BLOCKS_ANSWER.encode({ kind: 'blocks', blocks: [] })
          : VOTED_ANSWER.encode({ kind: 'voted', question: 7, voted: undefined })
    for (let i = 0; i < 1000; i += 1) victim.conversations.received(EVIL, frame(2, ids[0]!, [answerTag], body))
    await settled()
    expect(victim.answers.length).toBe(1)
    await stillWorks()
  })

  test('is asked no more than so often at once', async () => {
    listen()
    for (let i = 0; i < 500; i += 1) victim.conversations.ask(EVIL, ask)
    await settled()
    expect(victim.failures).toEqual(ask.kind === 'blocks' ? [] : Array.from({ length: 500 - 64 }, () => 'LIMIT'))
    await stillWorks()
  })
})

describe('a peer that asks', () => {
  const protocols = [FETCH_UNITS, FETCH_STATE, FOLLOW, READ_INDEX, FORWARD_TRANSACTIONS].map(
    (each) => [each.name, each.id] as const,
  )
  const replies: Uint8Array[] = []
  beforeEach(() => {
    replies.length = 0
    victim.wires.set(EVIL, (bytes) => replies.push(bytes))
  })

  test.each(protocols)('%s: in the wrong words', async (_name, id) => {
    for (const [at, message] of [[77], [0, 0xff, 0xff, 0xff, 0xff, 0xff], [0], [255, 0]].entries())
      victim.conversations.received(EVIL, openFrame(at + 1, id, message))
    await settled()
    expect(victim.failures.length).toBe(4)
    expect([victim.served, victim.accepted]).toEqual([0, []])
    await stillWorks()
  })

  test.each(protocols)('%s: and then says nothing', async (_name, id) => {
    victim.conversations.received(EVIL, openFrame(1, id))
    await settled()
    expect(victim.failures).toEqual([])
    await clock.pass(2 * FOLLOW_IDLE_MS + 1)
    expect(victim.failures).toEqual(['TIMEOUT'])
    await stillWorks()
  })

  test.each(protocols)('%s: ever more, without reading the answers', async (_name, id) => {
    for (let at = 1; at <= 5000; at += 1) victim.conversations.received(EVIL, openFrame(at, id))
    await settled()
    // All but those within the limit were refused by one short frame each.
    expect(replies.length).toBeGreaterThan(4000)
    expect(Math.max(...replies.map((reply) => reply.length))).toBeLessThan(20)
    await stillWorks()
  })

  test('for what there is not', async () => {
    victim.conversations.received(EVIL, openFrame(1, 99, [0]))
    await settled()
    expect(replies.length).toBe(1)
    await stillWorks()
  })

  test('in broken frames is cut off, and may come again', async () => {
    for (const [at, bad] of [frame(9, 1), Uint8Array.of(1, 2), openFrame(0, 1).subarray(0, 9)].entries()) {
      victim.conversations.received(EVIL, bad)
      expect(victim.broken.length).toBe(at + 1)
    }
    victim.conversations.received(EVIL, openFrame(1, READ_INDEX.id, [0, 0, 0, 0, 0]))
    await settled()
    expect(victim.served).toBe(1)
    await stillWorks()
  })
})
