// Goal: peers of one ledger exchange frames in order, whatever happens to the connections between them. Method: real
// sockets on loopback, free ports.

import { afterEach, describe, expect, test } from 'vitest'
import { TRANSPORT_LIMITS } from './limits.ts'
import { HERE, FRAME_BYTES_MAX, newKey, Node, startMesh, until } from './testing/mesh.ts'

let nodes: Node[] = []
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  nodes = []
})

async function mesh(count: number): Promise<readonly Node[]> {
  nodes = [...(await startMesh(count))]
  return nodes
}

describe('a mesh', () => {
  test('of four carries frames of every size from each to each, in order', async () => {
    const all = await mesh(4)
    const sizes = [0, 1, 1000, 70_000, 1_000_000, FRAME_BYTES_MAX, 3]
    for (const node of all) {
      for (const [i, size] of sizes.entries()) expect(node.running.broadcast(i, new Uint8Array(size).fill(i))).toBe(3)
    }
    await until(() => all.every((node) => node.frames.length === 3 * sizes.length))
    for (const node of all) {
      for (const other of all.filter((o) => o !== node)) {
        const got = node.frames.filter((frame) => frame.peer === other.id)
        expect(got.map(({ type, body }) => [type, body.length])).toEqual(sizes.map((size, i) => [i, size]))
        for (const { type, body } of got) expect(body.every((byte) => byte === type)).toBe(true)
      }
      const stats = node.running.stats()
      expect(stats.strangers).toBe(0)
      for (const peer of stats.peers) {
        expect(peer).toMatchObject({ sending: true, receiving: true, droppedFrames: 0, refusals: 0 })
        expect(peer.lastError).toBeUndefined()
        expect(peer.receivedFrames).toBe(sizes.length)
        expect(peer.receivedBytes).toBeGreaterThan(sizes.reduce((sum, size) => sum + size))
      }
    }
  })

  test('many small frames of one turn arrive in order', async () => {
    const [a, b] = await mesh(2)
    const count = 10_000
    for (let i = 0; i < count; i += 1) a!.running.send(b!.id, 1, Uint8Array.of(i, i >> 8))
    await until(() => b!.frames.length === count)
    expect(b!.frames.every(({ body }, i) => body[0] === (i & 255) && body[1] === i >> 8)).toBe(true)
  })

  test('a frame that is answered in its handler makes many rounds', async () => {
    const [a, b] = await mesh(2)
    a!.onFrame = (peer, type, body) => a!.running.send(peer, type, body)
    b!.onFrame = (peer, type, body) => b!.running.send(peer, type, body)
    a!.running.send(b!.id, 1, new Uint8Array(100))
    await until(() => a!.frames.length > 200)
  })

  test('a peer that restarts is reached again by all, on its old port or a new one', async () => {
    const all = await mesh(4)
    const [a, b, c, d] = all
    const { port } = d!.running.address
    await d!.stop()
    await until(() => [a, b, c].every((node) => !node!.up.has(d!.id)))
    expect(a!.running.send(d!.id, 1, new Uint8Array(1))).toBe(false)
    const toD = a!.running.stats().peers.find((peer) => peer.id === d!.id)
    expect(toD).toMatchObject({ sending: false, droppedFrames: 1 })
    await d!.start({ port, peers: [a!.peer, b!.peer, c!.peer] })
    await until(() => [a, b, c].every((node) => node!.up.has(d!.id)) && d!.up.size === 3)
    await d!.stop()
    await d!.start({ peers: [a!.peer, b!.peer, c!.peer] })
    for (const node of [a, b, c]) node!.running.setPeers(all.map((n) => n.peer))
    await until(() => [a, b, c].every((node) => node!.up.has(d!.id)) && d!.up.size === 3)
    d!.frames.length = 0
    a!.running.send(d!.id, 5, Uint8Array.of(42))
    await until(() => d!.frames.length === 1)
  })

  test('a member taken from the list is cut and refused; put back, it is reached again', async () => {
    const [a, b] = await mesh(2)
    const back = b!.peer
    a!.running.setPeers([])
    await until(() => a!.up.size === 0 && b!.up.size === 0 && a!.running.stats().refusals['unknown-key'] > 0)
    expect(a!.running.send(b!.id, 1, new Uint8Array(1))).toBe(false)
    a!.running.setPeers([back])
    await until(() => a!.up.size === 1 && b!.up.size === 1)
  })

  test('closing leaves no socket and no timer, and may be said twice', async () => {
    const [a, b] = await mesh(2)
    await Promise.all([a!.running.close(), a!.running.close()])
    await until(() => b!.up.size === 0)
    expect(a!.running.send(b!.id, 1, new Uint8Array(1))).toBe(false)
    a!.running.setPeers([b!.peer])
  })
})

describe('bounds', () => {
  test('a full queue refuses, counts, and keeps what it accepted', async () => {
    const [a, b] = await mesh(2)
    const body = new Uint8Array(FRAME_BYTES_MAX)
    let taken = 0
    while (a!.running.send(b!.id, 1, body)) taken += 1
    expect(taken).toBeGreaterThanOrEqual(Math.floor(TRANSPORT_LIMITS.queuedBytesMax / (FRAME_BYTES_MAX + 5)))
    const [stats] = a!.running.stats().peers
    expect(stats!.droppedFrames).toBe(1)
    const { queuedBytesMax, socketBytesMax } = TRANSPORT_LIMITS
    expect(stats!.queuedBytes).toBeLessThanOrEqual(queuedBytesMax + socketBytesMax * 2)
    await until(() => b!.frames.length === taken)
    expect(a!.running.send(b!.id, 2, new Uint8Array(1))).toBe(true)
  })

  test('the count of frames is bounded too', async () => {
    const [a, b] = await mesh(2)
    a!.running.send(b!.id, 1, new Uint8Array(1024 * 1024))
    let taken = 0
    while (a!.running.send(b!.id, 1, new Uint8Array(0))) taken += 1
    expect(taken).toBe(TRANSPORT_LIMITS.queuedFramesMax - 1)
    await until(() => b!.frames.length === taken + 1)
  })

  test('a reserved type or too large a body is our own bug', async () => {
    const [a, b] = await mesh(2)
    expect(() => a!.running.send(b!.id, 240, new Uint8Array(1))).toThrow('reserved')
    expect(() => a!.running.send(b!.id, 1, new Uint8Array(FRAME_BYTES_MAX + 1))).toThrow('limit')
  })
})

describe('misbehaviour', () => {
  test('a peer that is disconnected is shunned for the penalty, then reached again', async () => {
    const [a, b] = await mesh(2)
    a!.running.disconnect(b!.id, 'sent nonsense')
    await until(() => a!.states.includes('down: sent nonsense') && b!.up.size === 0)
    await until(() => a!.running.stats().refusals.penalty > 0)
    expect(a!.notices.some((notice) => notice.reason === 'penalty' && notice.peer === b!.id)).toBe(true)
    await until(() => a!.up.size === 1 && b!.up.size === 1)
  })

  test('disconnected from within its own frame, no further frame of it is handed up', async () => {
    const [a, b] = await mesh(2)
    b!.onFrame = (peer) => b!.running.disconnect(peer, 'enough')
    for (let i = 0; i < 10; i += 1) a!.running.send(b!.id, 1, Uint8Array.of(i))
    await until(() => a!.up.size === 0)
    expect(b!.frames.length).toBe(1)
  })
})

describe('identity', () => {
  test('another key at a peer’s address is not spoken to', async () => {
    const impostor = await new Node().start()
    const expected = newKey()
    const a = await new Node().start({ peers: [{ id: expected.id, ...impostor.running.address }] })
    nodes = [impostor, a]
    await until(() => a.running.stats().refusals['wrong-key'] > 0)
    expect(a.notices[0]!.detail).toBe(`key ${impostor.id} there, ${expected.id} wanted`)
    expect(a.up.size).toBe(0)
    expect(impostor.frames).toEqual([])
  })

  test('a replica of another ledger is refused, and both sides say which two', async () => {
    const other = 'cd'.repeat(32)
    const a = await new Node().start()
    const b = await new Node().start({ here: { ledger: other }, peers: [a.peer] })
    nodes = [a, b]
    a.running.setPeers([b.peer])
    await until(() => a.running.stats().refusals.hello > 1 && b.running.stats().refusals.hello > 1)
    for (const { notices } of [a, b]) {
      const { detail } = notices.find((notice) => notice.reason === 'hello')!
      expect(detail).toMatch(/^ledger (abab|cdcd).* dials, (abab|cdcd).* is here$/)
      for (const ledger of [other, HERE.ledger]) expect(detail).toContain(ledger)
    }
    expect(a.up.size + b.up.size).toBe(0)
  })

  test('an unknown member is refused by name', async () => {
    const [a] = await mesh(2)
    const stranger = await new Node().start({ peers: [a!.peer] })
    nodes.push(stranger)
    await until(() => a!.running.stats().refusals['unknown-key'] > 0)
    expect(a!.notices.find((n) => n.reason === 'unknown-key')!.detail).toBe(`key ${stranger.id} is no peer's`)
    expect(stranger.up.size).toBe(0)
    expect(a!.up.size).toBe(1)
  })
})
