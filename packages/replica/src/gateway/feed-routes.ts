// Feeds over HTTP: what the ledger does, told as it happens. `GET /v1/changes` tells which rows changed, `GET /v1/log`
// which transactions stand in it. As Server-Sent Events, whose ids are positions, so that a browser's EventSource comes
// back where it was; or as lines of JSON.

import type { OutgoingHttpHeaders } from 'node:http'
import { err, ok } from '@quorate/kernel'
import type { Result } from '@quorate/kernel'
import { height as heightOf } from '@quorate/types'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { FeedSource, Position, Topic } from '../feed/entry.ts'
import { parsePosition } from '../feed/entry.ts'
import type { HttpError } from './answers.ts'
import { Feed, feedPosition } from './feed.ts'
import type { FeedFormat, FeedRequest } from './feed.ts'
import { badRequest, LINES_TYPE, sendError } from './http.ts'
import type { GatewayLimits } from './limits.ts'

const SSE_TYPE = 'text/event-stream'

const OVERLOADED: HttpError = { status: 503, code: 'OVERLOADED', message: 'too many feeds', retryAfterMs: 5000 }
const NOT_READY: HttpError = {
  status: 503,
  code: 'NOT_READY',
  message: 'the ledger is being founded, or the replica stops',
  retryAfterMs: 1000,
}
const FORMS: Readonly<Record<string, string>> = {
  changes: 'HEIGHT or HEIGHT:INDEX:SEQUENCE',
  log: 'HEIGHT or HEIGHT:INDEX',
}

type Query = Readonly<Record<string, unknown>>

function formatOf(request: FastifyRequest): Result<FeedFormat, HttpError> {
  const { format } = request.query as Query
  if (format === 'sse') return ok('sse')
  if (format === 'ndjson') return ok('lines')
  if (format !== undefined) return err(badRequest('FORMAT_INVALID', 'format must be sse or ndjson'))
  return ok(request.headers.accept?.includes(SSE_TYPE) === true ? 'sse' : 'lines')
}

function tablesOf(request: FastifyRequest, limits: GatewayLimits): Result<ReadonlySet<string> | undefined, HttpError> {
  const { tables } = request.query as Query
  if (tables === undefined) return ok(undefined)
  const { feedTablesMax, feedTablesCharsMax } = limits
  const names = typeof tables === 'string' && tables.length <= feedTablesCharsMax ? tables.split(',') : []
  if (names.length === 0 || names.length > feedTablesMax || names.includes(''))
    return err(badRequest('TABLES_INVALID', `tables must be 1 to ${feedTablesMax} names with commas between`))
  return ok(new Set(names.map((name) => name.toLowerCase())))
}

/** Serves feeds and knows which are open. */
export class FeedRoutes {
  readonly #source: FeedSource
  readonly #limits: GatewayLimits
  readonly #logger: Logger
  readonly #feeds = new Set<Feed>()
  /** Feeds that are open or about to be. */
  #count = 0
  #isClosing = false

  constructor(source: FeedSource, limits: GatewayLimits, logger: Logger) {
    this.#source = source
    this.#limits = limits
    this.#logger = logger
  }

  /** Feeds that are followed. */
  get size(): number {
    return this.#feeds.size
  }

  add(app: FastifyInstance): void {
    app.get('/v1/changes', { exposeHeadRoute: false }, (request, reply) => this.#open('changes', request, reply))
    app.get('/v1/log', { exposeHeadRoute: false }, (request, reply) => {
      const { statements } = request.query as Query
      return this.#open(statements === undefined ? 'log' : 'log-whole', request, reply)
    })
  }

  /** Ends all feeds, each with an entry that says so. */
  close(): void {
    this.#isClosing = true
    for (const feed of this.#feeds) feed.end('CLOSING')
  }

  async #open(topic: Topic, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (this.#count >= this.#limits.feedsMax) return sendError(reply, OVERLOADED)
    this.#count += 1
    try {
      const asked = this.#parse(topic, request)
      if (!asked.ok) return sendError(reply, asked.error)
      const refusal = await this.#refusal(asked.value)
      if (refusal !== undefined) return sendError(reply, refusal)
      await this.#follow(asked.value, reply)
      return reply
    } finally {
      this.#count -= 1
    }
  }

  #parse(topic: Topic, request: FastifyRequest): Result<FeedRequest, HttpError> {
    const format = formatOf(request)
    if (!format.ok) return format
    const tables = tablesOf(request, this.#limits)
    if (!tables.ok) return tables
    const from = this.#from(topic, request)
    return from.ok ? ok({ topic, format: format.value, from: from.value, tables: tables.value }) : from
  }

  /** What a browser has seen goes before what the page asked for at first. Unless told otherwise, a feed begins now. */
  #from(topic: Topic, request: FastifyRequest): Result<Position, HttpError> {
    const { tip } = this.#source
    if (tip === undefined || this.#isClosing) return err(NOT_READY)
    const given = request.headers['last-event-id'] ?? (request.query as Query)['from']
    if (given === undefined) return ok({ height: tip + 1 })
    const position = typeof given === 'string' ? parsePosition(topic, given) : undefined
    if (position === undefined) {
      const form = FORMS[topic === 'changes' ? 'changes' : 'log']
      return err(badRequest('POSITION_INVALID', `a position in this feed is ${form}`))
    }
    const { feedAheadMax } = this.#limits
    if (position.height <= tip + feedAheadMax) return ok(position)
    const message = `height ${position.height} is more than ${feedAheadMax} beyond ${tip}: is it of another ledger?`
    return err({ status: 404, code: 'HEIGHT_AHEAD', message })
  }

  /** Whether the first block can be told: later it would be too late for a status. */
  async #refusal({ topic, from: { height } }: FeedRequest): Promise<HttpError | undefined> {
    if (height > (this.#source.tip ?? -1)) return undefined
    const answer = await this.#source.block(topic, heightOf(height))
    switch (answer.kind) {
      case 'told':
        return undefined
      case 'gone':
        return { status: 404, code: 'HEIGHT_GONE', message: `height ${height} is no longer kept` }
      case 'failed':
        this.#logger.error({ topic, height, detail: answer.message }, 'a block could not be told')
        return { status: 503, code: 'UNAVAILABLE', message: 'the block could not be told', retryAfterMs: 1000 }
    }
  }

  async #follow(asked: FeedRequest, reply: FastifyReply): Promise<void> {
    const { raw } = reply
    if (raw.destroyed || this.#isClosing) return void sendError(reply, NOT_READY)
    const headers = reply.getHeaders() as OutgoingHttpHeaders
    reply.hijack()
    raw.writeHead(200, {
      ...headers,
      'content-type': asked.format === 'sse' ? SSE_TYPE : LINES_TYPE,
      'cache-control': 'no-store',
      // Its end is the connection's: what a client has not taken goes with it.
      connection: 'close',
      'quorate-height': String(this.#source.tip ?? 0),
      'quorate-position': feedPosition(asked),
    })
    raw.flushHeaders()
    const feed = new Feed(this.#source, asked, raw, this.#limits)
    this.#feeds.add(feed)
    try {
      const why = await feed.run()
      if (why === 'UNAVAILABLE') this.#logger.error({ topic: asked.topic }, 'a feed ended: a block could not be told')
    } finally {
      this.#feeds.delete(feed)
    }
  }
}
