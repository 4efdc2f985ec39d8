// Goal: a link passes every byte in order in fair weather, and does each bad thing it is told, and only that. Method: a server
// that echoes, a client that sends numbered bytes through a link.

import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sleep, until } from '../harness.ts'
import { FAIR, Link } from './link.ts'

let server: Server
let link: Link
let client: Socket
let heard: Buffer[]
let closed: Promise<void>
let isClosed: () => boolean

beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  link = await Link.open({ from: 1, to: 2 }, '127.0.0.1', { host: '127.0.0.1', port: address.port })
  const [host = '', port = ''] = link.address.split(':')
  heard = []
  const socket = connect(Number(port), host)
  client = socket
  isClosed = () => socket.closed
  closed = new Promise((resolve) => socket.once('close', () => resolve()))
  client.on('data', (chunk) => heard.push(chunk))
  client.on('error', () => undefined)
  await until('the link carries', 5000, () => (link.connections === 1 ? true : undefined))
})

afterEach(async () => {
  client.destroy()
  await link.close()
  await new Promise((resolve) => server.close(resolve))
})

const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, i) => i % 251))
const all = (): Buffer => Buffer.concat(heard)

async function echoed(count: number): Promise<void> {
  await until(`${count} bytes come back`, 10_000, () => (all().length >= count ? true : undefined))
}

test('in fair weather megabytes pass unchanged, and an end is an end', async () => {
  const sent = bytes(5_000_000)
  client.end(sent)
  await closed
  expect(all().equals(sent)).toBe(true)
})

test('delayed bytes come later, in order', async () => {
  link.weather = { ...FAIR, delayMs: 100 }
  const begin = performance.now()
  for (let i = 0; i < 20; i += 1) client.write(Buffer.of(i))
  await echoed(20)
  expect([...all()]).toEqual(Array.from({ length: 20 }, (_, i) => i))
  // There and back.
  expect(performance.now() - begin).toBeGreaterThanOrEqual(199)
})

test.each(['isForwardStalled', 'isBackwardStalled'] as const)(
  '%s: nothing comes back until it ends, then all',
  async (way) => {
    link.weather = { ...FAIR, [way]: true }
    client.write(bytes(1000))
    await sleep(200)
    expect(all().length).toBe(0)
    expect(isClosed()).toBe(false)
    link.weather = FAIR
    await echoed(1000)
    expect(all().equals(bytes(1000))).toBe(true)
  },
)

test('cut: as many bytes as said arrive, then the connection is gone', async () => {
  link.cutAfter(300)
  client.write(bytes(1000))
  await closed
  expect(all().length).toBeLessThanOrEqual(300)
  await until('the link forgets it', 5000, () => (link.connections === 0 ? true : undefined))
})

test('flip: one bit of one byte is wrong, at its place, once', async () => {
  link.flipAfter(1500)
  client.write(bytes(1000))
  await echoed(1000)
  client.write(bytes(1000))
  await echoed(2000)
  const expected = Buffer.concat([bytes(1000), bytes(1000)])
  const wrong = [...all().entries()].filter(([at, byte]) => byte !== expected[at])
  expect(wrong).toEqual([[1500, (expected[1500] ?? 0) ^ 1]])
})
