// Every bound of the gateway, and the count of what is under way. A client that meets a bound gets an answer that names
// it; nothing queues here.

/** Bounds of one gateway. */
export interface GatewayLimits {
  /** Bytes of one request's body. */
  readonly bodyBytesMax: number
  /** Bytes of bodies that are being received or worked on, all clients together. */
  readonly bodiesBytesMax: number
  /** UTF-16 units of one answer. */
  readonly responseCharsMax: number
  /** Bytes of whole blocks in one answer, unless one block has more; and blocks. */
  readonly wholeBlocksBytesMax: number
  readonly wholeBlocksMax: number
  /** Such answers being sent at once. */
  readonly wholeBlocksAnswersMax: number
  /** Open connections; one more is closed at once. */
  readonly connectionsMax: number
  /** Requests under way; one more is answered 503. */
  readonly requestsMax: number
  /** Ledger transactions of one `POST /v1/transactions`. */
  readonly transactionsMax: number
  /** Streams that clients may come back to. */
  readonly streamsMax: number
  /** UTF-16 units of SQL stored on all streams together. */
  readonly storedSqlCharsMax: number
  /** Open interactive transactions: each holds a snapshot. */
  readonly sessionsMax: number
  /** Statements of one interactive transaction. */
  readonly sessionStatementsMax: number
  /** Longest interactive transaction. */
  readonly sessionMsMax: number
  /** Longest rest of a stream between two requests. */
  readonly streamIdleMsMax: number
  /** How long an expired stream is told from one that never was. */
  readonly expiredMsMax: number
  /** Time to receive a request's head, and all of it. */
  readonly headMsMax: number
  readonly requestMsMax: number
  /** How often connections are checked for the two. */
  readonly checkMs: number
  /** Longest rest of a connection between two requests. */
  readonly idleMsMax: number
  /** Feeds that are followed at once. */
  readonly feedsMax: number
  /** Names in a feed's table filter, and UTF-16 units of all of them. */
  readonly feedTablesMax: number
  readonly feedTablesCharsMax: number
  /** How far beyond this replica's end a feed may ask to begin: another replica may be ahead, not a whole ledger. */
  readonly feedAheadMax: number
  /** Longest silence of a feed. */
  readonly feedHeartbeatMs: number
  /** UTF-16 units that a feed writes at once, unless one entry has more. */
  readonly feedChunkChars: number
  /** Time for a client to take so much; one that is slower is cut, after as much time again for the last entry. */
  readonly feedStallMsMax: number
  /** Time for requests under way to end when the gateway closes. */
  readonly closeMsMax: number
  /** How long the ledger remembers ids that clients made, and ids made here. */
  readonly clientIdMs: number
  readonly ownIdMs: number
}

/** Bounds unless configured otherwise. */
export const GATEWAY_LIMITS: GatewayLimits = {
  bodyBytesMax: 4 * 1024 * 1024,
  bodiesBytesMax: 256 * 1024 * 1024,
  responseCharsMax: 16 * 1024 * 1024,
  wholeBlocksBytesMax: 4 * 1024 * 1024,
  wholeBlocksMax: 1024,
  wholeBlocksAnswersMax: 8,
  connectionsMax: 4096,
  requestsMax: 4096,
  transactionsMax: 10_000,
  streamsMax: 16_384,
  storedSqlCharsMax: 32 * 1024 * 1024,
  sessionsMax: 32,
  sessionStatementsMax: 2000,
  sessionMsMax: 5000,
  streamIdleMsMax: 10_000,
  expiredMsMax: 300_000,
  headMsMax: 10_000,
  requestMsMax: 30_000,
  checkMs: 5000,
  idleMsMax: 60_000,
  feedsMax: 64,
  feedTablesMax: 64,
  feedTablesCharsMax: 8192,
  feedAheadMax: 1000,
  feedHeartbeatMs: 10_000,
  feedChunkChars: 65_536,
  feedStallMsMax: 10_000,
  closeMsMax: 10_000,
  clientIdMs: 24 * 60 * 60 * 1000,
  ownIdMs: 60_000,
}

/** Counts requests under way and the bytes they may bring. */
export class Admission {
  readonly #limits: GatewayLimits
  #requests = 0
  #bytes = 0

  constructor(limits: GatewayLimits) {
    this.#limits = limits
  }

  get requests(): number {
    return this.#requests
  }

  /** Takes one request in, unless a bound is met. Whoever is taken in must `leave` with the same number. */
  enter(bytes: number): boolean {
    if (this.#requests >= this.#limits.requestsMax || this.#bytes + bytes > this.#limits.bodiesBytesMax) return false
    this.#requests += 1
    this.#bytes += bytes
    return true
  }

  leave(bytes: number): void {
    this.#requests -= 1
    this.#bytes -= bytes
  }
}
