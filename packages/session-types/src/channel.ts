import { Finished } from './chan.ts'
import type { Received } from './chan.ts'
import { otherRole } from './protocol.ts'
import type { Session } from './session.ts'
import type { Transition } from './state-table.ts'
import { rejected } from './waiting.ts'

/** What a `Chan` is at run time: all operations, each good only where the types offer it. */
export class Channel {
  readonly #session: Session
  readonly #step: number

  /** For the session's present step. */
  constructor(session: Session) {
    this.#session = session
    this.#step = session.step
  }

  get state(): string {
    return this.#session.state.name
  }

  send(value: unknown): Promise<Channel> {
    return this.#transmit(this.#session.state.transitions[0], value)
  }

  select(label: string, value: unknown): Promise<Channel> {
    return this.#transmit(
      this.#session.state.transitions.find((each) => each.label === label),
      value,
    )
  }

  recv(): Promise<Received<string, unknown, Channel>> {
    const session = this.#session
    const refused = session.consume(this.#step, otherRole(session.role))
    if (refused !== undefined) return rejected(refused)
    return session.receive(session.state, (transition, value) => {
      session.advance(transition)
      return { label: transition.label, value, chan: new Channel(session) }
    })
  }

  offer(): Promise<Received<string, unknown, Channel>> {
    return this.recv()
  }

  close<T>(value: T): Finished<T> {
    const refused = this.#session.consume(this.#step, 'nobody')
    if (refused !== undefined) throw refused
    return new Finished(value)
  }

  abort(reason: string): never {
    throw this.#session.abort(reason)
  }

  /** Consumes the channel and gives its session, for what operates on it in other ways. Throws `CONSUMED`. */
  handOver(): Session {
    const session = this.#session
    const refused = session.consume(this.#step, session.role)
    if (refused !== undefined) throw refused
    return session
  }

  #transmit(transition: Transition | undefined, value: unknown): Promise<Channel> {
    const session = this.#session
    const refused = session.consume(this.#step, session.role)
    if (refused !== undefined) return rejected(refused)
    if (transition === undefined) return rejected(session.abort('no such branch'))
    return session.transmit(session.state, transition, value, () => {
      session.advance(transition)
      return new Channel(session)
    })
  }
}
