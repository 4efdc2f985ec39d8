// What session types cost: requests with replies through a typed session, and through bare callbacks on the same pipe with
// the same codec. `npm run bench:sessions`, or `-- --seconds 3`. A request and its reply are two messages.

import { exchange, memoryPair, Mux, run, service, streamPipe } from '@quorate/session-types'
import { canonical, choose, end, jump, nothing, protocol, rec, recv, send } from '@quorate/session-types'
import type { Chan, Choose, Codec, Dual, Eps, Finished, Pipe } from '@quorate/session-types'
import type { Protocol, Rec, Recv, Send, Var } from '@quorate/session-types'
import { createServer, connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } })
const budgetMs = Number(values.seconds) * 1000
const ROUNDS = 5
const STRIDE = 2_000

const u64 = (name: string): Codec<number> =>
  canonical({ name, bytesMax: 8, write: (writer, value) => writer.u64(value), read: (reader) => reader.u64() })

type Squares = Rec<'more', Choose<{ square: Send<number, Recv<number, Var<'more'>>>; quit: Send<void, Eps> }>>
const number = u64('number')
const squares: Protocol<Squares> = protocol({
  name: 'squares',
  id: 1,
  client: rec('more', choose({ square: send(number, recv(number, jump('more'))), quit: send(nothing('quit'), end) })),
})
type Square = Send<number, Recv<number, Eps>>
const square: Protocol<Square> = protocol({ name: 'square', id: 2, client: send(number, recv(number, end)) })

async function serve(start: Chan<Dual<Squares>>): Promise<Finished<void>> {
  for (let chan = start; ;) {
    const message = await chan.offer()
    if (message.label === 'quit') return message.chan.close()
    chan = await message.chan.send(message.value % 1000)
  }
}

async function ask(start: Chan<Squares>): Promise<Finished<number>> {
  let chan = start
  let done = 0
  for (const until = performance.now() + budgetMs; performance.now() < until;) {
    for (let i = 0; i < STRIDE; i += 1, done += 1) {
      const reply = await (await chan.select('square', i)).recv()
      chan = reply.chan
    }
  }
  return (await chan.select('quit')).close(done)
}

async function askAhead(start: Chan<Squares>): Promise<Finished<number>> {
  let chan = start
  let done = 0
  const requests = Array.from({ length: STRIDE }, (_, i) => i)
  const take = (): void => {
    done += 1
  }
  for (const until = performance.now() + budgetMs; performance.now() < until;) {
    chan = await exchange(chan, 'square', requests, take, { windowMax: 64 })
  }
  return (await chan.select('quit')).close(done)
}

type Pair = readonly [Pipe, Pipe]

async function typed([left, right]: Pair, client: typeof ask): Promise<number> {
  const server = run(squares, 'server', right, serve)
  const done = await run(squares, 'client', left, client)
  await server
  return done
}

async function multiplexed([left, right]: Pair): Promise<number> {
  const one = new Mux(left)
  const two = new Mux(right, { services: [service(squares, serve)] })
  const done = await one.run(squares, ask)
  one.close()
  two.close()
  return done
}

async function sessionEach([left, right]: Pair): Promise<number> {
  const answer = service(square, async (chan) => {
    const { value, chan: next } = await chan.recv()
    return (await next.send(value % 1000)).close()
  })
  const one = new Mux(left)
  const limits = { opensPerSecond: 1e9, opensBurst: 1e9 }
  const two = new Mux(right, { services: [answer], limits })
  let done = 0
  for (const until = performance.now() + budgetMs; performance.now() < until;) {
    for (let i = 0; i < STRIDE; i += 1, done += 1) {
      await one.run(square, async (chan) => {
        const reply = await (await chan.send(i)).recv()
        return reply.chan.close(reply.value)
      })
    }
  }
  one.close()
  two.close()
  return done
}

/** The same bytes and codecs, and a promise for each reply; no states, sizes, time-outs or channels. */
async function bare([left, right]: Pair): Promise<number> {
  const write = (pipe: Pipe, tag: number, value: number): void => {
    const body = number.encode(value)
    const buffer = new Uint8Array(pipe.headroom + 1 + body.length)
    buffer[pipe.headroom] = tag
    buffer.set(body, pipe.headroom + 1)
    pipe.send(buffer)
  }
  const read = (message: Uint8Array): number => {
    const decoded = number.decode(message.subarray(1))
    return decoded.ok ? decoded.value : 0
  }
  let resolve: ((value: number) => void) | undefined
  const events = { drain: () => undefined, closed: () => undefined }
  right.start({
    ...events,
    message: (message) => {
      right.consumed(message.length)
      write(right, 1, read(message) % 1000)
    },
  })
  left.start({
    ...events,
    message: (message) => {
      left.consumed(message.length)
      resolve?.(read(message))
    },
  })
  let done = 0
  for (const until = performance.now() + budgetMs; performance.now() < until;) {
    for (let i = 0; i < STRIDE; i += 1, done += 1) {
      const reply = new Promise<number>((good) => {
        resolve = good
      })
      write(left, 0, i)
      await reply
    }
  }
  left.close()
  right.close()
  return done
}

async function socketPair(): Promise<Pair> {
  const server = createServer({ noDelay: true })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', resolve)
  })
  const { port } = server.address() as AddressInfo
  const pair = [streamPipe(connect({ port, host: '127.0.0.1', noDelay: true })), streamPipe(await accepted)] as const
  server.close()
  return pair
}

async function measure(play: (pair: Pair) => Promise<number>, pair: () => Promise<Pair>): Promise<number> {
  const pipes = await pair()
  const began = performance.now()
  const done = await play(pipes)
  return (2 * done * 1000) / (performance.now() - began)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

const inMemory = (): Promise<Pair> => Promise.resolve(memoryPair())
const plays = [
  ['bare callbacks', bare],
  ['typed session', (pair: Pair) => typed(pair, ask)],
  ['typed session, multiplexed', multiplexed],
  ['typed session for each request, multiplexed', sessionEach],
  ['typed session, 64 requests ahead', (pair: Pair) => typed(pair, askAhead)],
] as const

for (const [where, pair] of [
  ['in memory', inMemory],
  ['TCP on one machine, both ends in this process', socketPair],
] as const) {
  console.log(`${where}: messages/s, median of ${ROUNDS} runs, and time per message against bare callbacks`)
  // In turns, so that whatever else the machine does slows all of them alike.
  const rates = plays.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, [, play]] of plays.entries()) rates[index]?.push(await measure(play, pair))
  }
  const base = median(rates[0] ?? [])
  for (const [index, [what]] of plays.entries()) {
    const rate = median(rates[index] ?? [])
    console.log(`  ${what.padEnd(44)} ${Math.round(rate).toString().padStart(9)}  ${(base / rate).toFixed(2)}x`)
  }
}
