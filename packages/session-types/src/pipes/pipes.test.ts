// Goal: sessions work over every pipe, and a stranger at the other end of one can't make it grow or throw. Method: real
// sockets, TLS among them, and ports; the other end is a session, or writes what it likes.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { MessageChannel } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes } from '../codec.ts'
import { Mux, service } from '../mux/mux.ts'
import type { Pipe, PipeEnd } from '../pipe.ts'
import { end, jump, recv, send } from '../process.ts'
import { choose, rec } from '../process.ts'
import { nothing } from '../codec.ts'
import { protocol } from '../protocol.ts'
import { run } from '../run.ts'
import { u64 } from '../testing/classics.ts'
import { ManualClock, settled } from '../testing/manual-clock.ts'
import { portPipe } from './port-pipe.ts'
import { streamPipe } from './stream-pipe.ts'

const blob = bytes({ name: 'blob', bytesMax: 600_000 })
const echo = protocol({
  name: 'echo',
  id: 1,
  client: rec('more', choose({ say: send(blob, recv(blob, jump('more'))), quit: send(nothing('quit'), end) })),
})
const square = protocol({ name: 'square', id: 2, client: send(u64('n'), recv(u64('square'), end)) })

async function echoes(left: Pipe, right: Pipe, sizes: readonly number[]): Promise<void> {
  const server = run(echo, 'server', right, async (start) => {
    for (let chan = start; ;) {
      const message = await chan.offer()
      if (message.label === 'quit') return message.chan.close()
      chan = await message.chan.send(message.value)
    }
  })
  const client = run(echo, 'client', left, async (start) => {
    let chan = start
    for (const size of sizes) {
      const sent = new Uint8Array(size).fill(size % 251)
      const reply = await (await chan.select('say', sent)).recv()
      expect(reply.value).toEqual(sent)
      chan = reply.chan
    }
    return (await chan.select('quit')).close()
  })
  await Promise.all([client, server])
}

async function tcpPair(): Promise<readonly [Duplex, Duplex]> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Duplex>((resolve) => void server.once('connection', resolve))
  const left = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const right = await accepted
  server.close()
  return [left, right]
}

async function tlsPair(): Promise<readonly [Duplex, Duplex]> {
  const folder = mkdtempSync(join(tmpdir(), 'session-types-'))
  const keyFile = join(folder, 'key.pem')
  const certFile = join(folder, 'cert.pem')
  const request = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=localhost', '-days', '2']
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)]
  rmSync(folder, { recursive: true })
  const server = createTlsServer({ key, cert })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Duplex>((resolve) => void server.once('secureConnection', resolve))
  const { port } = server.address() as AddressInfo
  const left = connectTls({ port, host: '127.0.0.1', ca: cert, servername: 'localhost' })
  const right = await accepted
  server.close()
  return [left, right]
}

const SIZES = [0, 1, 3, 65_535, 65_536, 600_000, 7]

test('TCP: a session alone', async () => {
  const [left, right] = await tcpPair()
  await echoes(streamPipe(left), streamPipe(right), SIZES)
  while (!left.closed || !right.closed) await settled()
})

test('TLS: a session alone, and many at a time', async () => {
  const alone = await tlsPair()
  await echoes(streamPipe(alone[0]), streamPipe(alone[1]), SIZES)
  const [left, right] = await tlsPair()
  const squares = service(square, async (chan) => {
    const { value, chan: next } = await chan.recv()
    return (await next.send(value * value)).close()
  })
  const one = new Mux(streamPipe(left))
  const two = new Mux(streamPipe(right), { services: [squares] })
  const numbers = Array.from({ length: 100 }, (_, i) => i)
  const answers = numbers.map((n) =>
    one.run(square, async (chan) => {
      const reply = await (await chan.send(n)).recv()
      return reply.chan.close(reply.value)
    }),
  )
  expect(await Promise.all(answers)).toEqual(numbers.map((n) => n * n))
  right.destroy()
  const cut = one.run(square, async (chan) => (await (await chan.send(1)).recv()).chan.close())
  await expect(cut).rejects.toMatchObject({ code: 'DISCONNECTED' })
  two.close()
})

test('MessagePort: a session alone, beyond its window', async () => {
  const { port1, port2 } = new MessageChannel()
  await echoes(portPipe(port1), portPipe(port2), [...SIZES, ...SIZES])
})

function watched(pipe: Pipe): { readonly messages: Uint8Array[]; readonly ends: PipeEnd[] } {
  const messages: Uint8Array[] = []
  const ends: PipeEnd[] = []
  pipe.start({
    message: (message) => messages.push(message),
    drain: () => undefined,
    closed: (why) => ends.push(why),
  })
  return { messages, ends }
}

test('MessagePort: neither rubbish nor a flood gets in', async () => {
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await settled()
  }
  for (const rubbish of ['text', -1, 0.5, { length: 5 }, null]) {
    const { port1, port2 } = new MessageChannel()
    const { ends } = watched(portPipe(port1))
    port2.postMessage(rubbish)
    await until(() => ends.length > 0)
    expect(ends).toEqual([{ code: 'VIOLATION', what: 'neither bytes nor credit' }])
  }
  const { port1, port2 } = new MessageChannel()
  const { messages, ends } = watched(portPipe(port1))
  for (let i = 0; i < 20; i += 1) port2.postMessage(new Uint8Array(100_000))
  await until(() => ends.length > 0)
  expect(ends[0]?.code).toBe('LIMIT')
  expect(messages).toHaveLength(6)
})

test('stream: messages are the same however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      async (sent, cuts) => {
        const [near, far] = duplexPair()
        const { messages } = watched(streamPipe(near))
        const whole = Buffer.concat(sent.flatMap((each) => [Buffer.from([each.length, 0, 0, 0]), Buffer.from(each)]))
        for (let at = 0, i = 0; at < whole.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1
          far.write(whole.subarray(at, at + size))
          at += size
        }
        while (messages.length < sent.length) await settled()
        expect(messages).toEqual(sent)
        near.destroy()
      },
    ),
    { numRuns: 50 },
  )
})

test('stream: a length above the limit ends it before anything is kept', async () => {
  for (const [length, isFine] of [
    [1000, true],
    [1001, false],
    [0xffff_ffff, false],
  ] as const) {
    const [near, far] = duplexPair()
    const { messages, ends } = watched(streamPipe(near, { bytesMax: 1000 }))
    const head = Buffer.alloc(4)
    head.writeUInt32LE(length)
    far.write(Buffer.concat([head, Buffer.alloc(1000)]))
    await settled()
    await settled()
    expect([messages.length, ends.map(({ code }) => code)]).toEqual(isFine ? [1, []] : [0, ['LIMIT']])
    near.destroy()
  }
})

test('stream: a user that consumes nothing stops the reading', async () => {
  const [near, far] = duplexPair()
  const pipe = streamPipe(near)
  const { messages } = watched(pipe)
  const frame = Buffer.concat([Buffer.from([0, 0, 1, 0]), Buffer.alloc(65_536)])
  let isTaken = true
  for (let i = 0; i < 100; i += 1) isTaken = far.write(frame)
  for (let i = 0; i < 20; i += 1) await settled()
  expect(isTaken).toBe(false)
  expect(messages).toHaveLength(4)
  for (let i = 0; i < 96; i += 1) {
    pipe.consumed(65_536)
    await settled()
  }
  expect(messages).toHaveLength(100)
})

test('stream: one that the other side never closes is destroyed', async () => {
  const clock = new ManualClock()
  const [near] = duplexPair({ allowHalfOpen: true })
  const pipe = streamPipe(near, { clock })
  watched(pipe)
  pipe.close()
  await settled()
  clock.pass(4_999)
  expect(near.destroyed).toBe(false)
  clock.pass(1)
  expect(near.destroyed).toBe(true)
  expect(pipe.send(new Uint8Array(5))).toBe('lost')
})
