// Goal: any protocol runs through between two good sides, and with a hostile side ends in bounded time with a SessionError,
// whatever comes and whenever. Method: random protocols; against the session a pipe on which a test writes legal and illegal
// bytes, is silent, or hangs up; time is the test's. An unhandled rejection fails the run.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Channel } from './channel.ts'
import { Mux } from './mux/mux.ts'
import type { Service } from './mux/mux.ts'
import type { Pipe } from './pipe.ts'
import { memoryPair } from './pipes/memory-pipe.ts'
import { dual } from './process.ts'
import type { AnyProtocol } from './protocol.ts'
import { protocol } from './protocol.ts'
import { SessionError } from './session-error.ts'
import { Session } from './session.ts'
import type { Role } from './state-table.ts'
import { ManualClock, settled } from './testing/manual-clock.ts'
import { playAtRandom, randomProtocol, randomValue, STORY_MAX, Tape } from './testing/random-protocol.ts'
import type { Story } from './testing/random-protocol.ts'

const tapes = fc.array(fc.nat(1_000_000), { minLength: 30, maxLength: 60 }).map((numbers) => new Tape(numbers))

interface Outcome {
  story: (readonly [string, unknown])[]
  error: unknown
  isOver: boolean
}

function play(from: AnyProtocol, role: Role, pipe: Pipe, tape: Tape, clock: ManualClock): Outcome {
  const session = new Session({ protocol: from, role, pipe, clock })
  const outcome: Outcome = { story: [], error: undefined, isOver: false }
  session.begin()
  playAtRandom(new Channel(session), role, from, tape, outcome.story)
    .catch((error: unknown) => {
      outcome.error = error
    })
    .finally(() => {
      session.settle('')
      outcome.isOver = true
    })
    .catch(() => undefined)
  return outcome
}

test('two good sides always get through, and see the same', async () => {
  await fc.assert(
    fc.asyncProperty(tapes, fc.integer({ min: 1, max: 500 }), async (tape, windowBytes) => {
      const subject = randomProtocol(tape)
      const clock = new ManualClock()
      const [left, right] = memoryPair(windowBytes)
      const client = play(subject, 'client', left, tape, clock)
      const server = play(subject, 'server', right, tape, clock)
      for (let turns = 0; turns < 100 && !(client.isOver && server.isOver); turns += 1) await settled()
      expect(client.story).toEqual(server.story)
      expect(clock.pending).toBe(0)
      if (client.story.length < STORY_MAX) expect([client.error, server.error]).toEqual([undefined, undefined])
      else
        expect([client.error, server.error].map((each) => (each as SessionError).code)).toEqual(
          Array(2).fill('ABORTED'),
        )
    }),
    { numRuns: 300 },
  )
})

test('the dual of a protocol is the same protocol with the roles exchanged', () => {
  fc.assert(
    fc.property(tapes, (tape) => {
      const one = randomProtocol(tape)
      const other = protocol({ name: 'random', id: 1, timeoutMs: 100, client: dual(one.client) as typeof one.client })
      expect(dual(dual(one.client))).toEqual(one.client)
      const turned = { client: 'server', server: 'client', nobody: 'nobody' } as const
      expect(other.table.states.map(({ name, agency }) => [name, turned[agency]])).toEqual(
        one.table.states.map(({ name, agency }) => [name, agency]),
      )
      expect(other.table.transitions.map(({ tag, label }) => [tag, label])).toEqual(
        one.table.transitions.map(({ tag, label }) => [tag, label]),
      )
    }),
    { numRuns: 200 },
  )
})

type Blow =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'message'; readonly tag: number; readonly tape: Tape }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'turn' }
  | { readonly kind: 'hang up' }

const blows: fc.Arbitrary<readonly Blow[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('message' as const), tag: fc.nat(20), tape: tapes }) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 80 }), fc.nat(5)).map(([tag, body, wild]) => ({
        kind: 'bytes' as const,
        bytes: wild === 0 ? body : Uint8Array.of(tag, ...body),
      })),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 99 }) }) },
    { weight: 4, arbitrary: fc.constant({ kind: 'turn' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'hang up' as const }) },
  ),
  { minLength: 3, maxLength: 25 },
)

/** A message that is legal somewhere, most likely elsewhere. */
function message({ table }: AnyProtocol, tag: number, tape: Tape): Uint8Array {
  const transition = table.transitions[tag % Math.max(1, table.transitions.length)]
  if (transition === undefined) return Uint8Array.of()
  return Uint8Array.of(transition.tag, ...transition.codec.encode(randomValue(transition.codec, tape) as never))
}

test('a hostile peer is always answered with an error of ours, in bounded time', async () => {
  const codes = new Set<string>()
  await fc.assert(
    fc.asyncProperty(tapes, fc.constantFrom<Role>('client', 'server'), blows, async (tape, role, attack) => {
      const subject = randomProtocol(tape)
      const clock = new ManualClock()
      const [ours, theirs] = memoryPair(1000)
      let told = 0
      theirs.start({ message: () => (told += 1), drain: () => undefined, closed: () => undefined })
      const outcome = play(subject, role, ours, tape, clock)
      for (const blow of attack) {
        if (blow.kind === 'bytes') theirs.send(new Uint8Array(blow.bytes))
        else if (blow.kind === 'message') theirs.send(message(subject, blow.tag, blow.tape))
        else if (blow.kind === 'time') clock.pass(blow.ms)
        else if (blow.kind === 'hang up') theirs.close()
        else await settled()
      }
      await settled()
      clock.pass(100)
      await settled()
      // Silence for one time-out ends it, wherever it was: no message came that could have moved it on.
      expect(outcome.isOver).toBe(true)
      expect(clock.pending).toBe(0)
      if (outcome.error !== undefined) {
        expect(outcome.error).toBeInstanceOf(SessionError)
        codes.add((outcome.error as SessionError).code)
      }
      expect(told).toBeLessThanOrEqual(STORY_MAX + 1)
    }),
    { numRuns: 500 },
  )
  for (const code of ['TIMEOUT', 'VIOLATION', 'DECODE', 'DISCONNECTED', 'LIMIT']) expect([...codes]).toContain(code)
})

/** Frames that a multiplexer could have sent, with a fault here and there. */
const frames = fc
  .record({
    kind: fc.constantFrom(0, 0, 0, 1, 1, 1, 1, 2, 3, 4),
    id: fc.integer({ min: 1, max: 12 }),
    head: fc.constantFrom([1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [9, 0, 1, 0], [1, 0, 2, 0]),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.nat(6).map((tag) => Uint8Array.of(tag, 1, 0, 0, 0, 0, 0, 0, 0)),
      fc.nat(6).map((tag) => Uint8Array.of(tag)),
      fc.constant(new Uint8Array(2000)),
    ),
    fault: fc.oneof(
      { weight: 19, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.record({ at: fc.nat(12), to: fc.nat(255) }) },
    ),
  })
  .map(({ kind, id, head, body, fault }) => {
    const rest = kind === 0 ? [...head, ...body] : kind > 2 ? [id, 0, 0, 0] : [...body]
    const frame = Uint8Array.of(kind, id, 0, 0, 0, 0, 0, ...rest)
    if (fault !== undefined && fault.at < frame.length) frame[fault.at] = fault.to
    return frame
  })

test('a hostile connection stays within its limits, and leaves nothing behind', async () => {
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(
      tapes,
      fc.array(fc.oneof(frames, frames, fc.integer({ min: 1, max: 60 })), { minLength: 20, maxLength: 40 }),
      async (tape, attack) => {
        const clock = new ManualClock()
        const subject = randomProtocol(tape)
        const [ours, theirs] = memoryPair()
        theirs.start({
          message: ({ length }) => theirs.consumed(length),
          drain: () => undefined,
          closed: () => undefined,
        })
        const errors: unknown[] = []
        const stories: Promise<Story>[] = []
        const answer: Service = {
          protocol: subject,
          answer: (session) => {
            session.begin()
            const story = playAtRandom(new Channel(session), 'server', subject, tape, []).finally(() =>
              session.settle(''),
            )
            stories.push(story)
            accepted += 1
            return story
          },
        }
        const limits = { acceptedMax: 3, bufferedBytesMax: 5000 }
        const mux = new Mux(ours, { services: [answer], clock, limits, onFailure: (error) => errors.push(error) })
        let lastId = 0
        for (const blow of attack) {
          if (typeof blow === 'number') {
            clock.pass(blow)
            await settled()
          } else {
            // Most sessions are opened in order, so that an attack gets further than its second frame.
            if (blow[0] === 0 && tape.next(10) > 0) blow[1] = lastId + 1
            if (blow[0] === 0) lastId = Math.max(lastId, blow[1] ?? 0)
            theirs.send(blow)
          }
          expect(mux.stats.accepted).toBeLessThanOrEqual(3)
          expect(mux.stats.bufferedBytes).toBeLessThanOrEqual(5000)
        }
        await settled()
        clock.pass(100)
        await settled()
        expect(mux.stats).toEqual({ opened: 0, accepted: 0, bufferedBytes: 0 })
        expect(clock.pending).toBe(0)
        for (const error of errors) expect(error).toBeInstanceOf(SessionError)
        await Promise.allSettled(stories)
      },
    ),
    { numRuns: 300 },
  )
  // The attacks get as far as the sessions.
  expect(accepted).toBeGreaterThan(300)
})
