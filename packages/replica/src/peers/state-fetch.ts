// Receives the database at a certified height from peers: the core says who is asked for what (choam's bootstrap.ts), sessions
// carry it, the SQL writer's thread checks the proof and writes. Nothing is decided here.

import type { BootstrapEffect, BootstrapInput, BootstrapProgress, MemberFault, Verdict } from '@quorate/choam'
import { Bootstrap, BOOTSTRAP_LIMITS } from '@quorate/choam'
import type { Clock } from '@quorate/session-types'
import { SessionError } from '@quorate/session-types'
import type { MemberId, StateAnswer, StateAsk } from '@quorate/types'
import { millis } from '@quorate/types'
import type { StateHeight } from '../sql/state-rows.ts'
import type { SqlWriter } from '../sql/threads.ts'

/** What receiving a database needs. */
export interface StateFetchParts {
  /** Certified: header, and page count by the checkpoint. */
  readonly target: StateHeight
  /** Members that may lie. */
  readonly faultyMax: number
  readonly database: Pick<SqlWriter, 'receive' | 'take' | 'finish'>
  /** Asks a peer; see `Conversations.fetchState`. */
  readonly fetch: (to: MemberId, ask: StateAsk) => Promise<StateAnswer>
  readonly clock: Clock
  /** A member answered what is not certified, or kept an answer back. `why` tells what was wrong with the answer. */
  readonly onFault: (member: MemberId, fault: MemberFault, why: string) => void
  /** More members than may lie have not got the target any more. */
  readonly onStale: () => void
}

/** How a peer fails to answer in a way that no honest one does. */
const WRONG: ReadonlySet<string> = new Set(['VIOLATION', 'DECODE'])

/** One reception. */
export class StateFetch {
  readonly #parts: StateFetchParts
  readonly #ended: Promise<'whole' | 'stopped'>
  #end: (how: 'whole' | 'stopped') => void = () => undefined
  #fail: (error: unknown) => void = () => undefined
  #core: Bootstrap | undefined
  #peers: readonly MemberId[] = []
  /** Why the last wrong answer of a member was wrong. */
  readonly #why = new Map<MemberId, string>()
  #callOff: () => void = () => undefined
  #hasEnded = false

  constructor(parts: StateFetchParts) {
    this.#parts = parts
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
  }

  /**
   * Resolves to `whole` once the database is the target's and blocks can go on from it, or to `stopped`. Rejects only for local
   * trouble. What arrived stays in any case, for the next run.
   */
  async run(): Promise<'whole' | 'stopped'> {
    const { database, target, faultyMax } = this.#parts
    const { isBlank } = await database.receive(target)
    this.#core = new Bootstrap({ target, isBlank, faultyMax, limits: BOOTSTRAP_LIMITS })
    this.#feed({ kind: 'peers', peers: this.#peers })
    return this.#ended
  }

  /** The members that can be reached now. */
  reachable(peers: readonly MemberId[]): void {
    this.#peers = peers
    this.#feed({ kind: 'peers', peers })
  }

  /** Undefined until the database on disk was looked at. */
  progress(): BootstrapProgress | undefined {
    return this.#core?.progress()
  }

  /** Gives up; nothing is asked or written afterwards. */
  stop(): void {
    this.#close()
    this.#end('stopped')
  }

  #feed(input: BootstrapInput): void {
    if (this.#hasEnded || this.#core === undefined) return
    const { clock } = this.#parts
    const nowMs = millis(Math.floor(clock.nowMs()))
    for (const effect of this.#core.handle(input, nowMs)) this.#carry(effect)
    this.#callOff()
    const wakeAt = this.#core.wakeAt()
    if (wakeAt === undefined || this.#hasEnded) return
    this.#callOff = clock.after(Math.max(0, wakeAt - nowMs), () => this.#feed({ kind: 'time' }))
  }

  #carry(effect: BootstrapEffect): void {
    switch (effect.kind) {
      case 'ask':
        this.#ask(effect).catch((error: unknown) => {
          this.#close()
          this.#fail(error)
        })
        return
      case 'fault':
        return this.#parts.onFault(effect.member, effect.fault, this.#why.get(effect.member) ?? 'no answer in time')
      case 'stale':
        return this.#parts.onStale()
      case 'whole':
        this.#close()
        this.#parts.database.finish().then(() => this.#end('whole'), this.#fail)
        return
    }
  }

  async #ask({ id, to, ask }: Extract<BootstrapEffect, { kind: 'ask' }>): Promise<void> {
    const answer = await this.#parts.fetch(to, ask).catch((error: unknown) => this.#unanswered(to, error))
    if (this.#hasEnded) return
    const verdict = 'verdict' in answer ? answer.verdict : await this.#judge(to, ask, answer)
    this.#feed({ kind: 'answer', id, verdict })
  }

  #unanswered(from: MemberId, error: unknown): { readonly verdict: Verdict } {
    if (!(error instanceof SessionError)) throw error
    if (!WRONG.has(error.code)) return { verdict: { kind: 'failed' } }
    this.#why.set(from, `${error.code}: ${error.message}`)
    return { verdict: { kind: 'wrong' } }
  }

  async #judge(from: MemberId, ask: StateAsk, answer: StateAnswer): Promise<Verdict> {
    if (answer.kind === 'refused') {
      this.#why.set(from, `refused as ${answer.code}`)
      return answer
    }
    const taken = await this.#parts.database.take(ask, answer)
    if (taken.ok) return taken.value
    this.#why.set(from, `${taken.error.code}: ${taken.error.message}`)
    return { kind: 'wrong' }
  }

  #close(): void {
    this.#hasEnded = true
    this.#callOff()
  }
}
