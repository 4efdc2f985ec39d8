// Goal: sessions on one connection don't hinder one another, cost the frames they promise, and each limit holds. Method: two
// multiplexers over a pair in memory whose frames are counted, or one against a test that writes frames by hand.

import { expect, test } from 'vitest'
import type { Chan, Finished } from '../chan.ts'
import { bytes } from '../codec.ts'
import type { Pipe, PipeEvents } from '../pipe.ts'
import { memoryPair } from '../pipes/memory-pipe.ts'
import { framePipe } from '../pipes/frame-pipe.ts'
import { end, jump, rec, recv, send } from '../process.ts'
import type { Dual } from '../process.ts'
import { protocol } from '../protocol.ts'
import { SessionError } from '../session-error.ts'
import { arithmetic, text, u64 } from '../testing/classics.ts'
import type { Arithmetic } from '../testing/classics.ts'
import { ManualClock, settled } from '../testing/manual-clock.ts'
import { MUX_LIMITS, SESSION_WINDOW_BYTES, SessionBudget } from './limits.ts'
import { Mux, service } from './mux.ts'
import type { MuxOptions, Service } from './mux.ts'

const square = protocol({ name: 'square', id: 7, timeoutMs: 1000, client: send(u64('n'), recv(u64('square'), end)) })
const squares: Service = service(square, async (chan) => {
  const { value, chan: next } = await chan.recv()
  return (await next.send(value * value)).close()
})
const ask = (mux: Mux, value: number): Promise<number> =>
  mux.run(square, async (chan) => {
    const answer = await (await chan.send(value)).recv()
    return answer.chan.close(answer.value)
  })
/** Never answers. */
const deaf: Service = service(square, () => new Promise<never>(() => undefined))

const failureOf = (promise: Promise<unknown>): Promise<SessionError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => (error instanceof SessionError ? error : Promise.reject(error as Error)),
  )

/** The same pipe, with a note of every frame sent. */
function noted(pipe: Pipe, frames: Uint8Array[]): Pipe {
  return {
    headroom: pipe.headroom,
    start: (events) => pipe.start(events),
    send: (frame) => {
      frames.push(frame)
      return pipe.send(frame)
    },
    consumed: (count) => pipe.consumed(count),
    close: () => pipe.close(),
  }
}

/** A mux and the bare other end of its pipe. */
function alone(options: MuxOptions): { mux: Mux; pipe: Pipe; got: Uint8Array[]; ends: string[] } {
  const [left, pipe] = memoryPair()
  const got: Uint8Array[] = []
  const ends: string[] = []
  const events: PipeEvents = {
    message: (frame) => {
      got.push(frame)
      pipe.consumed(frame.length)
    },
    drain: () => undefined,
    closed: ({ code }) => ends.push(code),
  }
  pipe.start(events)
  return { mux: new Mux(left, options), pipe, got, ends }
}

const openOf = (id: number, message: readonly number[], protocolId = 7, version = 1): Uint8Array =>
  Uint8Array.of(0, id, 0, 0, 0, 0, 0, protocolId, 0, version, 0, ...message)
const dataOf = (id: number, message: readonly number[], kind = 1): Uint8Array =>
  Uint8Array.of(kind, id, 0, 0, 0, 0, 0, ...message)
const SIX = [0, 6, 0, 0, 0, 0, 0, 0, 0]

test('a request and its reply are one frame each, whoever opens', async () => {
  const [left, right] = memoryPair()
  const frames: Uint8Array[] = []
  const one = new Mux(noted(left, frames), { services: [squares] })
  const two = new Mux(noted(right, frames), { services: [squares] })
  expect(await ask(one, 6)).toBe(36)
  expect(frames).toEqual([openOf(1, SIX), dataOf(1, [1, 36, 0, 0, 0, 0, 0, 0, 0], 2)])
  expect(await ask(two, 3)).toBe(9)
  expect(frames).toHaveLength(4)
  await settled()
  expect([one.stats, two.stats]).toEqual(Array(2).fill({ opened: 0, accepted: 0, bufferedBytes: 0 }))
})

test('hundreds of sessions at a time, both ways, each with its own answers', async () => {
  const [left, right] = memoryPair(2000)
  const limits = { openedMax: 300, acceptedMax: 300, opensBurst: 300 }
  const one = new Mux(left, { services: [squares], limits })
  const two = new Mux(right, { services: [squares], limits })
  const numbers = Array.from({ length: 300 }, (_, i) => i)
  const answers = await Promise.all(numbers.flatMap((n) => [ask(one, n), ask(two, n + 1)]))
  expect(answers).toEqual(numbers.flatMap((n) => [n ** 2, (n + 1) ** 2]))
})

test('the acceptor may speak first', async () => {
  const greet = protocol({ name: 'greet', id: 9, client: recv(text('greeting'), end) })
  const [left, right] = memoryPair()
  const one = new Mux(left)
  new Mux(right, { services: [service(greet, async (chan) => (await chan.send('hello')).close())] })
  const heard = one.run(greet, async (chan) => {
    const { value, chan: over } = await chan.recv()
    return over.close(value)
  })
  expect(await heard).toBe('hello')
})

const stream = protocol({
  name: 'stream',
  id: 8,
  timeoutMs: 1000,
  client: rec('on', send(bytes({ name: 'part', bytesMax: 100_000 }), jump('on'))),
})

test('a body that does not read holds one window and a message, and hinders no other session', async () => {
  const clock = new ManualClock()
  const [left, right] = memoryPair()
  const idle = service(stream, () => new Promise<never>(() => undefined))
  const one = new Mux(left, { clock })
  const two = new Mux(right, { services: [idle, squares], clock })
  let sent = 0
  const part = new Uint8Array(50_000)
  const flood = failureOf(
    one.run(stream, async (start) => {
      for (let chan = start; ; sent += 1) chan = await chan.send(part)
    }),
  )
  await settled()
  expect(sent).toBe(Math.ceil(SESSION_WINDOW_BYTES / 50_065))
  expect(two.stats.bufferedBytes).toBe(sent * 50_065)
  expect(await ask(one, 5)).toBe(25)
  clock.pass(1000)
  expect(await flood).toMatchObject({ code: 'TIMEOUT', expected: 'room to send' })
  await settled()
  expect(two.stats.bufferedBytes).toBe(0)
})

test('credit lets a long stream through a window many times its size', async () => {
  const [left, right] = memoryPair(10_000)
  let received = 0
  const sink = service(stream, async (start) => {
    for (let chan = start; ;) {
      const next = await chan.recv()
      received += next.value.length
      chan = next.chan
    }
  })
  const one = new Mux(left)
  const two = new Mux(right, { services: [sink] })
  const sending = failureOf(
    one.run(stream, async (start) => {
      let chan = start
      for (let i = 0; i < 500; i += 1) chan = await chan.send(new Uint8Array(10_000))
      return chan.abort('that was all')
    }),
  )
  expect(await sending).toMatchObject({ code: 'ABORTED' })
  await settled()
  expect(received).toBe(5_000_000)
  expect(two.stats).toEqual({ opened: 0, accepted: 0, bufferedBytes: 0 })
})

test('limits: sessions of one connection, opened and accepted', async () => {
  const [left, right] = memoryPair()
  const one = new Mux(left, { limits: { openedMax: 3 } })
  const two = new Mux(right, { services: [deaf], limits: { acceptedMax: 2 } })
  const asked = [ask(one, 1), ask(one, 2)].map(failureOf)
  expect(await failureOf(ask(one, 3))).toMatchObject({ code: 'ABORTED', got: "the other side's LIMIT" })
  const third = failureOf(one.run(square, () => new Promise<never>(() => undefined)))
  expect(await failureOf(ask(one, 4))).toMatchObject({ code: 'LIMIT', expected: 'at most 3 sessions' })
  expect([one.stats.opened, two.stats.accepted]).toEqual([3, 2])
  one.close()
  expect((await Promise.all(asked)).map(({ code }) => code)).toEqual(['DISCONNECTED', 'DISCONNECTED'])
  expect(await failureOf(ask(one, 5))).toMatchObject({ code: 'DISCONNECTED' })
  void third
})

test('limits: the rate of opening recovers with time', async () => {
  const clock = new ManualClock()
  const [left, right] = memoryPair()
  const one = new Mux(left, { clock })
  new Mux(right, { services: [squares], clock, limits: { opensPerSecond: 10, opensBurst: 2 } })
  expect([await ask(one, 1), await ask(one, 2)]).toEqual([1, 4])
  expect(await failureOf(ask(one, 3))).toMatchObject({ got: "the other side's LIMIT" })
  clock.pass(100)
  expect(await ask(one, 3)).toBe(9)
})

test('limits: a budget is shared by connections', async () => {
  const budget = new SessionBudget({ sessionsMax: 2, bytesMax: 100_000 })
  const muxes = Array.from({ length: 3 }, () => {
    const [left, right] = memoryPair()
    new Mux(right, { services: [deaf, service(stream, () => new Promise<never>(() => undefined))], budget })
    return new Mux(left)
  })
  const [first, second, third] = muxes
  const flood = failureOf(
    first!.run(stream, async (chan) => {
      const next = await chan.send(new Uint8Array(60_000))
      return (await next.send(new Uint8Array(60_000))) as never
    }),
  )
  expect(await flood).toMatchObject({
    code: 'ABORTED',
    got: "the other side's LIMIT: more than this connection may buffer",
  })
  expect(budget.bytes).toBe(0)
  const waiting = failureOf(ask(second!, 1))
  expect(await failureOf(ask(third!, 1))).toMatchObject({ got: "the other side's LIMIT" })
  expect(budget.sessions).toBe(2)
  second!.close()
  expect(await waiting).toMatchObject({ code: 'DISCONNECTED' })
})

test('a protocol or version that is not served is refused', async () => {
  const [left, right] = memoryPair()
  const one = new Mux(left)
  new Mux(right, { services: [squares] })
  const newer = protocol({ name: 'square', id: 7, version: 2, client: send(u64('n'), recv(u64('square'), end)) })
  for (const unknown of [newer, { ...square, id: 70 }]) {
    const refused = failureOf(one.run(unknown, async (chan) => (await (await chan.send(1)).recv()).chan.close()))
    expect(await refused).toMatchObject({ code: 'ABORTED', got: "the other side's UNKNOWN_PROTOCOL" })
  }
  expect(await ask(one, 2)).toBe(4)
})

test('a fault inside a session ends that session alone, and is reported', async () => {
  const failures: string[] = []
  const { pipe, got, ends } = alone({
    services: [squares],
    onFailure: (error, { name }) => failures.push(`${name} ${(error as SessionError).code}`),
  })
  pipe.send(openOf(1, [1, 0]))
  pipe.send(openOf(2, [0, 0]))
  pipe.send(openOf(3, SIX))
  await settled()
  expect(failures).toEqual(['square VIOLATION', 'square DECODE'])
  expect(got).toEqual([dataOf(1, [255, 2], 2), dataOf(2, [255, 3], 2), dataOf(3, [1, 36, 0, 0, 0, 0, 0, 0, 0], 2)])
  expect(ends).toEqual([])
})

test('frames of sessions that are unknown are answered, aborts among them not', async () => {
  const { pipe, got, ends } = alone({ services: [squares] })
  pipe.send(openOf(4, SIX))
  await settled()
  pipe.send(dataOf(4, [0]))
  pipe.send(dataOf(9, [0]))
  pipe.send(dataOf(9, [0], 2))
  pipe.send(dataOf(9, [255, 0]))
  pipe.send(dataOf(9, [1, 0, 0, 0], 3))
  const unknown = [255, 6]
  expect(got.slice(1)).toEqual([dataOf(4, unknown, 2), dataOf(9, unknown, 2), dataOf(9, unknown, 1)])
  expect(ends).toEqual([])
})

test('a peer that reads nothing gets a bounded number of answers to its faults', async () => {
  let sent = 0
  let user: PipeEvents | undefined
  const full: Pipe = {
    headroom: 0,
    start: (events) => {
      user = events
    },
    send: () => {
      sent += 1
      return 'wait'
    },
    consumed: () => undefined,
    close: () => undefined,
  }
  const { opensBurst } = MUX_LIMITS
  new Mux(full, { services: [squares] })
  for (let i = 0; i < 5000; i += 1) user?.message(dataOf(9, [0]))
  for (let i = 0; i < opensBurst; i += 1) {
    user?.message(Uint8Array.of(0, i % 256, Math.floor(i / 256), 0, 0, 0, 0, 7, 0, 1, 0, 9))
  }
  await settled()
  // The first one was sent before the pipe was full.
  expect(sent).toBe(257)
  user?.drain()
  user?.message(dataOf(9, [0]))
  expect(sent).toBe(258)
})

test('broken framing ends the connection and every session on it', async () => {
  const wrongs: readonly (readonly [string, Uint8Array])[] = [
    ['a frame of 0 bytes', Uint8Array.of()],
    ['a frame of 6 bytes', new Uint8Array(6)],
    ['an OPEN of 10 bytes', new Uint8Array(10)],
    ['a CREDIT of 8 bytes', dataOf(1, [0], 4)],
    ['a frame of kind 9', dataOf(1, [0], 9)],
    ['session 1 opened after 1', openOf(1, [])],
  ]
  for (const [what, frame] of wrongs) {
    const broken: string[] = []
    const { mux, pipe, ends } = alone({ services: [deaf], onBroken: (why) => broken.push(why) })
    pipe.send(openOf(1, []))
    const open = failureOf(ask(mux, 1))
    pipe.send(frame)
    expect(broken).toEqual([what])
    expect(await open).toMatchObject({ code: 'DISCONNECTED' })
    expect(ends).toEqual(['DISCONNECTED'])
  }
})

test('flow control that a peer ignores ends its session', async () => {
  const failures: unknown[] = []
  const idle = service(stream, async (chan) => {
    await settled()
    return (await chan.recv()).chan as never
  })
  const { pipe, got } = alone({ services: [idle, deaf], onFailure: (error) => failures.push(error) })
  pipe.send(openOf(1, [0], 8))
  for (let i = 0; i < 4; i += 1) pipe.send(dataOf(1, [0, ...new Uint8Array(90_000)]))
  expect(got).toHaveLength(1)
  expect(got[0]?.slice(7, 9)).toEqual(Uint8Array.of(255, 2))
  pipe.send(openOf(2, []))
  pipe.send(dataOf(2, [0, 0, 0, 1], 3))
  expect(got).toHaveLength(2)
  expect(got[1]?.slice(7, 9)).toEqual(Uint8Array.of(255, 2))
})

test('a transport with frames of its own: down ends the sessions, up again goes on', async () => {
  let isUp = true
  const one = framePipe({ send: (frame) => isUp && (two.receive(frame), true) })
  const two = framePipe({ send: (frame) => isUp && (one.receive(frame), true) })
  const mux = new Mux(one.pipe)
  new Mux(two.pipe, { services: [deaf, service(arithmetic, calculator)] })
  const waiting = failureOf(ask(mux, 1))
  one.down('cable cut')
  expect(await waiting).toMatchObject({ code: 'DISCONNECTED', got: 'cable cut' })
  isUp = false
  expect(await failureOf(ask(mux, 1))).toMatchObject({ code: 'DISCONNECTED' })
  isUp = true
  const sum = mux.run(arithmetic, async (chan) => {
    const answer = await (await chan.select('add', [1, 2])).recv()
    return (await answer.chan.select('quit')).close(answer.value)
  })
  expect(await sum).toBe(3)
})

async function calculator(start: Chan<Dual<Arithmetic>>): Promise<Finished<void>> {
  for (let chan = start; ;) {
    const message = await chan.offer()
    if (message.label === 'quit') return message.chan.close()
    chan =
      message.label === 'add'
        ? await message.chan.send(message.value[0] + message.value[1])
        : await message.chan.send(message.value < 0)
  }
}
