// The TLS port. A connection passes three doors: the doorman (before any cost), the TLS 1.3 handshake (the other side
// proves to hold its certificate's key), the key (a peer's or not). All three together must be passed, and hello said,
// before one deadline.

import type { MemberId } from '@quorate/types'
import { constants } from 'node:crypto'
import type { Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import { createServer as createTlsServer } from 'node:tls'
import type { TlsIdentity } from '../crypto/tls-identity.ts'
import { certifiedMember } from '../crypto/tls-identity.ts'
import { Doorman } from './doorman.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Address } from './outgoing.ts'
import type { Refusal } from './refusal.ts'

/** What the listener asks and tells. */
export interface ListenerEvents {
  /** A connection whose other side holds the key `found`; undefined: it showed none. */
  secured(found: MemberId | undefined, socket: TLSSocket, visitor: Visitor): void
  refused(reason: Refusal, address: string, detail: string): void
}

/** A connection that has not said hello yet. */
export interface Visitor {
  readonly address: string
  /**
   * It is a peer and has said hello: its deadline is lifted. A peer that connects over and over is not `welcome`d anew.
   */
  greeted(welcome: boolean): void
  /** Why it ends has been counted: the listener need not. */
  accounted(): void
}

/** Listens for peers. */
export class Listener {
  readonly #server: Server
  readonly #tls: TlsServer
  readonly #doorman = new Doorman()
  readonly #events: ListenerEvents
  readonly #sockets = new Set<Socket>()
  readonly #visitors = new Map<string, Visitor>()

  constructor(identity: TlsIdentity, events: ListenerEvents) {
    this.#events = events
    this.#tls = createTlsServer({
      key: identity.key,
      cert: identity.cert,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // No authority vouches for members: the key is compared with the membership instead.
      rejectUnauthorized: false,
      handshakeTimeout: TRANSPORT_LIMITS.helloTimeoutMs,
      // Links live for long: resuming sessions would only add state.
      secureOptions: constants.SSL_OP_NO_TICKET,
    })
    this.#tls.on('secureConnection', (socket) => this.#onSecure(socket))
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy())
    this.#server = createServer({ noDelay: true }, (socket) => this.#onConnection(socket))
  }

  /** Connections that have not shown that they are a peer's. */
  get strangers(): number {
    return this.#doorman.strangers
  }

  /** Resolves to the address really listened on. Rejects where the port can't be had. */
  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', reject)
        // Out of descriptors, for one: the connection is lost, the port stays.
        this.#server.on('error', (error) => this.#events.refused('handshake', 'unknown', error.message))
        const bound = this.#server.address()
        const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
        resolve({ host: address.host, port })
      })
    })
  }

  /** Resolves once no socket is left. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  #onConnection(socket: Socket): void {
    const address = socket.remoteAddress
    if (address === undefined) {
      socket.destroy()
      return
    }
    socket.on('error', () => undefined)
    const refusal = this.#doorman.enter(address, performance.now())
    if (refusal !== undefined) {
      this.#events.refused(refusal, address, 'before the handshake')
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    let settled = false
    let accounted = false
    const leave = (trusted: boolean): void => {
      if (settled) return
      settled = true
      clearTimeout(deadline)
      this.#visitors.delete(key)
      this.#doorman.leave(address, trusted, performance.now())
    }
    const visitor: Visitor = {
      address,
      greeted: leave,
      accounted: () => {
        accounted = true
      },
    }
    const deadline = setTimeout(() => {
      if (!accounted) this.#events.refused('hello-timeout', address, 'no hello in time')
      accounted = true
      socket.destroy()
    }, TRANSPORT_LIMITS.helloTimeoutMs)
    this.#sockets.add(socket)
    this.#visitors.set(key, visitor)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (settled) return
      if (!accounted) this.#events.refused('handshake', address, 'closed before hello')
      leave(false)
    })
    this.#tls.emit('connection', socket)
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => undefined)
    const visitor = this.#visitors.get(keyOf(socket))
    if (visitor === undefined) socket.destroy()
    else this.#events.secured(certifiedMember(socket.getPeerX509Certificate()), socket, visitor)
  }
}

/** Names a connection among the living ones; the TLS socket and the one below it give the same name. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}
