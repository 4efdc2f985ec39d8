// The interactive transactions that are open on a simulated machine, as the threads that read keep them. They end with the process,
// and what their clients ask after that nobody answers. The seed of a transaction is drawn from the run, not from the machine that
// simulates: it travels with what is ordered, and the same seed must give the same run.

import { utf8 } from '@quorate/kernel'
import type { ReaderReply, ReaderRequest } from '@quorate/replica/host'
import type { Session } from '@quorate/sql-state'
import type { Digest } from '@quorate/types'
import { hashOf } from '@quorate/types'
import type { SimDatabase } from './database.ts'
import type { Random } from './random.ts'

/** Interactive transactions of one process at once. */
const SESSIONS_MAX = 64

type SessionRequest = Exclude<ReaderRequest, { readonly kind: 'read' }>

export class SimSessions {
  readonly #database: SimDatabase
  readonly #random: Random
  readonly #open = new Map<number, Session>()
  #next = 0
  #isOver = false

  constructor(database: SimDatabase, random: Random) {
    this.#database = database
    this.#random = random
  }

  /** A number for a new session. */
  newSession(): number {
    this.#next += 1
    return this.#next
  }

  /** Answers as the thread of the session does: what a lost session recorded is not "nothing", so asking for that rejects. */
  async inSession(request: SessionRequest): Promise<ReaderReply> {
    if (this.#isOver) return new Promise(() => undefined)
    try {
      const reply = this.#handle(request)
      if (reply.kind === 'failed' && request.kind === 'recording') throw new Error(reply.message)
      return reply
    } catch (error) {
      this.#close(request.session)
      if (request.kind === 'recording') throw error
      return { kind: 'failed', message: String(error) }
    }
  }

  /** The process ends. */
  end(): void {
    this.#isOver = true
    for (const session of this.#open.keys()) this.#close(session)
  }

  #handle(request: SessionRequest): ReaderReply {
    if (request.kind === 'open') return this.#begin(request)
    if (request.kind === 'close') return this.#close(request.session)
    const session = this.#open.get(request.session)
    if (session === undefined) return { kind: 'failed', message: `no session ${request.session}` }
    switch (request.kind) {
      case 'step': {
        const step = session.step(request.statement)
        if (step.kind === 'closed') this.#close(request.session)
        return { kind: 'stepped', step, open: step.kind === 'open' }
      }
      case 'describe':
        return { kind: 'described', reply: session.describe(request.sql) }
      case 'recording':
        return { kind: 'recorded', recording: session.recording() }
    }
  }

  #begin({ session, height, isReadonly }: SessionRequest & { kind: 'open' }): ReaderReply {
    if (this.#open.size >= SESSIONS_MAX)
      return { kind: 'failed', message: `more than ${SESSIONS_MAX} interactive transactions` }
    const opened = this.#database.session(height, { seed: this.#seed(), isReadonly })
    if (opened === undefined) return { kind: 'gone' }
    this.#open.set(session, opened)
    return { kind: 'opened' }
  }

  #seed(): Digest {
    return hashOf('seed', utf8(`${this.#random.unit()} ${this.#random.unit()}`))
  }

  #close(number: number): ReaderReply {
    this.#open.get(number)?.close()
    this.#open.delete(number)
    return { kind: 'closed' }
  }
}
