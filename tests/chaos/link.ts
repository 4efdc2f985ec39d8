// A directed link: a TCP proxy through which one member reaches another. What a replica says to a peer goes over a connection that
// it opened itself, so each pair of members has two links, and each can be bad in its own way. Bytes pass in order, as TCP's do;
// what is lost on the way is a whole connection.

import { createServer, connect } from 'node:net'
import type { Server, Socket } from 'node:net'

/** How a link behaves until told otherwise. */
export interface Weather {
  /** How long every byte is on its way, each way. */
  readonly delayMs: number
  /** Nothing passes from the opener of a connection to the other side. Connections stay open. */
  readonly isForwardStalled: boolean
  /** Nothing passes back. */
  readonly isBackwardStalled: boolean
}

/** A link that is none. */
export const FAIR: Weather = { delayMs: 0, isForwardStalled: false, isBackwardStalled: false }

/** Most bytes on their way in one direction of one connection; then the sender has to wait. */
const FLYING_BYTES_MAX = 1024 * 1024

/** What happens to a byte of each open connection, some bytes from now on. */
type Mishap = { readonly kind: 'flip' | 'cut'; left: number }

/** One direction of one connection. */
class Flow {
  readonly #from: Socket
  readonly #to: Socket
  readonly #delayMs: () => number
  readonly #isStalled: () => boolean
  readonly #flying: { readonly dueMs: number; readonly chunk: Buffer }[] = []
  #bytes = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined
  mishap: Mishap | undefined

  constructor(
    from: Socket,
    to: Socket,
    weather: { readonly delayMs: () => number; readonly isStalled: () => boolean },
  ) {
    this.#from = from
    this.#to = to
    this.#delayMs = weather.delayMs
    this.#isStalled = weather.isStalled
    from.on('data', (chunk) => {
      this.#flying.push({ dueMs: performance.now() + this.#delayMs(), chunk })
      this.#bytes += chunk.length
      if (this.#bytes > FLYING_BYTES_MAX) from.pause()
      this.deliver()
    })
    from.on('end', () => {
      this.#ended = true
      this.deliver()
    })
    to.on('drain', () => this.deliver())
  }

  /** Passes on what is due. */
  deliver(): void {
    clearTimeout(this.#timer)
    for (let next = this.#flying[0]; next !== undefined && !this.#isStalled(); next = this.#flying[0]) {
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.deliver(), waitMs)
        return
      }
      if (this.#to.writableNeedDrain || this.#to.destroyed) return
      this.#flying.shift()
      this.#bytes -= next.chunk.length
      this.#pass(next.chunk)
      if (this.#bytes <= FLYING_BYTES_MAX) this.#from.resume()
    }
    if (this.#ended && this.#flying.length === 0) this.#to.end()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #pass(chunk: Buffer): void {
    const { mishap } = this
    if (mishap === undefined || mishap.left >= chunk.length) {
      if (mishap !== undefined) mishap.left -= chunk.length
      this.#to.write(chunk)
      return
    }
    this.mishap = undefined
    if (mishap.kind === 'flip') {
      chunk.writeUInt8(chunk.readUInt8(mishap.left) ^ 1, mishap.left)
      this.#to.write(chunk)
    } else {
      this.#to.write(chunk.subarray(0, mishap.left), () => {
        this.#to.destroy()
        this.#from.destroy()
      })
    }
  }
}

/** The way from member `from` to member `to`. */
export class Link {
  readonly from: number
  readonly to: number
  readonly #server: Server
  readonly #flows = new Set<{ readonly forward: Flow; readonly backward: Flow; readonly close: () => void }>()
  #weather = FAIR

  private constructor(ends: { readonly from: number; readonly to: number }, server: Server) {
    this.from = ends.from
    this.to = ends.to
    this.#server = server
  }

  /** Opens a link to `target` on any port of `host`. */
  static async open(
    ends: { readonly from: number; readonly to: number },
    host: string,
    target: { readonly host: string; readonly port: number },
  ): Promise<Link> {
    const server = createServer({ allowHalfOpen: true })
    const link = new Link(ends, server)
    server.on('connection', (socket) => link.#carry(socket, connect({ ...target, allowHalfOpen: true })))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, host, resolve)
    })
    return link
  }

  /** host:port at which the opener finds the link. */
  get address(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the link is closed')
    return `${address.address}:${address.port}`
  }

  get connections(): number {
    return this.#flows.size
  }

  set weather(weather: Weather) {
    this.#weather = weather
    for (const { forward, backward } of this.#flows) {
      forward.deliver()
      backward.deliver()
    }
  }

  /** After `bytes` more bytes from the opener, every open connection breaks, in the middle of whatever that is. */
  cutAfter(bytes: number): void {
    for (const { forward } of this.#flows) forward.mishap = { kind: 'cut', left: bytes }
  }

  /** After `bytes` more bytes from the opener, one bit of every open connection is wrong. */
  flipAfter(bytes: number): void {
    for (const { forward } of this.#flows) forward.mishap = { kind: 'flip', left: bytes }
  }

  async close(): Promise<void> {
    for (const { close } of this.#flows) close()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #carry(opener: Socket, target: Socket): void {
    const delayMs = (): number => this.#weather.delayMs
    const forward = new Flow(opener, target, { delayMs, isStalled: () => this.#weather.isForwardStalled })
    const backward = new Flow(target, opener, { delayMs, isStalled: () => this.#weather.isBackwardStalled })
    const close = (): void => {
      forward.close()
      backward.close()
      opener.destroy()
      target.destroy()
      this.#flows.delete(flow)
    }
    const flow = { forward, backward, close }
    this.#flows.add(flow)
    for (const socket of [opener, target]) {
      socket.setNoDelay(true)
      // Whoever resets a connection, both ends hear of it; 'close' follows every error.
      socket.on('error', () => undefined)
      socket.on('close', close)
    }
  }
}
