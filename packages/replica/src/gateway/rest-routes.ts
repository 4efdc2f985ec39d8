// REST: transactions, queries, and the ledger for people. One request to /v1/transactions may carry many ledger
// transactions, as a JSON array or as lines; they are submitted in order, without waiting for one another, and answered
// in order.

import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import { height } from '@quorate/types'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpError } from './answers.ts'
import { refusedAnswer } from './answers.ts'
import type { Execute } from './execute.ts'
import {
  badRequest,
  bodyJson,
  bodyText,
  idempotencyKey,
  LINES_TYPE,
  notFound,
  parseJson,
  readLevel,
  send,
  sendError,
  sendJson,
  sendPrinted,
} from './http.ts'
import type { GatewayLimits } from './limits.ts'
import { memberRoutes } from './member-routes.ts'
import type { GatewayMetrics } from './metrics.ts'
import { OPENAPI } from './openapi.ts'
import type { Replica } from './ports.ts'
import { parseStatements, transactionProgram } from './rest-parse.ts'
import type { Printed } from './rest-print.ts'
import { printExecuted, printHttpError, printRefused, printTransaction } from './rest-print.ts'
import { wholeBlockRoutes } from './whole-block-routes.ts'

/** What the routes work with. */
export interface RestPorts {
  readonly replica: Replica
  readonly execute: Execute
  readonly limits: GatewayLimits
  readonly metrics: GatewayMetrics
}

/** One transaction, from JSON to JSON. */
async function transact(
  ports: RestPorts,
  json: unknown,
  headerId: string | undefined,
  charsMax: number,
): Promise<Printed> {
  const request = parseStatements(json)
  if (!request.ok) return printHttpError(request.error)
  const id = request.value.id ?? headerId
  const reply = await ports.execute.submit(transactionProgram(request.value.statements), id)
  return reply.kind === 'refused' ? printRefused(reply, id) : printExecuted(reply, charsMax)
}

/** A body of /v1/transactions: one transaction, or several as the items of an array or as lines. */
type TransactionsBody =
  | { readonly kind: 'one'; readonly item: unknown }
  | { readonly kind: 'array' | 'lines'; readonly items: readonly unknown[] }

function linesOf(text: string): Result<TransactionsBody, HttpError> {
  const items: unknown[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const item = parseJson(line)
    if (!item.ok) return err(badRequest(item.error.code, `line ${items.length + 1}: ${item.error.message}`))
    items.push(item.value)
  }
  return ok({ kind: 'lines', items })
}

function transactionsBody(request: FastifyRequest): Result<TransactionsBody, HttpError> {
  const text = bodyText(request)
  if (!text.ok) return text
  if (request.headers['content-type']?.startsWith(LINES_TYPE) === true) return linesOf(text.value)
  const json = parseJson(text.value)
  if (!json.ok) return json
  return ok(Array.isArray(json.value) ? { kind: 'array', items: json.value } : { kind: 'one', item: json.value })
}

/** Several transactions. All are handed over before the first is waited for, in order. */
async function transactAll(
  ports: RestPorts,
  items: readonly unknown[],
): Promise<Result<readonly Printed[], HttpError>> {
  const { transactionsMax, responseCharsMax } = ports.limits
  if (items.length > transactionsMax) {
    const message = `${items.length} transactions in one request, at most ${transactionsMax}`
    return err({ status: 413, code: 'TOO_LARGE', message })
  }
  const charsMax = Math.floor(responseCharsMax / Math.max(1, items.length))
  return ok(await Promise.all(items.map((item) => transact(ports, item, undefined, charsMax))))
}

function sendAll(reply: FastifyReply, kind: 'array' | 'lines', answers: readonly Printed[]): FastifyReply {
  const highest = answers.reduce((most, answer) => Math.max(most, answer.height ?? 0), 0)
  reply.header('quorate-height', String(highest))
  if (kind === 'array') return sendJson(reply, 200, `[${answers.map((answer) => answer.json).join(',')}]`)
  return send(reply, 200, LINES_TYPE, answers.map((answer) => `${answer.json}\n`).join(''))
}

const ID_OF_MANY = 'Idempotency-Key names one transaction: give each of several its own idempotencyKey'

function transactionRoutes(app: FastifyInstance, ports: RestPorts): void {
  app.post('/v1/transactions', async (request, reply) => {
    const id = idempotencyKey(request)
    if (!id.ok) return sendError(reply, id.error)
    const body = transactionsBody(request)
    if (!body.ok) return sendError(reply, body.error)
    if (body.value.kind === 'one') {
      return sendPrinted(reply, await transact(ports, body.value.item, id.value, ports.limits.responseCharsMax))
    }
    if (id.value !== undefined) return sendError(reply, badRequest('ID_NEEDS_ONE_TRANSACTION', ID_OF_MANY))
    const answers = await transactAll(ports, body.value.items)
    return answers.ok ? sendAll(reply, body.value.kind, answers.value) : sendError(reply, answers.error)
  })

  app.post('/v1/query', async (request, reply) => {
    const level = readLevel(request)
    if (!level.ok) return sendError(reply, level.error)
    const body = bodyJson(request)
    if (!body.ok) return sendError(reply, body.error)
    const words = parseStatements(body.value)
    if (!words.ok) return sendError(reply, words.error)
    const program = { requests: words.value.statements.map((statement) => ({ kind: 'execute', statement }) as const) }
    const answer = await ports.execute.run(program, { level: level.value, mayWrite: false })
    if (answer.kind === 'refused') return sendError(reply, refusedAnswer(answer))
    if (answer.kind === 'writes')
      return sendError(reply, badRequest('SQLITE_READONLY', 'a query only reads; POST /v1/transactions writes'))
    return sendPrinted(reply, printExecuted(answer, ports.limits.responseCharsMax))
  })
}

const HEIGHT = /^[0-9]{1,15}$/

/** Not there yet, or not any more. */
async function noBlock(replica: Replica, at: number): Promise<HttpError> {
  const below = await replica.prunedBelow()
  return at < below
    ? {
        status: 404,
        code: 'HEIGHT_GONE',
        message: `block ${at} is no longer kept here, where blocks begin at ${below}`,
      }
    : notFound(`no block at height ${at}`)
}

/** The ids of blocks that are gone are gone with them: nobody can tell them from ids that never were. */
async function noTransaction(replica: Replica): Promise<HttpError> {
  const below = await replica.prunedBelow()
  if (below === 0) return notFound('no transaction of this id')
  const message = `no transaction of this id from height ${below} on; what is older is no longer kept here`
  return { status: 404, code: 'NOT_FOUND_OR_GONE', message }
}

function ledgerRoutes(app: FastifyInstance, { replica, limits }: RestPorts): void {
  app.get<{ Params: { height: string } }>('/v1/blocks/:height', async (request, reply) => {
    const given = request.params.height
    if (!HEIGHT.test(given))
      return sendError(reply, badRequest('HEIGHT_INVALID', 'a height is a number in decimal digits'))
    const block = await replica.block(height(Number(given)))
    return block === undefined
      ? sendError(reply, await noBlock(replica, Number(given)))
      : sendJson(reply, 200, JSON.stringify(block), block.height)
  })

  app.get<{ Params: { id: string } }>('/v1/tx/:id', async (request, reply) => {
    const view = await replica.transaction(request.params.id)
    if (view === undefined) return sendError(reply, await noTransaction(replica))
    return sendJson(reply, 200, printTransaction(view), view.height)
  })

  app.get<{ Params: { id: string } }>('/v1/tx/:id/outcome', async (request, reply) => {
    const view = await replica.transaction(request.params.id)
    if (view === undefined) return sendError(reply, notFound('no transaction of this id'))
    const { id, height: at, position, outcome } = view
    // What has a place under its id was neither a repetition nor refused.
    if (outcome.kind === 'duplicate' || outcome.kind === 'refused')
      return sendError(reply, notFound('no transaction of this id'))
    const executed = { kind: 'executed', height: at, outcome, written: { id, position, duplicate: true } } as const
    return sendPrinted(reply, printExecuted(executed, limits.responseCharsMax))
  })

  app.get<{ Params: { id: string } }>('/v1/tx/:id/proof', async (request, reply) => {
    const receipt = await replica.receipt(request.params.id)
    if (receipt === undefined) return sendError(reply, await noTransaction(replica))
    return sendJson(
      reply,
      200,
      JSON.stringify({ id: request.params.id, receipt: Buffer.from(receipt).toString('base64') }),
    )
  })
}

function stateRoutes(app: FastifyInstance, { replica, metrics }: RestPorts): void {
  app.get('/v1/status', async (_request, reply) => {
    const status = replica.status()
    return sendJson(reply, 200, JSON.stringify(status), status.height)
  })
  app.get('/v1/health', async (_request, reply) => sendJson(reply, 200, '{"status":"alive"}'))
  app.get('/health', async (_request, reply) => sendJson(reply, 200, '{"status":"alive"}'))
  app.get('/v1/ready', async (_request, reply) => {
    const { ready, phase } = replica.status()
    return sendJson(reply, ready ? 200 : 503, JSON.stringify({ ready, phase }))
  })
  app.get('/version', async (_request, reply) =>
    send(reply, 200, 'text/plain; charset=utf-8', `quorate ${replica.status().version}\n`),
  )
  app.get('/metrics', async (_request, reply) =>
    send(reply, 200, metrics.registry.contentType, await metrics.registry.metrics()),
  )
  app.get('/openapi.json', async (_request, reply) => sendJson(reply, 200, OPENAPI))
}

/** Adds the routes. */
export function restRoutes(app: FastifyInstance, ports: RestPorts): void {
  transactionRoutes(app, ports)
  ledgerRoutes(app, ports)
  memberRoutes(app, ports)
  wholeBlockRoutes(app, ports)
  stateRoutes(app, ports)
}
