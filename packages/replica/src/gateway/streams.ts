// Streams are what clients come back to: stored SQL, the last rowid, perhaps an open transaction. Between two requests
// a stream is parked, and only the baton of its last answer finds it. Parked too long it expires, and that is
// remembered for a while, so that the client is told what happened. A stream without a transaction may be expired early
// to make room; one with a transaction never is.

import type { BatonCode, HranaError } from '@quorate/hrana'
import { HRANA_LIMITS, parseBaton, printBaton } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { HttpError } from './answers.ts'
import { TRANSACTION_TIMEOUT } from './answers.ts'
import type { GatewayLimits } from './limits.ts'
import type { Session } from './ports.ts'

/** An open transaction of a stream. */
export interface OpenTransaction {
  readonly session: Session
  readonly endsMs: number
  statements: number
}

/** A client's stream. Only one request works on it at a time: the baton is good for one. */
export class Stream {
  readonly sqls = new Map<number, string>()
  transaction: OpenTransaction | undefined
  /** The transaction is lost, and this is why: every statement says so until ROLLBACK. */
  broken: HranaError | undefined
  lastInsertRowid: bigint | undefined
  closed = false
  storedChars = 0

  /** Whether a statement would be a transaction of its own. */
  get isAutocommit(): boolean {
    return this.transaction === undefined && this.broken === undefined
  }
}

interface Parked {
  readonly stream: Stream
  sequence: number
  /** Undefined while a request works on it. */
  expiresMs: number | undefined
}

const EXPIRED_MAX = 10_000

const INVALID: HttpError = { status: 400, code: 'BATON_INVALID', message: 'Received an invalid baton' }
const REUSED: HttpError = { status: 400, code: 'BATON_REUSED', message: 'Received a baton that has already been used' }
const CLOSED: HttpError = { status: 400, code: 'BATON_STREAM_CLOSED', message: 'Stream for this baton was closed' }
const EXPIRED: HttpError = { status: 400, code: 'STREAM_EXPIRED', message: 'The stream has expired due to inactivity' }

/** All streams of one gateway. */
export class Streams {
  readonly #limits: GatewayLimits
  readonly #code: BatonCode
  readonly #nowMs: () => number
  /** In the order in which they were parked. */
  readonly #parked = new Map<number, Parked>()
  readonly #ids = new WeakMap<Stream, number>()
  readonly #expired = new Map<number, number>()
  readonly #open = new Set<Stream>()
  #nextId = 0
  #storedChars = 0

  constructor(limits: GatewayLimits, code: BatonCode, nowMs: () => number) {
    this.#limits = limits
    this.#code = code
    this.#nowMs = nowMs
  }

  /** Streams that clients may come back to. */
  get size(): number {
    return this.#parked.size
  }

  /** Open interactive transactions. */
  get transactions(): number {
    return this.#open.size
  }

  /** Whether one more interactive transaction may open. */
  get hasRoomForTransaction(): boolean {
    return this.#open.size < this.#limits.sessionsMax
  }

  /** The stream a baton names. The baton is used up. */
  resume(baton: string): Result<Stream, HttpError> {
    const words = parseBaton(baton, this.#code)
    if (words === undefined) return err(INVALID)
    const parked = this.#parked.get(words.stream)
    if (parked === undefined) return err(this.#expired.has(words.stream) ? EXPIRED : CLOSED)
    if (parked.expiresMs === undefined || parked.sequence !== words.sequence) return err(REUSED)
    if (parked.expiresMs <= this.#nowMs()) {
      this.#expire(words.stream, parked.stream)
      return err(EXPIRED)
    }
    parked.expiresMs = undefined
    return ok(parked.stream)
  }

  /**
   * Puts a stream away until its client returns. Gives the baton, or undefined where the stream is closed or has no
   * room.
   */
  park(stream: Stream): string | undefined {
    if (stream.closed) {
      this.drop(stream)
      return undefined
    }
    let id = this.#ids.get(stream)
    if (id === undefined) {
      if (this.#parked.size >= this.#limits.streamsMax && !this.#makeRoom()) {
        this.drop(stream)
        return undefined
      }
      id = this.#nextId
      this.#nextId += 1
      this.#ids.set(stream, id)
    }
    const sequence = (this.#parked.get(id)?.sequence ?? -1) + 1
    this.#parked.delete(id)
    this.#parked.set(id, { stream, sequence, expiresMs: this.#nowMs() + this.#limits.streamIdleMsMax })
    return printBaton({ stream: id, sequence }, this.#code)
  }

  /** Ends a stream and everything open on it. */
  drop(stream: Stream): void {
    this.endTransaction(stream)
    this.#storedChars -= stream.storedChars
    stream.storedChars = 0
    stream.sqls.clear()
    stream.closed = true
    const id = this.#ids.get(stream)
    if (id !== undefined) this.#parked.delete(id)
  }

  /** Keeps a text for `sql_id`. */
  storeSql(stream: Stream, id: number, sql: string): HranaError | undefined {
    const { storedSqlMax, storedSqlCharsMax } = HRANA_LIMITS
    if (stream.sqls.size >= storedSqlMax || this.#storedChars + sql.length > this.#limits.storedSqlCharsMax) {
      return {
        message: `The server already stores ${stream.sqls.size} SQL texts, it cannot store more`,
        code: 'SQL_STORE_TOO_MANY',
      }
    }
    if (sql.length > storedSqlCharsMax) {
      return {
        message: `The statement is too large to be stored: ${sql.length}/${storedSqlCharsMax}`,
        code: 'SQL_STORE_TOO_LARGE',
      }
    }
    stream.sqls.set(id, sql)
    stream.storedChars += sql.length
    this.#storedChars += sql.length
    return undefined
  }

  /** Forgets a text. */
  closeSql(stream: Stream, id: number): void {
    const chars = stream.sqls.get(id)?.length ?? 0
    stream.sqls.delete(id)
    stream.storedChars -= chars
    this.#storedChars -= chars
  }

  /** Opens the stream's transaction. */
  beginTransaction(stream: Stream, session: Session): void {
    stream.transaction = { session, endsMs: this.#nowMs() + this.#limits.sessionMsMax, statements: 0 }
    this.#open.add(stream)
  }

  /** Closes the stream's transaction, if any, and drops what it did. */
  endTransaction(stream: Stream): void {
    stream.transaction?.session.close()
    stream.transaction = undefined
    this.#open.delete(stream)
  }

  /** Breaks the stream's transaction if its time is over. */
  checkTime(stream: Stream): void {
    if (stream.transaction === undefined || stream.transaction.endsMs > this.#nowMs()) return
    this.endTransaction(stream)
    stream.broken = TRANSACTION_TIMEOUT
  }

  /**
   * Expires what has rested too long and frees the snapshots of transactions whose time is over. Call it every second
   * or so.
   */
  sweep(): void {
    const now = this.#nowMs()
    for (const [id, parked] of this.#parked) {
      if (parked.expiresMs === undefined) continue
      if (parked.expiresMs > now) break
      this.#expire(id, parked.stream)
    }
    for (const [id, forgetMs] of this.#expired) {
      if (forgetMs > now) break
      this.#expired.delete(id)
    }
    for (const stream of this.#open) {
      const id = this.#ids.get(stream)
      if (id !== undefined && this.#parked.get(id)?.expiresMs !== undefined) this.checkTime(stream)
    }
  }

  /** Ends all streams. */
  close(): void {
    for (const { stream } of this.#parked.values()) this.drop(stream)
    for (const stream of this.#open) this.drop(stream)
  }

  #expire(id: number, stream: Stream): void {
    this.drop(stream)
    if (this.#expired.size >= EXPIRED_MAX) {
      const [oldest] = this.#expired.keys()
      if (oldest !== undefined) this.#expired.delete(oldest)
    }
    this.#expired.set(id, this.#nowMs() + this.#limits.expiredMsMax)
  }

  /** Expires the stream parked longest that has no transaction. */
  #makeRoom(): boolean {
    for (const [id, parked] of this.#parked) {
      if (parked.expiresMs === undefined || !parked.stream.isAutocommit) continue
      this.#expire(id, parked.stream)
      return true
    }
    return false
  }
}
