// Goal: nothing that arrives at the TLS port stops a replica, disturbs its peers or stays uncounted. Method: raw TCP
// and TLS sockets that send garbage, lie about lengths, stall or hang up, against a mesh that must go on.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { connect as connectTcp } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MemberKey } from '../crypto/keys.ts'
import { tlsIdentity } from '../crypto/tls-identity.ts'
import { FrameDecoder, frameHead, shortFrame } from './frame.ts'
import type { Party } from './handshake.ts'
import { CONTROL, greet, HelloPipe } from './handshake.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Refusal } from './refusal.ts'
import { FRAME_BYTES_MAX, HERE, newKey, Node, until } from './testing/mesh.ts'

// The victim, one honest peer, and a key that is a peer's but in the hands of the test.
const victim = new Node()
const honest = new Node()

beforeAll(async () => {
  await victim.start()
  await honest.start({ peers: [victim.peer] })
  victim.running.setPeers([honest.peer])
  await until(() => victim.up.size === 1 && honest.up.size === 1)
})
afterAll(() => Promise.all([victim.stop(), honest.stop()]))

/** A peer of its own for each test, so that tests can run at the same time. Nobody listens at its address. */
const evils: MemberKey[] = []
function newEvil(): MemberKey {
  const evil = newKey()
  evils.push(evil)
  victim.running.setPeers([honest.peer, ...evils.map(({ id }) => ({ id, host: '127.0.0.1', port: 1 }))])
  return evil
}

function refusals(reason: Refusal): number {
  return victim.running.stats().refusals[reason]
}

function refusalsOf(key: MemberKey): number {
  return victim.running.stats().peers.find((peer) => peer.id === key.id)!.refusals
}

function tcp(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(victim.running.address.port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })
}

function tls(options: { key?: string; cert?: string }): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const target = { ...victim.running.address, rejectUnauthorized: false, ...options }
    const socket = connectTls(target, () => resolve(socket))
    socket.on('error', reject)
    socket.resume()
  })
}

async function greeted(key: MemberKey, here: Party = HERE): Promise<TLSSocket> {
  const socket = await tls(tlsIdentity(key))
  const pipe = new HelloPipe((body) => socket.write(shortFrame(CONTROL.hello, body)))
  const decoder = new FrameDecoder(FRAME_BYTES_MAX, (_type, body) => pipe.received(body))
  socket.on('data', (chunk: Uint8Array) => decoder.push(chunk))
  await greet(pipe, here)
  return socket
}

/** The frame that a dialler begins with. */
function helloOf(here: Party): Uint8Array {
  const frames: Uint8Array[] = []
  const pipe = new HelloPipe((body) => frames.push(shortFrame(CONTROL.hello, body)))
  greet(pipe, here).catch(() => undefined)
  pipe.cut('only its first frame was wanted')
  return frames[0]!
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    if (socket.closed) resolve()
    else socket.on('close', () => resolve())
  })
}

async function stillWorks(): Promise<void> {
  const before = victim.frames.length
  honest.running.send(victim.id, 9, Uint8Array.of(1))
  await until(() => victim.frames.slice(before).some((frame) => frame.peer === honest.id && frame.type === 9))
  expect(victim.up.has(honest.id)).toBe(true)
}

describe('before the hello', () => {
  test('bytes that are no TLS are dropped and counted', async () => {
    const before = refusals('handshake')
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', randomBytes(2000), new Uint8Array(1), '']) {
      const socket = await tcp()
      socket.end(bytes)
      await closed(socket)
    }
    await until(() => refusals('handshake') === before + 4)
    await stillWorks()
  })

  test('TLS 1.2 is refused', async () => {
    const before = refusals('handshake')
    const socket = connectTls({ ...victim.running.address, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    await closed(socket)
    await until(() => refusals('handshake') > before)
  })

  test('no certificate, an unknown key, a key of another type', async () => {
    const before = refusals('unknown-key')
    await closed(await tls({}))
    await closed(await tls(tlsIdentity(newKey())))
    // A peer's certificate without its private key can't even be offered.
    const { privateKey } = generateKeyPairSync('ed25519')
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
    const stolen = { cert: tlsIdentity(newEvil()).cert, key }
    expect(() => connectTls({ ...victim.running.address, ...stolen })).toThrow()
    await until(() => refusals('unknown-key') === before + 2)
    await stillWorks()
  })

  test('a peer whose first frame is no hello, or a wrong one', async () => {
    const evil = newEvil()
    const wrong = [
      shortFrame(1, new Uint8Array(3)),
      shortFrame(CONTROL.hello, new Uint8Array(3)),
      helloOf({ ...HERE, ledger: 'cd'.repeat(32) }),
      helloOf({ ...HERE, versions: [1] }),
      helloOf({ ...HERE, eras: [7, 8] }),
      Buffer.concat([helloOf(HERE), helloOf(HERE)]),
      frameHead(CONTROL.hello, FRAME_BYTES_MAX),
    ]
    for (const [i, bytes] of wrong.entries()) {
      const socket = await tls(tlsIdentity(evil))
      socket.write(bytes)
      await closed(socket)
      await until(() => refusalsOf(evil) === i + 1)
    }
    expect(victim.frames.some((frame) => frame.peer === evil.id)).toBe(false)
  })
})

test.each([
  [{ ...HERE, ledger: 'cd'.repeat(32) }, 'LEDGER', /ledger cdcd.* dials, abab.* is here/],
  [{ ...HERE, versions: [1, 99] }, 'VERSION', /protocol versions 1, 99 dial, 2 are here/],
  [{ ...HERE, eras: [7] }, 'ERA', /eras 7 dial, 1 are here/],
] as const)('a dialler that shares nothing is told what, and both sides: %o', async (here, code, message) => {
  await expect(greeted(newEvil(), here)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
})

describe('after the hello', () => {
  test('a frame above the limit is refused at its head', async () => {
    const evil = newEvil()
    const socket = await greeted(evil)
    socket.write(frameHead(1, FRAME_BYTES_MAX + 1))
    await closed(socket)
    expect(refusalsOf(evil)).toBe(1)
    expect(refusals('frame-too-long')).toBeGreaterThan(0)
    await stillWorks()
  })

  test('the largest frame is taken', async () => {
    const evil = newEvil()
    const socket = await greeted(evil)
    socket.write(shortFrame(3, new Uint8Array(FRAME_BYTES_MAX)))
    await until(() => victim.frames.some((f) => f.peer === evil.id && f.body.length === FRAME_BYTES_MAX))
    socket.destroy()
  })

  test('a truncated frame is counted and not handed up', async () => {
    const evil = newEvil()
    const socket = await greeted(evil)
    socket.end(shortFrame(1, new Uint8Array(100)).subarray(0, 50))
    await until(() => refusalsOf(evil) === 1)
    expect(refusals('truncated')).toBeGreaterThan(0)
    expect(victim.frames.some((frame) => frame.peer === evil.id)).toBe(false)
  })

  test('reserved types are refused', async () => {
    for (const type of [CONTROL.hello, CONTROL.pong, 255]) {
      const evil = newEvil()
      const socket = await greeted(evil)
      socket.write(shortFrame(type, new Uint8Array(0)))
      await closed(socket)
      expect(refusalsOf(evil)).toBe(1)
    }
    expect(refusals('frame-type')).toBe(3)
  })

  test('random bytes end the connection or are harmless frames', async () => {
    for (let i = 0; i < 10; i += 1) {
      const socket = await greeted(newEvil())
      socket.end(randomBytes(5000))
      await closed(socket)
    }
    await stillWorks()
  })

  test('the same peer connected anew replaces its older connection', async () => {
    const evil = newEvil()
    const first = await greeted(evil)
    const second = await greeted(evil)
    await closed(first)
    second.write(shortFrame(4, Uint8Array.of(7)))
    await until(() => victim.frames.some((frame) => frame.peer === evil.id && frame.type === 4))
    second.destroy()
  })
})

describe.concurrent('slowness', { timeout: 15_000 }, () => {
  test('silence before the handshake ends it', async () => {
    const before = refusals('hello-timeout')
    await closed(await tcp())
    expect(refusals('hello-timeout')).toBeGreaterThan(before)
  })

  test('a handshake without hello, or with one that drips, ends at the same deadline', async () => {
    const evil = newEvil()
    const socket = await tls(tlsIdentity(evil))
    socket.write(helloOf(HERE).subarray(0, 20))
    await closed(socket)
    expect(victim.running.stats().strangers).toBeLessThan(TRANSPORT_LIMITS.strangersMax)
  })

  test('a peer without a sign of life is cut', async () => {
    const evil = newEvil()
    const socket = await greeted(evil)
    await closed(socket)
    expect(refusals('silent')).toBeGreaterThan(0)
  })

  test('a frame that drips is cut', async () => {
    const evil = newEvil()
    const socket = await greeted(evil)
    socket.write(frameHead(1, 1000))
    const drip = setInterval(() => socket.write(Uint8Array.of(0)), 200)
    await closed(socket)
    clearInterval(drip)
    expect(refusals('frame-timeout')).toBeGreaterThan(0)
  })

  test('a peer that accepts and never answers is not taken for connected', async () => {
    const { createServer } = await import('node:net')
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const a = await new Node().start({ peers: [{ id: newKey().id, host: '127.0.0.1', port }] })
    await until(() => a.running.stats().refusals['hello-timeout'] > 0)
    expect(a.up.size).toBe(0)
    await a.stop()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
})

test('a crowd of strangers is held at the door, and peers go on', async () => {
  const sockets = await Promise.all(Array.from({ length: TRANSPORT_LIMITS.strangersMax + 40 }, () => tcp()))
  for (const socket of sockets) socket.on('error', () => undefined)
  await until(() => refusals('too-often') + refusals('crowded') >= 40)
  expect(victim.running.stats().strangers).toBeLessThanOrEqual(TRANSPORT_LIMITS.strangersMax)
  await stillWorks()
  for (const socket of sockets) socket.destroy()
  await until(() => victim.running.stats().strangers === 0)
})
