// One session: a place in the state table, a pipe, and at most one waiting receive and one waiting send.
//
// The other side is a stranger. Its messages are looked at only when the body asks for them: first the size, then whether
// the tag is legal in the present state, then the body. The first fault ends the session: the peer is told its kind, whoever
// waits gets the error, and the pipe is closed. So nothing a peer does is seen by the body but legal messages in legal order,
// or one SessionError.
//
// Every wait has a deadline, but a timer for each would cost more than the message. A session keeps one timer, armed when
// something first waits and left alone when that ends; when it rings and nothing is due yet, it is armed for what is left.

import type { Clock } from './clock.ts'
import { abortMessage, abortReason } from './abort-message.ts'
import type { AbortCode } from './abort-message.ts'
import type { Pipe, PipeEnd, PipeEvents } from './pipe.ts'
import type { AnyProtocol } from './protocol.ts'
import { startOf } from './protocol.ts'
import { SessionError } from './session-error.ts'
import type { SessionCode } from './session-error.ts'
import { ABORT_TAG } from './state-table.ts'
import type { Role, State, Transition } from './state-table.ts'
import { earlier, reject, rejected, waitUntil } from './waiting.ts'
import type { Take, Waiting, WaitingReceive, WaitingSend } from './waiting.ts'

/** The machine behind the channels of one session. */
export class Session implements PipeEvents {
  readonly role: Role
  readonly #protocol: AnyProtocol
  readonly #pipe: Pipe
  readonly #clock: Clock
  #state: State
  /** Grows with every operation: a channel is good for the step it was made for. */
  #step = 0
  #inbox: Uint8Array[] = []
  #isBlocked = false
  #receiving: WaitingReceive | undefined
  #sending: WaitingSend | undefined
  #failure: SessionError | undefined
  /** The pipe's end is known, but messages that came before it may be left. */
  #isCut = false
  #isOver = false
  #timerAtMs = Infinity
  #stopTimer: (() => void) | undefined

  constructor(options: {
    readonly protocol: AnyProtocol
    readonly role: Role
    readonly pipe: Pipe
    readonly clock: Clock
  }) {
    this.#protocol = options.protocol
    this.role = options.role
    this.#pipe = options.pipe
    this.#clock = options.clock
    this.#state = startOf(options.protocol.table)
  }

  /** Takes up the pipe. */
  begin(): void {
    this.#pipe.start(this)
    this.#finishAtEnd()
  }

  /** Counts the operations: the present channel is the one made for this step. */
  get step(): number {
    return this.#step
  }

  get state(): State {
    return this.#state
  }

  /** Whether a send would wait for room. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** Whether the protocol's end was reached. */
  get isFinished(): boolean {
    return this.#state.agency === 'nobody'
  }

  /** Marks the channel of this step as used; the error where it was, or where the operation isn't legal here. */
  consume(step: number, agency: State['agency']): SessionError | undefined {
    if (step !== this.#step) {
      return this.#error('CONSUMED', { expected: 'an unused channel', got: 'a second use' })
    }
    if (agency !== this.#state.agency) {
      return this.#error('VIOLATION', { expected: `${this.#state.agency} to act`, got: `an operation of ${agency}` })
    }
    this.#step += 1
    return undefined
  }

  /** Goes along `transition`. */
  advance(transition: Transition): void {
    this.#state = transition.to
    if (transition.to.agency === 'nobody') this.#finishAtEnd()
  }

  /** A fault of our own side's use: named for the present state, the session goes on. */
  refuse(code: 'LIMIT' | 'VIOLATION', expected: string, got: string): Promise<never> {
    return rejected(this.#error(code, { expected, got }))
  }

  /** Sends; resolves to what `done` gives once the pipe took the message. One at a time. */
  transmit<T>(state: State, transition: Transition, value: unknown, done: () => T): Promise<T> {
    if (this.#failure !== undefined) return rejected(this.#failure)
    if (this.#sending !== undefined) {
      return rejected(this.#error('CONSUMED', { expected: 'one send at a time', got: 'another' }))
    }
    const buffer = this.#encoded(transition, value)
    if (buffer instanceof SessionError) return rejected(buffer)
    if (this.#isBlocked) {
      const waiting = this.#wait<T>(state)
      this.#sending = { ...waiting, buffer, state, done }
      return waiting.promise
    }
    const lost = this.#write(buffer)
    return lost === undefined ? Promise.resolve(done()) : rejected(lost)
  }

  /** Receives; resolves to what `take` makes of the next message, if that is legal in `state`. One at a time. */
  receive<T>(state: State, take: Take<T>): Promise<T> {
    if (this.#failure !== undefined && !this.#isCut) return rejected(this.#failure)
    if (this.#receiving !== undefined) {
      return rejected(this.#error('CONSUMED', { expected: 'one receive at a time', got: 'another' }))
    }
    const message = this.#inbox.shift()
    if (message !== undefined) {
      const found = this.#understand(state, message, take)
      return found instanceof SessionError ? rejected(found) : Promise.resolve(found.value)
    }
    if (this.#failure !== undefined) return rejected(this.#failure)
    const waiting = this.#wait<T>(state)
    this.#receiving = { ...waiting, state, take }
    return waiting.promise
  }

  /** Ends the session from this side, and tells the other. The error, for the caller. */
  abort(reason: string): SessionError {
    if (this.#failure !== undefined) return this.#failure
    return this.#fail('ABORTED', { expected: this.#legal(this.#state), got: `this side's abort: ${reason}` }, reason)
  }

  /** What becomes of a session whose body has ended: nothing where it is over, an abort elsewhere. */
  settle(reason: string): SessionError | undefined {
    if (this.isFinished) return undefined
    return this.#failure ?? this.abort(reason)
  }

  message(bytes: Uint8Array): void {
    if (this.#isOver) return
    if (bytes[0] === ABORT_TAG) {
      this.#cut('ABORTED', abortReason(bytes))
      return
    }
    const { bytesMax } = this.#protocol.table
    if (bytes.length > bytesMax) {
      this.#fail('LIMIT', { expected: `at most ${bytesMax} bytes`, got: `${bytes.length}` })
      return
    }
    const waiting = this.#receiving
    if (waiting === undefined) {
      this.#inbox.push(bytes)
      return
    }
    this.#receiving = undefined
    const found = this.#understand(waiting.state, bytes, waiting.take)
    if (found instanceof SessionError) reject(waiting, found)
    else waiting.resolve(found.value)
  }

  drain(): void {
    this.#isBlocked = false
    const waiting = this.#sending
    if (waiting === undefined) return
    this.#sending = undefined
    const lost = this.#write(waiting.buffer)
    if (lost !== undefined) reject(waiting, lost)
    else waiting.resolve(waiting.done())
  }

  closed(end: PipeEnd): void {
    if (this.#isOver) return
    this.#cut(end.code, end.what)
  }

  #wait<T>(state: State): Waiting<T> {
    const deadlineMs = this.#clock.nowMs() + state.timeoutMs
    if (deadlineMs < this.#timerAtMs) this.#arm(deadlineMs)
    return waitUntil(deadlineMs)
  }

  #arm(atMs: number): void {
    this.#stopTimer?.()
    this.#timerAtMs = atMs
    this.#stopTimer = this.#clock.after(Math.max(0, atMs - this.#clock.nowMs()), () => this.#ring())
  }

  #ring(): void {
    this.#stopTimer = undefined
    this.#timerAtMs = Infinity
    const first = earlier(this.#receiving, this.#sending)
    if (first === undefined) return
    if (first.deadlineMs > this.#clock.nowMs()) {
      this.#arm(first.deadlineMs)
      return
    }
    const { state } = first
    const got = `nothing for ${state.timeoutMs} ms`
    this.#fail('TIMEOUT', { expected: first === this.#receiving ? this.#legal(state) : 'room to send', got })
  }

  #encoded(transition: Transition, value: unknown): Uint8Array | SessionError {
    const { codec, tag } = transition
    let body: Uint8Array
    try {
      body = codec.encode(value as never)
    } catch (cause) {
      return this.#fail('ABORTED', { expected: codec.name, got: 'a value that cannot be encoded' }, '', { cause })
    }
    if (body.length > codec.bytesMax) {
      const mismatch = { expected: `${codec.name} of at most ${codec.bytesMax} bytes`, got: `${body.length} to send` }
      return this.#fail('LIMIT', mismatch)
    }
    const { headroom } = this.#pipe
    const buffer = new Uint8Array(headroom + 1 + body.length)
    buffer[headroom] = tag
    buffer.set(body, headroom + 1)
    return buffer
  }

  #write(buffer: Uint8Array): SessionError | undefined {
    const outcome = this.#pipe.send(buffer)
    if (outcome === 'ok') return undefined
    if (outcome === 'lost') {
      const end = { code: 'DISCONNECTED', what: 'the message could not be sent' } as const
      if (!this.#isOver) this.#cut(end.code, end.what)
      return this.#failure ?? this.#error(end.code, { expected: 'a connection', got: end.what })
    }
    this.#isBlocked = true
    return undefined
  }

  #understand<T>(state: State, message: Uint8Array, take: Take<T>): { readonly value: T } | SessionError {
    if (!this.#isCut) this.#pipe.consumed(message.length)
    const tag = message[0]
    const transition = tag === undefined ? undefined : state.transitions[tag - (state.transitions[0]?.tag ?? 0)]
    if (transition === undefined) {
      return this.#fail('VIOLATION', { expected: this.#legal(state), got: this.#named(tag) }, '', { at: state })
    }
    const { codec } = transition
    const size = message.length - 1
    if (size > codec.bytesMax) {
      return this.#fail('LIMIT', { expected: `${codec.name} of at most ${codec.bytesMax} bytes`, got: `${size}` }, '', {
        at: state,
      })
    }
    let refused: unknown
    try {
      const decoded = codec.decode(message.subarray(1))
      if (decoded.ok) return { value: take(transition, decoded.value) }
      refused = decoded.error.message
    } catch (cause) {
      refused = cause instanceof Error ? cause.message : 'a decoder that threw'
    }
    return this.#fail('DECODE', { expected: codec.name, got: String(refused).slice(0, 200) }, '', { at: state })
  }

  #legal(state: State): string {
    if (state.agency === 'nobody') return 'nothing'
    return `${state.transitions.map(({ label }) => label).join(' | ')} of ${state.agency}`
  }

  #named(tag: number | undefined): string {
    if (tag === undefined) return 'an empty message'
    return this.#protocol.table.transitions[tag]?.label ?? `unknown tag ${tag}`
  }

  #error(
    code: SessionCode,
    mismatch: { readonly expected: string; readonly got: string },
    options: ErrorOptions & { readonly at?: State } = {},
  ): SessionError {
    const where = { protocol: this.#protocol.name, state: (options.at ?? this.#state).name }
    return new SessionError(code, where, mismatch, options)
  }

  /** Ends the session with a fault that this side found. The peer is told its code. */
  #fail(
    code: AbortCode,
    mismatch: { readonly expected: string; readonly got: string },
    reason = '',
    options: ErrorOptions & { readonly at?: State } = {},
  ): SessionError {
    const error = this.#error(code, mismatch, options)
    this.#inbox = []
    if (this.#isOver) return error
    // First, since the other side may hang up before `send` returns.
    this.#isOver = true
    this.#pipe.send(abortMessage(code, reason, this.#pipe.headroom))
    this.#end(error)
    return error
  }

  /** The other side ended it. Messages that came before are still good. */
  #cut(code: SessionCode, got: string): void {
    this.#isCut = true
    this.#end(this.#error(code, { expected: this.#legal(this.#state), got }))
  }

  #end(error: SessionError): void {
    this.#isOver = true
    this.#failure = error
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#pipe.close()
    const receiving = this.#receiving
    const sending = this.#sending
    this.#receiving = undefined
    this.#sending = undefined
    if (receiving !== undefined) reject(receiving, error)
    if (sending !== undefined) reject(sending, error)
  }

  #finishAtEnd(): void {
    if (!this.isFinished || this.#isOver) return
    this.#isOver = true
    this.#inbox = []
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#pipe.close()
  }
}
