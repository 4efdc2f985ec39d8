// Frames between the replicas of one ledger, over mutual TLS 1.3. Every replica dials every peer, and each connection
// carries what its dialler sends: a pair has two, one each way, so nobody has to decide which of two simultaneous
// connections stays.
//
// Who is a peer is a list of keys, given and changed at run time. Frames to one peer arrive in order and without gaps
// while its link stands; a frame is refused, never delayed without bound, where the queue is full or the peer is not
// connected. Whatever gets lost so is for the protocol above to ask for again.

import { assert } from '@quorate/kernel'
import type { MemberId } from '@quorate/types'
import type { TLSSocket } from 'node:tls'
import type { TlsIdentity } from '../crypto/tls-identity.ts'
import { penaltyMs } from './back-off.ts'
import { RESERVED_TYPE_MIN } from './frame.ts'
import type { Party } from './handshake.ts'
import { Incoming } from './incoming.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Visitor } from './listener.ts'
import { Listener } from './listener.ts'
import { Notices } from './notices.ts'
import type { Notice } from './notices.ts'
import type { Address } from './outgoing.ts'
import { Outgoing } from './outgoing.ts'
import type { Refusal } from './refusal.ts'
import { REFUSALS } from './refusal.ts'
import type { PeerStats, TransportStats } from './stats.ts'

/** A member to be connected with. */
export interface Peer extends Address {
  readonly id: MemberId
}

/** What the transport tells its owner. Called synchronously; `onFrame` must not throw for anything a peer sends. */
export interface TransportEvents {
  /**
   * A frame from a peer. `body` may be a view that keeps a receive buffer of 64 KiB alive: copy what is kept for long.
   */
  onFrame(peer: MemberId, type: number, body: Uint8Array): void
  /** Whether frames can be sent to the peer. `reason` says why it went down. */
  onPeer(peer: MemberId, state: 'up' | 'down', reason: string): void
  /** Something was refused or cut: for the log. The same thing comes at most once in ten seconds, with a count. */
  onNotice(notice: Notice): void
}

/** What a transport needs. */
export interface TransportOptions extends TransportEvents {
  readonly identity: TlsIdentity
  /** What this side can do; a peer that shares nothing of it is refused. */
  readonly here: Party
  /** Where to listen. Port 0 takes a free one. */
  readonly listen: Address
  readonly peers: readonly Peer[]
  /** Largest body accepted and sent. */
  readonly frameBytesMax: number
}

interface PeerState {
  readonly outgoing: Outgoing
  incoming: Incoming | undefined
  receivedFrames: number
  receivedBytes: number
  refusals: number
  offences: number
  lastOffenceMs: number
  shunnedUntilMs: number
}

/** A peer that behaved for so long starts again with the shortest penalty. */
const OFFENCES_FORGOTTEN_MS = 10 * TRANSPORT_LIMITS.penaltyMsMax

/** Connects one replica with its peers. */
export class Transport {
  readonly #options: TransportOptions
  readonly #listener: Listener
  readonly #notices: Notices
  readonly #peers = new Map<MemberId, PeerState>()
  readonly #refusals = Object.fromEntries(REFUSALS.map((reason) => [reason, 0])) as Record<Refusal, number>
  readonly #leaving = new Set<Promise<void>>()
  #address: Address
  #tick: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  private constructor(options: TransportOptions) {
    assert(options.frameBytesMax < TRANSPORT_LIMITS.queuedBytesMax, 'the largest frame fits into the queue')
    this.#options = options
    this.#address = options.listen
    this.#notices = new Notices((notice) => options.onNotice(notice))
    this.#listener = new Listener(options.identity, {
      secured: (found, socket, visitor) => this.#onVisitor(found, socket, visitor),
      refused: (reason, address, detail) => this.#refused(reason, { address, detail, peer: undefined }),
    })
  }

  /** Listens, and begins to dial the peers. Rejects where the address can't be listened on. */
  static async start(options: TransportOptions): Promise<Transport> {
    const transport = new Transport(options)
    transport.#address = await transport.#listener.listen(options.listen)
    transport.#tick = setInterval(() => transport.#onTick(), TRANSPORT_LIMITS.tickMs)
    transport.setPeers(options.peers)
    return transport
  }

  /** The address really listened on. */
  get address(): Address {
    return this.#address
  }

  /** Replaces the list of peers: new ones are dialled, others disconnected, changed addresses dialled anew. */
  setPeers(peers: readonly Peer[]): void {
    if (this.#closing !== undefined) return
    const wanted = new Map(peers.filter((peer) => peer.id !== this.#options.identity.id).map((peer) => [peer.id, peer]))
    for (const [id, state] of this.#peers) {
      if (wanted.has(id)) continue
      this.#peers.delete(id)
      state.incoming?.destroy()
      this.#track(state.outgoing.close())
    }
    for (const [id, { host, port }] of wanted) {
      const known = this.#peers.get(id)
      if (known === undefined) this.#add(id, { host, port })
      else known.outgoing.move({ host, port })
    }
  }

  /**
   * Sends a frame to one peer: it leaves in this turn of the event loop where the link is idle. False, and counted,
   * where the peer is unknown or not connected or its queue is full. `body` must not change afterwards.
   */
  send(peer: MemberId, type: number, body: Uint8Array): boolean {
    assert(type >= 0 && type < RESERVED_TYPE_MIN, 'frame type is not reserved')
    assert(body.length <= this.#options.frameBytesMax, 'frame is not above the limit')
    return this.#peers.get(peer)?.outgoing.send(type, body) ?? false
  }

  /** Sends to every peer and returns how many took it. */
  broadcast(type: number, body: Uint8Array): number {
    let taken = 0
    for (const peer of this.#peers.keys()) if (this.send(peer, type, body)) taken += 1
    return taken
  }

  /** Cuts both connections with a peer that misbehaved, and shuns it for a while that doubles each time. */
  disconnect(peer: MemberId, reason: string): void {
    const state = this.#peers.get(peer)
    if (state === undefined) return
    const nowMs = performance.now()
    state.offences = nowMs - state.lastOffenceMs > OFFENCES_FORGOTTEN_MS ? 1 : state.offences + 1
    state.lastOffenceMs = nowMs
    state.shunnedUntilMs = nowMs + penaltyMs(state.offences)
    this.#dropIncoming(state)
    state.outgoing.shun(state.shunnedUntilMs, reason)
  }

  /** Counters, per peer and over all. */
  stats(): TransportStats {
    const peers = [...this.#peers].map(([id, state]) => peerStats(id, state))
    return { peers, refusals: { ...this.#refusals }, strangers: this.#listener.strangers }
  }

  /** Cuts everything; resolves once every socket is gone. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#tick)
    const closed = [...this.#peers.values()].map((state) => state.outgoing.close())
    await Promise.all([this.#listener.close(), ...closed, ...this.#leaving])
  }

  #add(id: MemberId, address: Address): void {
    const { identity, here } = this.#options
    const outgoing = new Outgoing({
      peer: id,
      address,
      identity,
      here,
      events: {
        up: () => this.#options.onPeer(id, 'up', 'connected'),
        down: (reason) => this.#options.onPeer(id, 'down', reason),
        refused: (reason, detail) => {
          const { host, port } = outgoing.address
          this.#refused(reason, { address: `${host}:${port}`, detail, peer: id })
        },
      },
    })
    this.#peers.set(id, {
      outgoing,
      incoming: undefined,
      receivedFrames: 0,
      receivedBytes: 0,
      refusals: 0,
      offences: 0,
      lastOffenceMs: 0,
      shunnedUntilMs: 0,
    })
  }

  #onVisitor(found: MemberId | undefined, socket: TLSSocket, visitor: Visitor): void {
    const state = found === undefined ? undefined : this.#peers.get(found)
    const refuse = (reason: Refusal, detail: string, peer?: MemberId): void => {
      visitor.accounted()
      this.#refused(reason, { address: visitor.address, detail, peer })
      socket.destroy()
    }
    if (found === undefined || state === undefined || this.#closing !== undefined) {
      refuse('unknown-key', found === undefined ? 'no ed25519 certificate' : `key ${found} is no peer's`)
      return
    }
    if (performance.now() < state.shunnedUntilMs) {
      refuse('penalty', 'misbehaved lately', found)
      return
    }
    const incoming = new Incoming({
      peer: found,
      socket,
      here: this.#options.here,
      frameBytesMax: this.#options.frameBytesMax,
      events: {
        greeted: () => this.#onGreeted(incoming, state, visitor),
        frame: (type, body) => this.#options.onFrame(found, type, body),
        refused: (reason, detail) => {
          visitor.accounted()
          this.#refused(reason, { address: visitor.address, detail, peer: found })
        },
      },
    })
    socket.on('close', () => {
      if (state.incoming === incoming) this.#dropIncoming(state)
    })
  }

  #onGreeted(incoming: Incoming, state: PeerState, visitor: Visitor): void {
    const replaced = state.incoming !== undefined
    visitor.greeted(!replaced)
    if (this.#peers.get(incoming.peer) !== state) {
      // Removed from the list between handshake and hello.
      incoming.destroy()
      return
    }
    if (replaced) {
      this.#refused('replaced', { address: visitor.address, detail: 'the peer connected anew', peer: incoming.peer })
      this.#dropIncoming(state)
    }
    state.incoming = incoming
    state.outgoing.hint()
  }

  #dropIncoming(state: PeerState): void {
    if (state.incoming === undefined) return
    state.receivedFrames += state.incoming.frames
    state.receivedBytes += state.incoming.bytes
    state.incoming.destroy()
    state.incoming = undefined
  }

  #refused(reason: Refusal, about: Pick<Notice, 'address' | 'detail' | 'peer'>): void {
    this.#refusals[reason] += 1
    const state = about.peer === undefined ? undefined : this.#peers.get(about.peer)
    if (state !== undefined) state.refusals += 1
    this.#notices.tell({ reason, ...about }, performance.now())
  }

  #onTick(): void {
    const nowMs = performance.now()
    for (const state of this.#peers.values()) {
      state.outgoing.tick(nowMs)
      state.incoming?.tick()
    }
  }

  #track(leaving: Promise<void>): void {
    this.#leaving.add(leaving)
    void leaving.then(() => this.#leaving.delete(leaving))
  }
}

function peerStats(id: MemberId, state: PeerState): PeerStats {
  const { outgoing, incoming } = state
  return {
    id,
    address: `${outgoing.address.host}:${outgoing.address.port}`,
    sending: outgoing.isUp,
    receiving: incoming !== undefined,
    queuedFrames: outgoing.queuedFrames,
    queuedBytes: outgoing.queuedBytes,
    droppedFrames: outgoing.dropped,
    sentFrames: outgoing.sentFrames,
    sentBytes: outgoing.sentBytes,
    receivedFrames: state.receivedFrames + (incoming?.frames ?? 0),
    receivedBytes: state.receivedBytes + (incoming?.bytes ?? 0),
    refusals: state.refusals,
    roundTripMs: outgoing.roundTripMs,
    lastError: outgoing.lastError,
  }
}
