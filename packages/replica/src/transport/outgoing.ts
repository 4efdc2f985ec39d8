// The connection that carries what we send to one peer. We dial it and keep it: when it breaks it is dialled again,
// after a pause that grows and jitters. Only the handshake's answer and pongs come back on it; what the peer has to say comes on the
// connection that it dials.
//
// Sign of life: while nothing waits to leave, a ping goes out each tick and its pong must come. While something waits,
// that the kernel takes more of it is the sign, so that a slow link with a large frame on it is not taken for a dead
// peer. Silence is counted in ticks, not in clock time: a process that was itself stopped for a while does not blame
// its peers.

import type { MemberId } from '@quorate/types'
import type { TLSSocket } from 'node:tls'
import { connect } from 'node:tls'
import type { TlsIdentity } from '../crypto/tls-identity.ts'
import { certifiedMember } from '../crypto/tls-identity.ts'
import { retryMs } from './back-off.ts'
import { FrameDecoder } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Party } from './handshake.ts'
import { CONTROL, greet, HELLO_BYTES_MAX, HelloPipe } from './handshake.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Refusal } from './refusal.ts'

/** Where a peer listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What an outgoing connection tells its owner. */
export interface OutgoingEvents {
  up(): void
  down(reason: string): void
  refused(reason: Refusal, detail: string): void
}

interface Link {
  readonly socket: TLSSocket
  readonly writer: FrameWriter
  readonly deadline: NodeJS.Timeout
  readonly hello: HelloPipe
  state: 'connecting' | 'up'
  upAtMs: number
  heard: boolean
  silentTicks: number
  pingAtMs: number | undefined
  backlogBytes: number
  flushedBytes: number
  /** Why we cut it; undefined while we have not. */
  cut: string | undefined
}

const EMPTY = new Uint8Array(0)

/** Dials one peer and sends to it. */
export class Outgoing {
  readonly #peer: MemberId
  readonly #identity: TlsIdentity
  readonly #here: Party
  readonly #events: OutgoingEvents
  #address: Address
  #link: Link | undefined
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  #shunnedUntilMs = 0
  #closed: (() => void) | undefined
  #dropped = 0
  #sentFrames = 0
  #sentBytes = 0
  #roundTripMs: number | undefined
  #lastError: string | undefined

  constructor(options: {
    readonly peer: MemberId
    readonly address: Address
    readonly identity: TlsIdentity
    readonly here: Party
    readonly events: OutgoingEvents
  }) {
    this.#peer = options.peer
    this.#address = options.address
    this.#identity = options.identity
    this.#here = options.here
    this.#events = options.events
    this.#dial()
  }

  get address(): Address {
    return this.#address
  }

  get isUp(): boolean {
    return this.#link?.state === 'up'
  }

  get dropped(): number {
    return this.#dropped
  }

  get sentFrames(): number {
    return this.#sentFrames + (this.#link?.writer.frames ?? 0)
  }

  get sentBytes(): number {
    return this.#sentBytes + (this.#link?.writer.flushedBytes ?? 0)
  }

  get queuedFrames(): number {
    return this.#link?.writer.queuedFrames ?? 0
  }

  get queuedBytes(): number {
    return this.#link?.writer.backlogBytes ?? 0
  }

  /** From ping to pong, the last time; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** False, and counted as dropped, where the peer is not connected or its queue is full. */
  send(type: number, body: Uint8Array): boolean {
    const sent = this.#link?.state === 'up' && this.#link.writer.send(type, body)
    if (!sent) this.#dropped += 1
    return sent
  }

  /** The peer has shown that it is alive: dial now instead of after the pause. */
  hint(): void {
    if (this.#retry === undefined || performance.now() < this.#shunnedUntilMs) return
    clearTimeout(this.#retry)
    this.#dial()
  }

  /** Dials another address from now on. */
  move(address: Address): void {
    if (address.host === this.#address.host && address.port === this.#address.port) return
    this.#address = address
    this.#failures = 0
    if (this.#link !== undefined) this.#cut('address changed')
    else this.hint()
  }

  /** Cuts the connection and stays away. */
  shun(untilMs: number, reason: string): void {
    this.#shunnedUntilMs = untilMs
    if (this.#link !== undefined) {
      this.#cut(reason)
    } else if (this.#retry !== undefined) {
      clearTimeout(this.#retry)
      this.#schedule()
    }
  }

  /** Looks for signs of life. */
  tick(nowMs: number): void {
    const link = this.#link
    if (link?.state !== 'up') return
    const flushed = link.writer.flushedBytes
    const moved = link.backlogBytes > 0 && flushed > link.flushedBytes
    link.silentTicks = link.heard || moved ? 0 : link.silentTicks + 1
    link.heard = false
    link.backlogBytes = link.writer.backlogBytes
    link.flushedBytes = flushed
    if (link.silentTicks >= TRANSPORT_LIMITS.silentTicksMax) {
      this.#refuse('silent', `no sign of life for ${(link.silentTicks * TRANSPORT_LIMITS.tickMs) / 1000} s`)
      return
    }
    if (link.backlogBytes > 0) return
    link.pingAtMs ??= nowMs
    link.writer.send(CONTROL.ping, EMPTY)
  }

  /** Resolves once the socket is gone; nothing is dialled again. */
  close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#retry = undefined
    return new Promise((resolve) => {
      this.#closed = resolve
      if (this.#link === undefined) resolve()
      else this.#cut('closed here')
    })
  }

  #dial(): void {
    this.#retry = undefined
    const socket = connect({
      host: this.#address.host,
      port: this.#address.port,
      key: this.#identity.key,
      cert: this.#identity.cert,
      minVersion: 'TLSv1.3',
      // No authority vouches for members: the key is compared below, before anything is sent.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    })
    const late = (): void => this.#refuse('hello-timeout', 'no hello in time')
    const writer = new FrameWriter(socket)
    const link: Link = {
      socket,
      writer,
      hello: new HelloPipe((body) => writer.send(CONTROL.hello, body)),
      deadline: setTimeout(late, TRANSPORT_LIMITS.helloTimeoutMs),
      state: 'connecting',
      upAtMs: 0,
      heard: false,
      silentTicks: 0,
      pingAtMs: undefined,
      backlogBytes: 0,
      flushedBytes: 0,
      cut: undefined,
    }
    this.#link = link
    socket.setNoDelay(true)
    const decoder = new FrameDecoder(HELLO_BYTES_MAX, (type, body) => this.#onFrame(link, type, body))
    socket.on('secureConnect', () => this.#onSecure(link))
    socket.on('data', (chunk: Uint8Array) => {
      if (link.cut !== undefined) return
      link.heard = true
      const error = decoder.push(chunk)
      if (error !== undefined) this.#refuse('frame-too-long', `frame of ${error.found} bytes, at most ${error.max}`)
    })
    socket.on('error', (error) => {
      link.cut ??= error.message
    })
    socket.on('close', () => this.#onClose(link))
  }

  #onSecure(link: Link): void {
    const found = certifiedMember(link.socket.getPeerX509Certificate())
    if (found !== this.#peer) {
      this.#refuse('wrong-key', `key ${found ?? 'of another type'} there, ${this.#peer} wanted`)
      return
    }
    greet(link.hello, this.#here).then(
      () => this.#onGreeted(link),
      (error: unknown) => {
        if (link.cut === undefined) this.#refuse('hello', error instanceof Error ? error.message : String(error))
      },
    )
  }

  #onGreeted(link: Link): void {
    if (link.cut !== undefined) return
    clearTimeout(link.deadline)
    link.state = 'up'
    link.upAtMs = performance.now()
    this.#lastError = undefined
    this.#events.up()
  }

  #onFrame(link: Link, type: number, body: Uint8Array): void {
    if (link.cut !== undefined) return
    if (link.state === 'up') {
      if (type !== CONTROL.pong) {
        this.#refuse('frame-type', `frame of type ${type} on the connection that we dialled`)
      } else if (link.pingAtMs !== undefined) {
        this.#roundTripMs = performance.now() - link.pingAtMs
        link.pingAtMs = undefined
      }
      return
    }
    if (type !== CONTROL.hello) this.#refuse('hello', `frame of type ${type} instead of hello`)
    else if (!link.hello.received(body.slice())) this.#refuse('hello', 'a second hello')
  }

  #refuse(reason: Refusal, detail: string): void {
    this.#events.refused(reason, detail)
    this.#cut(`${reason}: ${detail}`)
  }

  #cut(reason: string): void {
    if (this.#link === undefined) return
    this.#link.cut ??= reason
    this.#link.socket.destroy()
  }

  #onClose(link: Link): void {
    clearTimeout(link.deadline)
    link.hello.cut(link.cut ?? 'closed by the peer')
    this.#dropped += link.writer.close()
    this.#sentFrames += link.writer.frames
    this.#sentBytes += Math.max(0, link.writer.flushedBytes)
    this.#link = undefined
    const reason = link.cut ?? 'closed by the peer'
    this.#lastError = reason
    // A link that breaks as soon as it stands counts as a failure, else two sides could reconnect without a pause for
    // ever.
    const stood = link.state === 'up' && performance.now() - link.upAtMs >= TRANSPORT_LIMITS.retryMsMax
    this.#failures = stood ? 1 : this.#failures + 1
    if (this.#closed === undefined) this.#schedule()
    if (link.state === 'up') this.#events.down(reason)
    this.#closed?.()
  }

  #schedule(): void {
    const shunnedMs = this.#shunnedUntilMs - performance.now()
    const pauseMs = Math.max(shunnedMs, retryMs(Math.max(1, this.#failures), Math.random()))
    this.#retry = setTimeout(() => this.#dial(), pauseMs)
  }
}
