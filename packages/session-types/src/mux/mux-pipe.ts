// One session's share of a connection, with its own window each way.
//
// A sender starts with a window of credit and may send while any is left; the last message may overdraw it, so that a message
// larger than the window is possible. A receiver grants again what its body has consumed, half a window at a time: short
// sessions never see a CREDIT. So a session whose body doesn't read holds a window and a message, and hinders no other.

import { abortMessage } from '../abort-message.ts'
import type { Pipe, PipeEnd, PipeEvents, SendOutcome } from '../pipe.ts'
import { costOf } from '../pipe.ts'
import type { AnyProtocol } from '../protocol.ts'
import { startOf } from '../protocol.ts'
import { ABORT_TAG } from '../state-table.ts'
import type { Role } from '../state-table.ts'
import { creditFrame, FRAME, HEADER_BYTES, OPEN_BYTES, openFrame, writeHeader } from './frame.ts'
import { SESSION_WINDOW_BYTES } from './limits.ts'

/** What a session's pipe needs of its connection. */
export interface Connection {
  readonly headroom: number
  readonly isCongested: boolean
  sendFrame(frame: Uint8Array): SendOutcome
  /** For frames that don't wait for room, since they end something or make room: some go even while there is none. */
  sendAside(frame: Uint8Array): SendOutcome
  /** Gives the next number of a session opened here. */
  opened(pipe: MuxPipe): number
  /** Counts bytes that wait for bodies; false where there is no room. */
  charge(bytes: number): boolean
  forget(pipe: MuxPipe): void
}

/** The pipe of one session on a multiplexed connection. */
export class MuxPipe implements Pipe {
  readonly headroom: number
  readonly role: Role
  readonly #connection: Connection
  readonly #protocol: AnyProtocol
  #id: number | undefined
  #events: PipeEvents | undefined
  #credit = SESSION_WINDOW_BYTES
  #isWaiting = false
  #isClosed = false
  /** Received, and waiting for the body. */
  #buffered = 0
  /** Consumed by the body, and not granted again. */
  #ungranted = 0

  /** @param id - Of a session that the other side opened; undefined for one of ours, numbered when it first sends. */
  constructor(connection: Connection, protocol: AnyProtocol, id: number | undefined) {
    this.headroom = connection.headroom + OPEN_BYTES
    this.role = id === undefined ? 'client' : 'server'
    this.#connection = connection
    this.#protocol = protocol
    this.#id = id
  }

  /** Undefined before the session was opened on the wire. */
  get id(): number | undefined {
    return this.#id
  }

  start(events: PipeEvents): void {
    this.#events = events
    const isTheirTurn = this.#id === undefined && startOf(this.#protocol.table).agency === 'server'
    if (isTheirTurn && this.#open(new Uint8Array(this.headroom)) === 'lost') {
      this.end({ code: 'DISCONNECTED', what: 'the session could not be opened' })
    }
  }

  send(buffer: Uint8Array): SendOutcome {
    if (this.#isClosed) return 'lost'
    // A session that ends before its first message was never there for the other side.
    if (this.#id === undefined && buffer[this.headroom] === ABORT_TAG) return 'lost'
    // Before it is sent: credit for this very message may come back before the call does.
    this.#credit -= costOf(buffer.length - this.headroom)
    const outcome = this.#id === undefined ? this.#open(buffer) : this.#data(buffer, this.#id)
    if (outcome === 'lost') return outcome
    this.#isWaiting = this.#credit <= 0 || outcome === 'wait'
    return this.#isWaiting ? 'wait' : 'ok'
  }

  consumed(bytes: number): void {
    if (this.#isClosed) return
    const cost = costOf(bytes)
    this.#buffered -= cost
    this.#connection.charge(-cost)
    this.#ungranted += cost
    if (this.#ungranted < SESSION_WINDOW_BYTES / 2 || this.#id === undefined) return
    const kind = this.role === 'client' ? FRAME.creditFromOpener : FRAME.creditFromAcceptor
    const frame = creditFrame(this.#connection.headroom, kind, this.#id, this.#ungranted)
    this.#ungranted = 0
    // Without the credit the session would stand still until its time is up.
    if (this.#connection.sendFrame(frame) === 'lost')
      this.end({ code: 'DISCONNECTED', what: 'credit could not be sent' })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#connection.charge(-this.#buffered)
    this.#connection.forget(this)
  }

  /** A message of this session came. */
  received(message: Uint8Array): void {
    if (this.#isClosed) return
    // An abort ends the session, so it needs no room.
    if (message[0] !== ABORT_TAG) {
      const cost = costOf(message.length)
      if (this.#buffered + this.#ungranted >= SESSION_WINDOW_BYTES) {
        this.#break('VIOLATION', `more than the window of ${SESSION_WINDOW_BYTES} bytes`)
        return
      }
      if (!this.#connection.charge(cost)) {
        this.#break('LIMIT', 'more than this connection may buffer')
        return
      }
      this.#buffered += cost
    }
    this.#events?.message(message)
  }

  /** The other side granted so many bytes. */
  credited(bytes: number): void {
    if (this.#isClosed) return
    this.#credit += bytes
    if (this.#credit > SESSION_WINDOW_BYTES) this.#break('VIOLATION', 'credit beyond the window')
    else this.resume()
  }

  /** Goes on where it waited and needn't any longer. */
  resume(): void {
    if (!this.#isWaiting || this.#credit <= 0 || this.#connection.isCongested) return
    this.#isWaiting = false
    this.#events?.drain()
  }

  /** The connection, or this session on it, is no more. */
  end(end: PipeEnd): void {
    if (!this.#isClosed) this.#events?.closed(end)
    this.close()
  }

  #open(buffer: Uint8Array): SendOutcome {
    const id = this.#connection.opened(this)
    this.#id = id
    return this.#connection.sendFrame(openFrame(buffer, this.#connection.headroom, id, this.#protocol))
  }

  #data(buffer: Uint8Array, id: number): SendOutcome {
    const frame = buffer.subarray(OPEN_BYTES - HEADER_BYTES)
    const kind = this.role === 'client' ? FRAME.dataFromOpener : FRAME.dataFromAcceptor
    writeHeader(frame, this.#connection.headroom, kind, id)
    const isAbort = buffer[this.headroom] === ABORT_TAG
    return isAbort ? this.#connection.sendAside(frame) : this.#connection.sendFrame(frame)
  }

  #break(code: 'VIOLATION' | 'LIMIT', what: string): void {
    this.send(abortMessage(code, what, this.headroom))
    this.end({ code, what })
  }
}
