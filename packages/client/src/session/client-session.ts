// The client session: the machine of core.ts with a clock, fetch and promises around it. Nothing is decided here.

import { ClientError } from '../client-error.ts'
import type { Fetch } from '../http.ts'
import { exchange, exchangeUntil, parseJson } from '../http.ts'
import { newTransactionId } from '../new-id.ts'
import type { Statement } from '../statement.ts'
import { printStatement } from '../statement.ts'
import { parseStatus } from '../status.ts'
import type { Ending, SessionEffect, SessionInput, SessionLimits } from './core.ts'
import { SESSION_LIMITS, SessionCore } from './core.ts'
import { judge, outcomeIn } from './judge.ts'
import { plainUrl, usableUrls } from './learn.ts'
import type { SubmitOutcome } from './outcome.ts'

/** Time as a session sees it; tests give their own. */
export interface SessionClock {
  /** Never goes back. */
  nowMs(): number
  /** Calls `ring` once after `ms`; gives what stops it. */
  after(ms: number, ring: () => void): () => void
}

/** How a session behaves. */
export interface ClientSessionOptions {
  /** Base URLs of replicas; at least one. */
  readonly urls: readonly string[]
  /** Whether to ask them for the other members, and send to those too. */
  readonly learn?: boolean
  readonly limits?: Partial<SessionLimits>
  /** Time for a transaction, attempts and waits included, unless `submit` says otherwise. */
  readonly deadlineMs?: number
  /** For tests. */
  readonly fetch?: Fetch
  readonly clock?: SessionClock
  readonly random?: () => number
}

/** How one transaction is submitted. */
export interface SubmitOptions {
  /** Made by the caller, where it must outlive this process; see `prepare`. */
  readonly id?: string
  readonly deadlineMs?: number
  /** Gives up waiting. What was sent may still be executed: the outcome is `unknown` then. */
  readonly signal?: AbortSignal
}

/** Most bytes of an answer to a transaction: what a gateway sends at most, and some more. */
export const SUBMIT_ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** A transaction with its id, as it is sent, however often. Store it before `submit` where it must survive this process. */
export interface Prepared {
  readonly id: string
  /** The request's body. */
  readonly body: string
  /** How many results to expect. */
  readonly statements: number
}

/** Counts and gauges of a session. */
export interface SessionMetrics {
  /** Requests under way. */
  readonly inFlight: number
  /** Transactions that wait to be sent, or sent again. */
  readonly waiting: number
  /** Requests that may be under way: the members' windows together. */
  readonly limit: number
  /** Attempts beyond each transaction's first. */
  readonly retries: number
  /** Transactions by what became of them. */
  readonly outcomes: Readonly<Record<SubmitOutcome['kind'], number>>
  readonly members: readonly {
    readonly url: string
    readonly inFlight: number
    readonly limit: number
    readonly isResting: boolean
  }[]
}

/** Transactions of unknown outcome that are kept for `resolve`, and their bodies' characters; of more, the oldest go. */
export const UNKNOWN_KEPT_MAX = 10_000
export const UNKNOWN_KEPT_CHARS_MAX = 64 * 1024 * 1024
/** Characters of the bodies that wait or are under way; one more is refused, unless it is the only one. */
export const PENDING_CHARS_MAX = 256 * 1024 * 1024
const DEADLINE_MS = 60_000
const FULL_WAIT_MS = 250
const LEARN_EVERY_MS = 30_000
const LEARN_MS_MAX = 5000
/** Between rounds of looking an id up. */
const LOOK_PAUSE_MS = 250
const LOOK_MS_MAX = 5000

/** The longest that a timer of the machine waits; the alarm is set again then. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The machine's. */
export const SYSTEM_CLOCK: SessionClock = {
  nowMs: () => performance.now(),
  after: (ms, ring) => {
    const timer = setTimeout(ring, Math.min(Math.max(0, Math.ceil(ms)), TIMER_MS_MAX))
    return () => clearTimeout(timer)
  },
}

interface Pending {
  readonly prepared: Prepared
  readonly outcome: Promise<SubmitOutcome>
  readonly resolve: (outcome: SubmitOutcome) => void
}

/** Writes to one ledger through any of its members. Keeps no timer while nothing is under way, and needs no closing. */
export class ClientSession {
  readonly #given: readonly string[]
  readonly #named: (readonly string[] | undefined)[] = []
  readonly #learns: boolean
  readonly #deadlineMs: number
  readonly #fetch: Fetch
  readonly #clock: SessionClock
  readonly #core: SessionCore
  readonly #pending = new Map<string, Pending>()
  readonly #aborts = new Map<number, AbortController>()
  #pendingChars = 0
  readonly #unknown = new Map<string, Prepared>()
  #unknownChars = 0
  readonly #outcomes = { executed: 0, rejected: 0, overloaded: 0, unknown: 0 }
  #learnedMs: number | undefined
  #stopAlarm: (() => void) | undefined

  constructor(options: ClientSessionOptions) {
    if (options.urls.length === 0) throw new ClientError('USAGE', 'a session needs the URL of at least one replica')
    this.#given = [...new Set(options.urls.map(plainUrl))]
    this.#learns = options.learn ?? false
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS
    this.#fetch = options.fetch ?? fetch
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#core = new SessionCore({ ...SESSION_LIMITS, ...options.limits }, options.random ?? Math.random)
    this.#feed({ kind: 'members', urls: this.#given })
  }

  /** Makes a transaction: its id, and the bytes that every attempt sends. */
  prepare(statements: readonly Statement[], id: string = newTransactionId()): Prepared {
    const list = statements.map(printStatement).join(',')
    return {
      id,
      body: `{"idempotencyKey":${JSON.stringify(id)},"statements":[${list}]}`,
      statements: statements.length,
    }
  }

  /**
   * Executes all `statements` in one transaction, or none, exactly once. Sends again, to other members, until the outcome
   * is known or the deadline passes. Never rejects: every end is an outcome.
   */
  submit(transaction: readonly Statement[] | Prepared, options: SubmitOptions = {}): Promise<SubmitOutcome> {
    const prepared = 'body' in transaction ? transaction : this.prepare(transaction, options.id)
    const { id } = prepared
    const under = this.#pending.get(id)
    if (under !== undefined) {
      if (under.prepared.body === prepared.body) return under.outcome
      const reason = 'this id is under way for another transaction'
      return Promise.resolve({ kind: 'rejected', id, code: 'ID_REUSED', reason, height: undefined })
    }
    const { signal } = options
    if (signal?.aborted === true) {
      const reason = 'given up by its caller before it was sent'
      return Promise.resolve({ kind: 'rejected', id, code: 'WITHDRAWN', reason, height: undefined })
    }
    const chars = this.#pendingChars + prepared.body.length
    if (chars > PENDING_CHARS_MAX && this.#pending.size > 0) {
      this.#outcomes.overloaded += 1
      const reason = `${chars} characters of transactions in this session, at most ${PENDING_CHARS_MAX}`
      return Promise.resolve({ kind: 'overloaded', id, code: 'OVERLOADED', reason, retryAfterMs: FULL_WAIT_MS })
    }
    this.#pendingChars = chars
    this.#learn()
    const { promise: outcome, resolve } = Promise.withResolvers<SubmitOutcome>()
    this.#pending.set(id, { prepared, outcome, resolve })
    const withdraw = (): void => this.#feed({ kind: 'withdraw', key: id })
    this.#feed({ kind: 'submit', key: id, deadlineMs: this.#clock.nowMs() + (options.deadlineMs ?? this.#deadlineMs) })
    signal?.addEventListener('abort', withdraw, { once: true })
    void outcome.then(() => signal?.removeEventListener('abort', withdraw))
    return outcome
  }

  /**
   * The outcome of a transaction that was `unknown`. Where this session sent it, its bytes are sent again until its
   * outcome is known: so it is executed now if it wasn't. Of any other id, the ledger's members are asked what they
   * know: one that never was, or isn't yet, stays `unknown`.
   */
  async resolve(id: string, options: Omit<SubmitOptions, 'id'> = {}): Promise<SubmitOutcome> {
    const prepared = this.#unknown.get(id)
    const under = this.#pending.get(id)
    if (under !== undefined) return under.outcome
    return prepared === undefined ? this.#lookUp(id, options) : this.submit(prepared, options)
  }

  /** What is under way, and what became of the rest. */
  get metrics(): SessionMetrics {
    const now = this.#clock.nowMs()
    const members = this.#core.members.map(({ url, inFlight, limit, restUntilMs }) => {
      return { url, inFlight, limit, isResting: restUntilMs > now }
    })
    return {
      inFlight: this.#core.inFlight,
      waiting: this.#core.waiting,
      limit: members.reduce((sum, member) => sum + member.limit, 0),
      retries: this.#core.retries,
      outcomes: { ...this.#outcomes },
      members,
    }
  }

  #feed(input: SessionInput): void {
    for (const effect of this.#core.handle(input, this.#clock.nowMs())) this.#carryOut(effect)
    this.#stopAlarm?.()
    const atMs = this.#core.wakeAt()
    this.#stopAlarm =
      atMs === undefined ? undefined : this.#clock.after(atMs - this.#clock.nowMs(), () => this.#feed({ kind: 'tick' }))
  }

  #carryOut(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'send':
        void this.#attempt(effect)
        return
      case 'cancel':
        this.#aborts.get(effect.attempt)?.abort()
        this.#aborts.delete(effect.attempt)
        return
      case 'settle':
        this.#settle(effect.key, effect.ending)
        return
    }
  }

  async #attempt({ attempt, key, url }: SessionEffect & { readonly kind: 'send' }): Promise<void> {
    const prepared = this.#pending.get(key)?.prepared
    if (prepared === undefined) return
    const abort = new AbortController()
    this.#aborts.set(attempt, abort)
    const ask = { method: 'POST', path: '/v1/transactions', body: prepared.body } as const
    const answer = await exchangeUntil(this.#fetch, url, ask, abort.signal, SUBMIT_ANSWER_BYTES_MAX)
    // Cancelled: the machine has its verdict already.
    if (!this.#aborts.delete(attempt)) return
    this.#feed({ kind: 'answered', attempt, verdict: judge(key, prepared.statements, answer) })
  }

  #settle(id: string, ending: Ending): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#pendingChars -= pending.prepared.body.length
    const outcome = outcomeOf(id, ending)
    this.#outcomes[outcome.kind] += 1
    this.#forget(id)
    if (outcome.kind === 'unknown') this.#keep(pending.prepared)
    pending.resolve(outcome)
  }

  #keep(prepared: Prepared): void {
    this.#unknown.set(prepared.id, prepared)
    this.#unknownChars += prepared.body.length
    for (const oldest of this.#unknown.keys()) {
      if (this.#unknown.size <= UNKNOWN_KEPT_MAX && this.#unknownChars <= UNKNOWN_KEPT_CHARS_MAX) return
      this.#forget(oldest)
    }
  }

  #forget(id: string): void {
    this.#unknownChars -= this.#unknown.get(id)?.body.length ?? 0
    this.#unknown.delete(id)
  }

  async #lookUp(id: string, { deadlineMs = this.#deadlineMs, signal }: SubmitOptions): Promise<SubmitOutcome> {
    const endMs = this.#clock.nowMs() + deadlineMs
    const path = `/v1/tx/${encodeURIComponent(id)}/outcome`
    let failure = { code: 'NOT_FOUND', reason: 'nobody was asked' }
    while (this.#clock.nowMs() < endMs && signal?.aborted !== true) {
      for (const { url } of this.#core.members) {
        const answer = await exchange(this.#fetch, url, { method: 'GET', path }, LOOK_MS_MAX)
        const outcome = answer.kind === 'answer' ? outcomeIn(id, answer) : undefined
        if (outcome?.kind === 'executed' || outcome?.height !== undefined) return outcome
        if (answer.kind === 'none') failure = { code: 'UNREACHABLE', reason: answer.message }
        else if (outcome !== undefined) failure = { code: outcome.code, reason: `${url}: ${outcome.reason}` }
      }
      await new Promise<void>((resolve) => void this.#clock.after(LOOK_PAUSE_MS, resolve))
    }
    return { kind: 'unknown', id, ...failure }
  }

  /** Asks the given members for the others, now and then while transactions are submitted. */
  #learn(): void {
    const now = this.#clock.nowMs()
    if (!this.#learns || (this.#learnedMs !== undefined && now - this.#learnedMs < LEARN_EVERY_MS)) return
    this.#learnedMs = now
    for (const [at, url] of this.#given.entries()) void this.#learnFrom(at, url)
  }

  async #learnFrom(at: number, url: string): Promise<void> {
    const answer = await exchange(this.#fetch, url, { method: 'GET', path: '/v1/status' }, LEARN_MS_MAX)
    const status = answer.kind === 'answer' ? parseStatus(parseJson(answer.text)) : undefined
    if (status === undefined) return
    this.#named[at] = status.peers.map((peer) => peer.http).filter((http) => http !== '')
    this.#feed({ kind: 'members', urls: usableUrls(this.#given, this.#named) })
  }
}

function outcomeOf(id: string, ending: Ending): SubmitOutcome {
  switch (ending.kind) {
    case 'final':
      return ending.outcome
    case 'withdrawn':
      return { kind: 'rejected', id, code: ending.code, reason: ending.reason, height: undefined }
    case 'overloaded':
      return { kind: 'overloaded', id, code: ending.code, reason: ending.reason, retryAfterMs: ending.retryAfterMs }
    case 'unknown':
      return { kind: 'unknown', id, code: ending.code, reason: ending.reason }
  }
}
