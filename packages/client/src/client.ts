// The client of a ledger over HTTP. It talks to any replica and moves on to the next when one doesn't answer.
//
// Exactly once. A client that sends a write and hears nothing can't know whether it stands. So every write has an id
// that the client makes *before* it sends, and the ledger executes an id once: sending the same id and statements again
// gives the first outcome. Its session does so by itself (session/core.ts). Only a process that dies in between could
// forget the id; one that must not do a thing twice stores id and statements durably first, and on restart submits what
// is stored and not yet answered. The ledger remembers an id for a while (a day unless its gateways say otherwise).

import type { BackOff } from './back-off.ts'
import { waitMs } from './back-off.ts'
import { ClientError } from './client-error.ts'
import type { ChangeEntry, LogEntry } from './feed/entry.ts'
import { parseChange, parseLog } from './feed/entry.ts'
import type { FollowOptions, FollowParts } from './feed/follow.ts'
import { Follower } from './feed/follow.ts'
import type { Answer, Ask, Fetch } from './http.ts'
import { errorIn, exchange, parseJson, wishOf } from './http.ts'
import type { Argument, Placed, Rows, Statement } from './statement.ts'
import { parsePlaced, printStatement } from './statement.ts'
import type { ReadLevel } from './read-level.ts'
import { printReadLevel } from './read-level.ts'
import type { Membership } from './members.ts'
import { parseMembership } from './members.ts'
import type { Ordered } from './order.ts'
import { parseOrdered } from './order.ts'
import { parseProof, printReceiptFile } from './receipt-file.ts'
import { ClientSession, SYSTEM_CLOCK } from './session/client-session.ts'
import type { SessionClock, SubmitOptions } from './session/client-session.ts'
import type { LedgerStatus } from './status.ts'
import { parseStatus } from './status.ts'
import { Stream } from './stream.ts'

/** How a client behaves. */
export interface ClientOptions {
  /** Base URLs of replicas, the preferred first. */
  readonly urls: readonly string[]
  /** Whether writes go to members too that these replicas name. */
  readonly learn?: boolean
  /** Longest wait for one answer, and longest silence of a feed. */
  readonly timeoutMs?: number
  /** Most attempts of one request, the first included. */
  readonly attemptsMax?: number
  /** Longest time for one write, all its attempts and waits included. */
  readonly deadlineMs?: number
  readonly backOff?: BackOff
  /** For tests. */
  readonly fetch?: Fetch
  readonly clock?: SessionClock
  readonly random?: () => number
}

/** A write that stands in the ledger: durable, executed, certified by a quorum. */
export interface Submitted {
  readonly id: string
  /** Height of its block: a token for reads `at-least` this height. */
  readonly height: number
  /** Position in the block, from 0. */
  readonly position: number
  /** The id stood in the ledger before; this is its first outcome. */
  readonly duplicate: boolean
  readonly results: readonly Rows[]
}

/** An answered read. */
export interface Queried extends Rows {
  /** Height of the state that was read. */
  readonly height: number
}

/** How to follow changes. */
export interface ChangesOptions extends FollowOptions {
  /** Only these tables; without it all. */
  readonly tables?: readonly string[]
}

/** How to follow the log. */
export interface LogOptions extends FollowOptions {
  /** Whether entries say what the transactions say. */
  readonly statements?: boolean
}

/** Refusals of a read that another replica, or the same one later, may answer. */
const TRY_AGAIN: ReadonlySet<string> = new Set([
  'BLOCK_FULL',
  'OVERLOADED',
  'NOT_READY',
  'TIMEOUT',
  'HTTP_502',
  'HTTP_503',
  'HTTP_504',
])

/** Codes that leave open whether what was sent has been done. */
const LEAVES_OPEN: ReadonlySet<string> = new Set(['UNREACHABLE', 'TIMEOUT', 'HTTP_502', 'HTTP_503', 'HTTP_504'])

type Whole = Extract<Answer, { readonly kind: 'answer' }>

/** What one attempt came to. */
type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: ClientError }
  | { readonly kind: 'again'; readonly error: ClientError; readonly wishMs: number }

/** A client of one ledger. Holds no connection of its own and needs no closing. */
export class Client {
  readonly #urls: readonly string[]
  readonly #timeoutMs: number
  readonly #attemptsMax: number
  readonly #backOff: BackOff
  readonly #fetch: Fetch
  readonly #clock: SessionClock
  readonly #random: () => number
  /** What writes go through: for many at once, outcomes as values, ids kept and resolved. */
  readonly session: ClientSession
  #preferred = 0

  constructor(options: ClientOptions) {
    if (options.urls.length === 0) throw new ClientError('USAGE', 'a client needs the URL of at least one replica')
    this.#urls = options.urls
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#attemptsMax = options.attemptsMax ?? 8
    this.#backOff = options.backOff ?? { firstMs: 100, mostMs: 5000 }
    this.#fetch = options.fetch ?? fetch
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#random = options.random ?? Math.random
    const { urls, learn, attemptsMax, timeoutMs, backOff, deadlineMs } = options
    this.session = new ClientSession({
      urls,
      learn: learn ?? false,
      limits: {
        ...(attemptsMax === undefined ? {} : { attemptsMax }),
        ...(timeoutMs === undefined ? {} : { attemptMs: timeoutMs }),
        ...(backOff === undefined ? {} : { backOff }),
      },
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      fetch: this.#fetch,
      clock: this.#clock,
      random: this.#random,
    })
  }

  /** URL of the replica that is asked first. */
  get url(): string {
    return this.#urls[this.#preferred % this.#urls.length] ?? ''
  }

  /**
   * Writes: all `statements` in one ledger transaction, or none. Repeats with the same id until the outcome is known.
   * `session.submit` is the same with the outcome as a value.
   * @throws ClientError with the SQL error's code; ID_REUSED; OUTCOME_UNKNOWN (submit again with the same id);
   * UNREACHABLE, OVERLOADED, ... where nothing was done
   */
  async submit(statements: readonly Statement[], options: SubmitOptions = {}): Promise<Submitted> {
    const outcome = await this.session.submit(statements, options)
    switch (outcome.kind) {
      case 'executed': {
        const { id, height, position, duplicate, results } = outcome
        return { id, height, position, duplicate, results }
      }
      case 'unknown':
        throw new ClientError('OUTCOME_UNKNOWN', `${outcome.code}: ${outcome.reason}`, outcome.id)
      case 'rejected':
      case 'overloaded':
        throw new ClientError(outcome.code, outcome.reason, outcome.id)
    }
  }

  /**
   * Reads. `local` asks nobody else and may be behind; `linearizable` sees everything acknowledged anywhere before it
   * began; `at-least` a height reads your own writes on any replica; `as-of` a height reads the past.
   * @throws ClientError with the SQL error's code; SQLITE_READONLY for a statement that writes; UNREACHABLE
   */
  async query(
    sql: string,
    args: readonly Argument[] | Readonly<Record<string, Argument>> = [],
    options: { readonly level?: ReadLevel } = {},
  ): Promise<Queried> {
    const headers = { 'quorate-read': printReadLevel(options.level ?? { kind: 'linearizable' }) }
    const ask: Ask = { method: 'POST', path: '/v1/query', headers, body: printStatement({ sql, args }) }
    const { height, results } = await this.#post(ask)
    const [rows] = results
    if (rows === undefined) throw new ClientError('BAD_ANSWER', 'no result')
    return { ...rows, height }
  }

  /**
   * Opens a stream: statements one after the other on one connection, BEGIN to COMMIT across requests. Nothing is
   * repeated.
   */
  stream(): Stream {
    return new Stream({ url: this.url, fetch: this.#fetch, timeoutMs: this.#timeoutMs })
  }

  /**
   * Follows which rows change, in the ledger's order, as it becomes final, going on with another replica where one fails:
   * no entry is missing, none comes twice. Each block ends with an entry of kind `block`. Goes on until it is left, or
   * `signal` ends it. @throws ClientError HEIGHT_GONE where no replica keeps the position any more; POSITION_INVALID,
   * TABLES_INVALID, BAD_ANSWER
   */
  changes(options: ChangesOptions = {}): AsyncGenerator<ChangeEntry, void, undefined> {
    const { tables } = options
    const query = tables === undefined ? '' : `?tables=${tables.map(encodeURIComponent).join(',')}`
    return new Follower(this.#followParts(), `/v1/changes${query}`, parseChange, options).entries()
  }

  /** Follows the ledger's transactions and blocks likewise. @throws ClientError as `changes` does */
  log(options: LogOptions = {}): AsyncGenerator<LogEntry, void, undefined> {
    const query = options.statements === true ? '?statements=1' : ''
    return new Follower(this.#followParts(), `/v1/log${query}`, parseLog, options).entries()
  }

  #followParts(): FollowParts {
    return {
      urls: this.#urls,
      fetch: this.#fetch,
      clock: this.#clock,
      random: this.#random,
      backOff: this.#backOff,
      silenceMs: this.#timeoutMs,
    }
  }

  /** The replica's state. @throws ClientError UNREACHABLE, BAD_ANSWER */
  async status(): Promise<LedgerStatus> {
    const status = parseStatus(parseJson(await this.#get('/v1/status')))
    if (status === undefined) throw new ClientError('BAD_ANSWER', '/v1/status answered something else')
    return status
  }

  /** The members and the open proposals. @throws ClientError UNREACHABLE, BAD_ANSWER, or REST's code */
  async members(options: { readonly level?: ReadLevel } = {}): Promise<Membership> {
    const level = printReadLevel(options.level ?? { kind: 'linearizable' })
    const membership = parseMembership(parseJson(await this.#get(`/v1/members?read=${level}`)))
    if (membership === undefined) throw new ClientError('BAD_ANSWER', '/v1/members answered something else')
    return membership
  }

  /**
   * Brings a member's order to the ledger. Repeated with the same bytes until its outcome is known: it works once.
   * @param transaction - As `signOrder` made it, under `id`.
   * @throws ClientError with the rule that forbids it (NOT_A_MEMBER, BAD_SIGNATURE, ALREADY_APPROVED, ...);
   * OUTCOME_UNKNOWN (bring the same bytes again)
   */
  async order(id: string, transaction: Uint8Array): Promise<Ordered> {
    const body = JSON.stringify({ transaction: Buffer.from(transaction).toString('base64') })
    let placed: Placed
    try {
      placed = await this.#post({ method: 'POST', path: '/v1/governance', body })
    } catch (error) {
      if (!(error instanceof ClientError) || !LEAVES_OPEN.has(error.code)) throw error
      throw new ClientError('OUTCOME_UNKNOWN', `${error.code}: ${error.message}`, id)
    }
    const ordered = parseOrdered(id, placed)
    if (ordered === undefined) throw new ClientError('BAD_ANSWER', '/v1/governance answered something else', id)
    return ordered
  }

  /** A block's header and transactions, as REST gives them. @throws ClientError with REST's code where there is none */
  async block(height: number): Promise<unknown> {
    return parseJson(await this.#get(`/v1/blocks/${height}`))
  }

  /** A transaction's place and outcome, as REST gives them. @throws ClientError with REST's code where there is none */
  async transaction(id: string): Promise<unknown> {
    return parseJson(await this.#get(`/v1/tx/${encodeURIComponent(id)}`))
  }

  /**
   * The text of the receipt file that proves a transaction. Verify it with `verifyReceiptFile` before you rely on it.
   */
  async receipt(id: string): Promise<string> {
    const proof = parseProof(parseJson(await this.#get(`/v1/tx/${encodeURIComponent(id)}/proof`)))
    if (!proof.ok) throw new ClientError('BAD_ANSWER', `not a receipt: ${proof.error.message}`, id)
    return printReceiptFile(proof.value)
  }

  async #get(path: string): Promise<string> {
    return this.#repeat({ method: 'GET', path }, (answer): Attempt<string> => {
      return answer.status === 200 ? { kind: 'done', value: answer.text } : refused(answer)
    })
  }

  async #post(ask: Ask): Promise<Placed> {
    return this.#repeat(ask, (answer): Attempt<Placed> => {
      if (answer.status !== 200) return refused(answer)
      const placed = parsePlaced(parseJson(answer.text))
      if (placed !== undefined) return { kind: 'done', value: placed }
      return { kind: 'failed', error: new ClientError('BAD_ANSWER', `${ask.path} answered something else`) }
    })
  }

  /** For what may be asked any number of times: asks one replica after the other. */
  async #repeat<T>(ask: Ask, judge: (answer: Whole) => Attempt<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await exchange(this.#fetch, this.url, ask, this.#timeoutMs)
      const outcome: Attempt<T> =
        answer.kind === 'none'
          ? { kind: 'again', error: new ClientError('UNREACHABLE', answer.message), wishMs: 0 }
          : judge(answer)
      if (outcome.kind === 'done') return outcome.value
      if (outcome.kind === 'failed') throw outcome.error
      this.#preferred = (this.#preferred + 1) % this.#urls.length
      if (attempt >= this.#attemptsMax) throw outcome.error
      const pauseMs = waitMs(this.#backOff, attempt, this.#random(), outcome.wishMs)
      await new Promise<void>((resolve) => void this.#clock.after(pauseMs, resolve))
    }
  }
}

function refused(answer: Whole): Attempt<never> {
  const { code, message } = errorIn(answer)
  const error = new ClientError(code, message)
  return TRY_AGAIN.has(code) ? { kind: 'again', error, wishMs: wishOf(answer.headers) } : { kind: 'failed', error }
}
