// The connection on which one peer speaks to us: it dials, we listen. We play our part in the handshake, answer its pings, and
// send nothing else.

import type { MemberId } from '@quorate/types'
import type { TLSSocket } from 'node:tls'
import { FrameDecoder, RESERVED_TYPE_MIN } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Party } from './handshake.ts'
import { CONTROL, HELLO_BYTES_MAX, HelloPipe, UnfitError, welcome } from './handshake.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Refusal } from './refusal.ts'

/** What an incoming connection tells its owner. */
export interface IncomingEvents {
  /** The handshake is done: from now on frames come. */
  greeted(): void
  frame(type: number, body: Uint8Array): void
  refused(reason: Refusal, detail: string): void
}

const EMPTY = new Uint8Array(0)

/** Reads one peer's frames. The peer's key is checked before this is made. */
export class Incoming {
  readonly peer: MemberId
  readonly #socket: TLSSocket
  readonly #writer: FrameWriter
  readonly #decoder: FrameDecoder
  readonly #frameBytesMax: number
  readonly #events: IncomingEvents
  readonly #hello: HelloPipe
  #greeted = false
  #ended = false
  #frames = 0
  #bytes = 0
  #bytesAtTick = 0
  #silentTicks = 0
  #framesAtTick = 0
  #frameTicks = 0

  constructor(options: {
    readonly peer: MemberId
    readonly socket: TLSSocket
    readonly here: Party
    readonly frameBytesMax: number
    readonly events: IncomingEvents
  }) {
    this.peer = options.peer
    this.#socket = options.socket
    this.#frameBytesMax = options.frameBytesMax
    this.#events = options.events
    this.#writer = new FrameWriter(options.socket)
    this.#decoder = new FrameDecoder(HELLO_BYTES_MAX, (type, body) => this.#onFrame(type, body))
    this.#hello = new HelloPipe((body) => this.#writer.send(CONTROL.hello, body))
    welcome(this.#hello, options.here).then(
      () => this.#onGreeted(),
      (error: unknown) => this.#onUnfit(error),
    )
    this.#socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    this.#socket.on('end', () => {
      if (this.#decoder.underWay !== undefined) this.#refuse('truncated', 'the stream ended inside a frame')
    })
  }

  get isGreeted(): boolean {
    return this.#greeted
  }

  /** Frames handed up so far. */
  get frames(): number {
    return this.#frames
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Looks for signs of life and for a frame that does not get on. */
  tick(): void {
    if (!this.#greeted || this.#ended) return
    this.#silentTicks = this.#bytes > this.#bytesAtTick ? 0 : this.#silentTicks + 1
    this.#bytesAtTick = this.#bytes
    const underWay = this.#decoder.underWay
    const same = underWay !== undefined && this.#frames === this.#framesAtTick
    this.#frameTicks = same ? this.#frameTicks + 1 : 0
    this.#framesAtTick = this.#frames
    if (this.#silentTicks >= TRANSPORT_LIMITS.silentTicksMax) {
      this.#refuse('silent', `no sign of life for ${(this.#silentTicks * TRANSPORT_LIMITS.tickMs) / 1000} s`)
      return
    }
    const ticksMax = TRANSPORT_LIMITS.frameTicksMin + Math.ceil((underWay ?? 0) / TRANSPORT_LIMITS.frameBytesPerTick)
    if (this.#frameTicks > ticksMax) {
      const seconds = (this.#frameTicks * TRANSPORT_LIMITS.tickMs) / 1000
      this.#refuse('frame-timeout', `frame of ${underWay} bytes not whole after ${seconds} s`)
    }
  }

  /** Cuts the connection; no further frame is handed up. */
  destroy(): void {
    this.#ended = true
    this.#hello.cut('cut here')
    this.#decoder.stop()
    this.#writer.close()
    this.#socket.destroy()
  }

  #onData(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#bytes += chunk.length
    const error = this.#decoder.push(chunk)
    if (error !== undefined) this.#refuse('frame-too-long', `frame of ${error.found} bytes, at most ${error.max}`)
  }

  #onFrame(type: number, body: Uint8Array): void {
    if (!this.#greeted) {
      this.#onHello(type, body)
      return
    }
    if (type < RESERVED_TYPE_MIN) {
      this.#frames += 1
      this.#events.frame(type, body)
    } else if (type === CONTROL.ping) {
      // Counted, so that a ping between two frames is not taken for a part of the later one.
      this.#frameTicks = 0
      this.#writer.send(CONTROL.pong, EMPTY)
    } else {
      this.#refuse('frame-type', `frame of type ${type} after hello`)
    }
  }

  #onHello(type: number, body: Uint8Array): void {
    if (type !== CONTROL.hello) this.#refuse('hello', `frame of type ${type} instead of hello`)
    else if (!this.#hello.received(body.slice())) this.#refuse('hello', 'a second hello')
  }

  #onGreeted(): void {
    if (this.#ended) return
    this.#greeted = true
    this.#decoder.limit(this.#frameBytesMax)
    this.#events.greeted()
  }

  #onUnfit(error: unknown): void {
    if (this.#ended) return
    this.#events.refused('hello', error instanceof Error ? error.message : String(error))
    this.#ended = true
    this.#decoder.stop()
    // Ends after the answer has left, if there is one; the owner's deadline cuts it where the peer does not let it end.
    if (error instanceof UnfitError) this.#socket.end()
    else this.#socket.destroy()
  }

  #refuse(reason: Refusal, detail: string): void {
    this.#events.refused(reason, detail)
    this.destroy()
  }
}
