// Many sessions on one connection; either side may open them.
//
// The first frame of a session names its protocol and carries the first message, the last message of a protocol ends it on
// both sides: a request and its reply cost one frame each and nothing else. What is wrong inside a session ends that session.
// What is wrong with the frames themselves (unknown kinds, cut headers, numbers used twice) ends the connection, since then
// nothing on it can be trusted to belong where it claims.
//
// Frames of sessions unknown here are no fault: a session may have ended on this side while they travelled, or this side was
// restarted. They are answered with an abort, so that the other side needn't wait for its time to be up.

import { assert } from '@quorate/kernel'
import { abortMessage } from '../abort-message.ts'
import { systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { Pipe, PipeEnd, PipeEvents, SendOutcome } from '../pipe.ts'
import type { Dual } from '../process.ts'
import type { AnyProtocol, Protocol } from '../protocol.ts'
import { startOf } from '../protocol.ts'
import { conduct } from '../run.ts'
import type { Body } from '../run.ts'
import { SessionError } from '../session-error.ts'
import { Session } from '../session.ts'
import { ABORT_TAG } from '../state-table.ts'
import { creditOf, FRAME, HEADER_BYTES, OPEN_BYTES, readFrame, SESSION_ID_MAX, writeHeader } from './frame.ts'
import type { Frame } from './frame.ts'
import type { MuxLimits, SessionBudget } from './limits.ts'
import { MUX_LIMITS, RateLimit } from './limits.ts'
import type { Connection } from './mux-pipe.ts'
import { MuxPipe } from './mux-pipe.ts'

/** A protocol that this side answers. */
export interface Service {
  readonly protocol: AnyProtocol
  readonly answer: (session: Session) => Promise<unknown>
}

/** Answers sessions of `protocol` with `body`, which begins to run with the frame that opens a session. */
export function service<P>(protocol: Protocol<P>, body: Body<Dual<P>, unknown>): Service {
  return { protocol, answer: (session) => conduct(session, body) }
}

/** What a multiplexer needs beside its pipe. */
export interface MuxOptions {
  /** What the other side may open. */
  readonly services?: readonly Service[]
  /** {@link MUX_LIMITS} where absent, one by one. */
  readonly limits?: Partial<MuxLimits>
  /** Bounds shared with other connections. */
  readonly budget?: SessionBudget
  readonly clock?: Clock
  /**
   * Number of the first session opened here: 1 where absent. On a pipe that outlives this process, numbers have to
   * grow from one process to the next: milliseconds of wall-clock time, times 64, do.
   */
  readonly firstId?: number
  /** A session that the other side opened ended early: a {@link SessionError}, or what its body threw. Must not throw. */
  readonly onFailure?: (error: unknown, protocol: AnyProtocol) => void
  /** The other side broke the framing, and the connection was closed. Must not throw. */
  readonly onBroken?: (what: string) => void
}

/**
 * Aborts and credits sent to a side that reads nothing. Without a bound it could make us buffer answers to its faults for
 * ever; those beyond are dropped, and the other side's time-outs do the rest.
 */
const ASIDE_MAX = 256

const idOf = (protocol: { readonly id: number; readonly version: number }): number =>
  protocol.id * 65_536 + protocol.version

/** Sessions on one connection. */
export class Mux {
  readonly #wire: Wire

  /** Takes up the pipe at once. Two services of one protocol and version are refused, by an assertion. */
  constructor(pipe: Pipe, options: MuxOptions = {}) {
    this.#wire = new Wire(pipe, options)
    pipe.start(this.#wire)
  }

  /**
   * Opens a session and runs this side of it, as `run` does. Nothing is sent before `body` sends, unless the other side
   * has to begin.
   */
  run<P, T>(protocol: Protocol<P>, body: Body<P, T>): Promise<T> {
    return this.#wire.run(protocol, body)
  }

  /** Sessions and bytes at present. */
  get stats(): { readonly opened: number; readonly accepted: number; readonly bufferedBytes: number } {
    return this.#wire.stats
  }

  /** Ends all sessions and the connection. */
  close(): void {
    this.#wire.shut('closed by this side')
  }
}

class Wire implements PipeEvents, Connection {
  readonly headroom: number
  readonly #pipe: Pipe
  readonly #options: MuxOptions
  readonly #limits: MuxLimits
  readonly #clock: Clock
  readonly #services: ReadonlyMap<number, Service>
  readonly #rate: RateLimit
  /** Sessions of ours that are not on the wire yet. */
  readonly #unsent = new Set<MuxPipe>()
  readonly #opened = new Map<number, MuxPipe>()
  readonly #accepted = new Map<number, MuxPipe>()
  /** Bodies of accepted sessions that run; a body may outlive its session. */
  #running = 0
  #buffered = 0
  #nextId: number
  #lastAccepted = -1
  #isOver = false
  isCongested = false
  /** Frames sent since then that didn't wait. */
  #aside = 0

  constructor(pipe: Pipe, options: MuxOptions) {
    const { services = [], firstId = 1 } = options
    assert(Number.isInteger(firstId) && firstId >= 0 && firstId < SESSION_ID_MAX, `firstId is ${firstId}`)
    this.#pipe = pipe
    this.#options = options
    this.headroom = pipe.headroom
    this.#limits = { ...MUX_LIMITS, ...options.limits }
    this.#clock = options.clock ?? systemClock
    this.#services = new Map(services.map((each) => [idOf(each.protocol), each]))
    assert(this.#services.size === services.length, 'two services of one protocol and version')
    const { opensPerSecond, opensBurst } = this.#limits
    this.#rate = new RateLimit({ perSecond: opensPerSecond, burst: opensBurst }, this.#clock.nowMs())
    this.#nextId = firstId
  }

  get stats(): { readonly opened: number; readonly accepted: number; readonly bufferedBytes: number } {
    return { opened: this.#opened.size + this.#unsent.size, accepted: this.#running, bufferedBytes: this.#buffered }
  }

  run<P, T>(protocol: Protocol<P>, body: Body<P, T>): Promise<T> {
    const { openedMax } = this.#limits
    const where = { protocol: protocol.name, state: startOf(protocol.table).name }
    if (this.#isOver) {
      const mismatch = { expected: 'a connection', got: 'one that is closed' }
      return Promise.reject(new SessionError('DISCONNECTED', where, mismatch))
    }
    if (this.stats.opened >= openedMax || this.#nextId > SESSION_ID_MAX) {
      const mismatch = { expected: `at most ${openedMax} sessions`, got: 'one more' }
      return Promise.reject(new SessionError('LIMIT', where, mismatch))
    }
    const pipe = new MuxPipe(this, protocol, undefined)
    this.#unsent.add(pipe)
    return conduct<P, T>(new Session({ protocol, role: 'client', pipe, clock: this.#clock }), body)
  }

  shut(what: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.closed({ code: 'DISCONNECTED', what })
    this.#pipe.close()
  }

  sendFrame(frame: Uint8Array): SendOutcome {
    if (this.#isOver) return 'lost'
    const outcome = this.#pipe.send(frame)
    if (outcome === 'wait') this.isCongested = true
    return outcome
  }

  sendAside(frame: Uint8Array): SendOutcome {
    if (this.isCongested && (this.#aside += 1) > ASIDE_MAX) return 'lost'
    return this.sendFrame(frame)
  }

  opened(pipe: MuxPipe): number {
    const id = this.#nextId
    this.#nextId += 1
    this.#unsent.delete(pipe)
    this.#opened.set(id, pipe)
    return id
  }

  charge(bytes: number): boolean {
    if (bytes > 0 && this.#buffered + bytes > this.#limits.bufferedBytesMax) return false
    if (this.#options.budget?.charge(bytes) === false) return false
    this.#buffered += bytes
    return true
  }

  forget(pipe: MuxPipe): void {
    if (pipe.id === undefined) this.#unsent.delete(pipe)
    else (pipe.role === 'client' ? this.#opened : this.#accepted).delete(pipe.id)
  }

  message(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.#pipe.consumed(bytes.length)
    const frame = readFrame(bytes)
    if (typeof frame === 'string') this.#broken(frame)
    else if (frame.kind === 'open') this.#onOpen(frame, bytes)
    else this.#onFrame(frame, bytes)
  }

  drain(): void {
    this.isCongested = false
    this.#aside = 0
    for (const pipe of this.#all()) {
      if (this.isCongested) return
      pipe.resume()
    }
  }

  closed(end: PipeEnd): void {
    this.isCongested = false
    this.#aside = 0
    for (const pipe of this.#all()) pipe.end(end)
  }

  #all(): readonly MuxPipe[] {
    return [...this.#opened.values(), ...this.#accepted.values(), ...this.#unsent]
  }

  #onFrame(frame: Exclude<Frame, { kind: 'open' }>, bytes: Uint8Array): void {
    const pipe = (frame.fromOpener ? this.#accepted : this.#opened).get(frame.id)
    if (frame.kind === 'credit') pipe?.credited(creditOf(bytes))
    else if (pipe !== undefined) pipe.received(bytes.subarray(HEADER_BYTES))
    else if (bytes[HEADER_BYTES] !== ABORT_TAG) this.#refuse(frame.id, 'UNKNOWN_SESSION', frame.fromOpener)
  }

  #onOpen(frame: Extract<Frame, { kind: 'open' }>, bytes: Uint8Array): void {
    const { id } = frame
    if (id <= this.#lastAccepted) {
      this.#broken(`session ${id} opened after ${this.#lastAccepted}`)
      return
    }
    this.#lastAccepted = id
    const found = this.#services.get(idOf({ id: frame.protocol, version: frame.version }))
    if (!this.#rate.take(this.#clock.nowMs()) || this.#running >= this.#limits.acceptedMax) {
      this.#refuse(id, 'LIMIT', true)
    } else if (found === undefined) {
      this.#refuse(id, 'UNKNOWN_PROTOCOL', true)
    } else if (this.#options.budget?.takeSession() === false) {
      this.#refuse(id, 'LIMIT', true)
    } else {
      this.#accept(found, id, bytes)
    }
  }

  #accept({ protocol, answer }: Service, id: number, bytes: Uint8Array): void {
    const pipe = new MuxPipe(this, protocol, id)
    this.#accepted.set(id, pipe)
    this.#running += 1
    const over = (): void => {
      this.#running -= 1
      this.#options.budget?.giveSession()
    }
    // The body runs up to its first wait, so that the message behind finds it waiting.
    answer(new Session({ protocol, role: 'server', pipe, clock: this.#clock })).then(over, (error: unknown) => {
      over()
      this.#options.onFailure?.(error, protocol)
    })
    if (bytes.length > OPEN_BYTES) pipe.received(bytes.subarray(OPEN_BYTES))
  }

  /** Tells the other side that its session is not served here. */
  #refuse(id: number, code: 'LIMIT' | 'UNKNOWN_PROTOCOL' | 'UNKNOWN_SESSION', fromOpener: boolean): void {
    const frame = abortMessage(code, '', this.headroom + HEADER_BYTES)
    writeHeader(frame, this.headroom, fromOpener ? FRAME.dataFromAcceptor : FRAME.dataFromOpener, id)
    this.sendAside(frame)
  }

  #broken(what: string): void {
    this.shut(`broken framing: ${what}`)
    this.#options.onBroken?.(what)
  }
}
