// The client's door: fastify, bounded on every side. What is refused before a route sees it is answered here: too much
// at once, bytes that are not HTTP, bodies too large, routes that are not there.

import { createHmac, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { printError } from '@quorate/hrana'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fastify } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { HttpError } from './answers.ts'
import type { FeedSource } from '../feed/entry.ts'
import { Execute } from './execute.ts'
import { FeedRoutes } from './feed-routes.ts'
import { HranaService } from './hrana-service.ts'
import { hranaRoutes } from './hrana-routes.ts'
import { notFound, sendError } from './http.ts'
import type { GatewayLimits } from './limits.ts'
import { Admission, GATEWAY_LIMITS } from './limits.ts'
import { GatewayMetrics } from './metrics.ts'
import type { Replica } from './ports.ts'
import { restRoutes } from './rest-routes.ts'
import { Streams } from './streams.ts'

/** What a gateway is made of. */
export interface GatewayOptions {
  readonly replica: Replica
  readonly feeds: FeedSource
  readonly logger: Logger
  /** Where its metrics go; /metrics shows all of the registry. */
  readonly registry: Registry
  readonly limits?: Partial<GatewayLimits>
  /** Web origins whose pages may call; none by default, `*` for all. */
  readonly origins?: readonly string[]
}

const SWEEP_MS = 500
const CLOSE_IDLE_MS = 50
/** Counted in place of a status where the client left before its answer. */
const CLIENT_GONE = 499
const OVERLOADED: HttpError = {
  status: 503,
  code: 'OVERLOADED',
  message: 'too many requests under way',
  retryAfterMs: 1000,
}
/** Answered also when too much is under way: they tell why. */
const ALWAYS_ADMITTED: ReadonlySet<string> = new Set(['/health', '/v1/health', '/v1/ready', '/metrics'])

/** Answers what never became a request. */
function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
  const timeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, code, message] = timeout
    ? ['408 Request Timeout', 'REQUEST_TIMEOUT', 'the request took too long to arrive']
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'HEADERS_TOO_LARGE', 'the headers are too large']
      : ['400 Bad Request', 'NOT_HTTP', 'not an HTTP request']
  const body = printError({ message, code })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

const CODES: Readonly<Record<number, string>> = {
  404: 'NOT_FOUND',
  413: 'TOO_LARGE',
  414: 'URL_TOO_LONG',
  415: 'BODY_TYPE',
  503: 'NOT_READY',
}

/** What fastify refused, in our words. */
function frameworkError(error: FastifyError): HttpError | undefined {
  const status = error.statusCode ?? 500
  if (status >= 500 && status !== 503) return undefined
  return { status, code: CODES[status] ?? 'BAD_REQUEST', message: error.message }
}

/** The gateway: answers clients from `listen` until `close`. */
export class Gateway {
  readonly #app: FastifyInstance
  readonly #limits: GatewayLimits
  readonly #logger: Logger
  readonly #streams: Streams
  readonly #admission: Admission
  readonly #metrics: GatewayMetrics
  readonly #feeds: FeedRoutes
  #sweeping: NodeJS.Timeout | undefined

  constructor(options: GatewayOptions) {
    const { replica, feeds, logger, registry } = options
    const limits: GatewayLimits = { ...GATEWAY_LIMITS, ...options.limits }
    const secret = randomBytes(32)
    this.#limits = limits
    this.#logger = logger
    this.#streams = new Streams(
      limits,
      (bytes) => createHmac('sha256', secret).update(bytes).digest(),
      () => performance.now(),
    )
    this.#admission = new Admission(limits)
    this.#metrics = new GatewayMetrics(registry)
    this.#app = this.#build()
    this.#guard()
    if (options.origins !== undefined && options.origins.length > 0) this.#allowOrigins(options.origins)
    const execute = new Execute(replica, limits, this.#metrics)
    hranaRoutes(
      this.#app,
      new HranaService({ replica, execute, streams: this.#streams, limits, metrics: this.#metrics }),
      limits,
    )
    restRoutes(this.#app, { replica, execute, limits, metrics: this.#metrics })
    this.#feeds = new FeedRoutes(feeds, limits, logger)
    this.#feeds.add(this.#app)
    this.#watch(replica)
  }

  /** Routes as `METHOD path`: what openapi.json must describe. Known once the gateway listens. */
  readonly routes: string[] = []

  /** Starts to answer. Gives the URL. A port of 0 takes any free one. */
  async listen(address: { readonly host: string; readonly port: number }): Promise<string> {
    const url = await this.#app.listen(address)
    this.#sweeping = setInterval(() => this.#streams.sweep(), SWEEP_MS)
    return url
  }

  /** Takes no more requests, lets those under way end within `closeMsMax`, and drops what is open on streams. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping)
    this.#feeds.close()
    const { server } = this.#app
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS)
    const bound = setTimeout(() => server.closeAllConnections(), this.#limits.closeMsMax)
    await this.#app.close()
    clearInterval(idle)
    clearTimeout(bound)
    this.#streams.close()
  }

  #build(): FastifyInstance {
    const limits = this.#limits
    const app = fastify({
      logger: false,
      bodyLimit: limits.bodyBytesMax,
      connectionTimeout: limits.idleMsMax,
      keepAliveTimeout: limits.idleMsMax,
      requestTimeout: limits.requestMsMax,
      forceCloseConnections: 'idle',
      http: { connectionsCheckingInterval: limits.checkMs },
      routerOptions: { maxParamLength: 1024 },
      clientErrorHandler: refuseBytes,
      frameworkErrors: (error, _request, reply) => {
        sendError(
          reply as unknown as FastifyReply,
          frameworkError(error) ?? { status: 500, code: 'INTERNAL', message: 'internal error' },
        )
      },
    })
    app.server.headersTimeout = limits.headMsMax
    app.server.maxConnections = limits.connectionsMax
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.setNotFoundHandler((request, reply) =>
      sendError(reply, notFound(`no ${request.method} ${request.url.slice(0, 200)} here`)),
    )
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const refused = frameworkError(error)
      if (refused === undefined)
        this.#logger.error({ err: error, route: request.routeOptions.url }, 'a request failed inside')
      return sendError(reply, refused ?? { status: 500, code: 'INTERNAL', message: 'internal error' })
    })
    app.addHook('onRoute', (route) => {
      if (route.method !== 'HEAD') this.routes.push(`${String(route.method)} ${route.url}`)
    })
    return app
  }

  /** Counts every request in and out. */
  #guard(): void {
    const { bodyBytesMax } = this.#limits
    this.#app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      const startMs = performance.now()
      const route = request.routeOptions.url ?? 'none'
      const length = request.headers['content-length']
      const chunked = request.headers['transfer-encoding'] !== undefined
      const bytes = chunked ? bodyBytesMax : Math.min(Number(length ?? 0) || 0, bodyBytesMax)
      const admitted = this.#admission.enter(bytes)
      reply.raw.once('close', () => {
        if (admitted) this.#admission.leave(bytes)
        const status = reply.raw.writableFinished ? reply.raw.statusCode : CLIENT_GONE
        this.#metrics.request(route, status, (performance.now() - startMs) / 1000)
      })
      if (admitted || ALWAYS_ADMITTED.has(route)) done()
      else sendError(reply, OVERLOADED)
    })
  }

  #allowOrigins(origins: readonly string[]): void {
    this.#app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      const { origin } = request.headers
      if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return done()
      reply
        .header('access-control-allow-origin', origin)
        .header('vary', 'origin')
        .header('access-control-expose-headers', 'quorate-height, quorate-position, retry-after')
      if (request.method !== 'OPTIONS') return done()
      reply.header('access-control-allow-methods', 'GET, POST').header('access-control-max-age', '600')
      reply.header('access-control-allow-headers', 'authorization, content-type, idempotency-key, quorate-read')
      reply.code(204).send()
    })
  }

  #watch(replica: Replica): void {
    const { server } = this.#app
    let connections = 0
    server.on('connection', (socket) => {
      connections += 1
      socket.once('close', () => {
        connections -= 1
      })
    })
    this.#metrics.watch(replica, {
      inFlight: () => this.#admission.requests,
      connections: () => connections,
      streams: () => this.#streams.size,
      transactions: () => this.#streams.transactions,
      feeds: () => this.#feeds.size,
    })
  }
}
