// Between fastify and words: bodies in, answers out. Answers go out as bytes with the content type set here, because
// fastify would append a charset to JSON, and libSQL's client reads errors only from exactly `application/json`.

import { isUtf8 } from 'node:buffer'
import { printError } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { Height } from '@quorate/types'
import { height, isTransactionId } from '@quorate/types'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ReadLevel } from '../host/reads.ts'
import type { HttpError } from './answers.ts'
import type { Printed } from './rest-print.ts'

/** Content types of this gateway's answers. */
export const JSON_TYPE = 'application/json'
export const TEXT_TYPE = 'text/plain; charset=utf-8'
export const LINES_TYPE = 'application/x-ndjson'

/** Sends `text`. */
export function send(reply: FastifyReply, status: number, type: string, text: string): FastifyReply {
  return reply.code(status).header('content-type', type).send(Buffer.from(text))
}

/** Sends the JSON `text`, with the height that it speaks of. */
export function sendJson(reply: FastifyReply, status: number, text: string, at?: Height): FastifyReply {
  if (at !== undefined) reply.header('quorate-height', String(at))
  return send(reply, status, JSON_TYPE, text)
}

/** Value of the header `retry-after`. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
}

/** Sends what was printed. */
export function sendPrinted(reply: FastifyReply, printed: Printed): FastifyReply {
  const { status, json, retryAfterMs, height: at } = printed
  if (retryAfterMs !== undefined) reply.header('retry-after', retryAfterSeconds(retryAfterMs))
  return sendJson(reply, status, json, at)
}

/** Sends an error. */
export function sendError(reply: FastifyReply, error: HttpError): FastifyReply {
  if (error.retryAfterMs !== undefined) reply.header('retry-after', retryAfterSeconds(error.retryAfterMs))
  return send(reply, error.status, JSON_TYPE, printError(error))
}

/** A 400. */
export function badRequest(code: string, message: string): HttpError {
  return { status: 400, code, message }
}

/** A 404. */
export function notFound(message: string): HttpError {
  return { status: 404, code: 'NOT_FOUND', message }
}

/** The body as text; the parser in server.ts leaves every body as bytes. */
export function bodyText(request: FastifyRequest): Result<string, HttpError> {
  const { body } = request
  if (!Buffer.isBuffer(body) || body.length === 0) return err(badRequest('BODY_MISSING', 'a JSON body expected'))
  return isUtf8(body) ? ok(body.toString('utf8')) : err(badRequest('BODY_NOT_UTF8', 'the body is not UTF-8'))
}

/** JSON of `text`, whatever it may be. */
export function parseJson(text: string): Result<unknown, HttpError> {
  try {
    return ok(JSON.parse(text) as unknown)
  } catch (error) {
    return err(
      badRequest('BODY_NOT_JSON', `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
}

/** The body as JSON. */
export function bodyJson(request: FastifyRequest): Result<unknown, HttpError> {
  const text = bodyText(request)
  return text.ok ? parseJson(text.value) : text
}

const LEVEL = /^(local|linearizable|(at-least|as-of)=([0-9]{1,15}))$/
const LINEARIZABLE: ReadLevel = { kind: 'linearizable' }

/**
 * How fresh reads must be: header `quorate-read` or query parameter `read`; linearizable unless one of them says
 * otherwise.
 */
export function readLevel(request: FastifyRequest): Result<ReadLevel, HttpError> {
  const query = (request.query as Readonly<Record<string, unknown>>)['read']
  const given = request.headers['quorate-read'] ?? query
  if (given === undefined) return ok(LINEARIZABLE)
  const match = typeof given === 'string' ? LEVEL.exec(given) : null
  if (match === null)
    return err(
      badRequest('READ_LEVEL_INVALID', 'read level must be local, linearizable, at-least=HEIGHT or as-of=HEIGHT'),
    )
  const [, word, bound, at] = match
  if (bound === 'at-least' || bound === 'as-of') return ok({ kind: bound, height: height(Number(at)) })
  return ok(word === 'local' ? { kind: 'local' } : LINEARIZABLE)
}

/** The client's own id for its transaction: header `Idempotency-Key`. */
export function idempotencyKey(request: FastifyRequest): Result<string | undefined, HttpError> {
  const given = request.headers['idempotency-key']
  if (given === undefined) return ok(undefined)
  if (typeof given === 'string' && isTransactionId(given)) return ok(given)
  return err(badRequest('ID_INVALID', 'Idempotency-Key must be 1 to 128 bytes, given once'))
}
