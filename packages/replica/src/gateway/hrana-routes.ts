// Hrana over HTTP: pipelines of versions 2 and 3, cursors of version 3, and the probes that clients make.

import type { ParseError } from '@quorate/hrana'
import {
  parseCursorRequest,
  parsePipelineRequest,
  printCursorEntry,
  printCursorHead,
  printCursorResponse,
  printPipelineResponse,
} from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpError } from './answers.ts'
import type { HranaService, PipelineAnswer, PipelineOptions } from './hrana-service.ts'
import { badRequest, bodyJson, idempotencyKey, readLevel, send, sendError, sendJson, TEXT_TYPE } from './http.ts'
import type { GatewayLimits } from './limits.ts'

function protocolError(error: ParseError): HttpError {
  return badRequest(
    error.code === 'LIMIT' ? 'HRANA_LIMIT' : 'HRANA_PROTOCOL',
    error.path === '' ? error.message : `${error.message} (at ${error.path})`,
  )
}

function parsed<T>(request: FastifyRequest, parse: (body: unknown) => Result<T, ParseError>): Result<T, HttpError> {
  const body = bodyJson(request)
  if (!body.ok) return body
  const words = parse(body.value)
  return words.ok ? words : err(protocolError(words.error))
}

function optionsOf(request: FastifyRequest): Result<PipelineOptions, HttpError> {
  const level = readLevel(request)
  if (!level.ok) return level
  const id = idempotencyKey(request)
  if (!id.ok) return id
  return ok(id.value === undefined ? { level: level.value } : { level: level.value, id: id.value })
}

/** Printing options: how much room there is and which height answered. */
function printing(answer: PipelineAnswer, limits: GatewayLimits): { charsMax: number; replicationIndex?: number } {
  const charsMax = limits.responseCharsMax
  return answer.height === undefined ? { charsMax } : { charsMax, replicationIndex: answer.height }
}

/** Adds the routes. */
export function hranaRoutes(app: FastifyInstance, service: HranaService, limits: GatewayLimits): void {
  const pipeline = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const options = optionsOf(request)
    if (!options.ok) return sendError(reply, options.error)
    const words = parsed(request, parsePipelineRequest)
    if (!words.ok) return sendError(reply, words.error)
    const answer = await service.pipeline(words.value, options.value)
    if (!answer.ok) return sendError(reply, answer.error)
    return sendJson(
      reply,
      200,
      printPipelineResponse(answer.value, printing(answer.value, limits)),
      answer.value.height,
    )
  }

  const cursor = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const options = optionsOf(request)
    if (!options.ok) return sendError(reply, options.error)
    const words = parsed(request, parseCursorRequest)
    if (!words.ok) return sendError(reply, words.error)
    const { baton, steps } = words.value
    const batch = { ...(baton === undefined ? {} : { baton }), requests: [{ kind: 'batch', steps }] } as const
    const answer = await service.pipeline(batch, options.value)
    if (!answer.ok) return sendError(reply, answer.error)
    if (answer.value.height !== undefined) reply.header('quorate-height', String(answer.value.height))
    return send(reply, 200, TEXT_TYPE, printCursor(answer.value, limits))
  }

  const probe = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    sendJson(reply, 200, '{"hrana":true}')

  app.get('/v2', probe)
  app.get('/v3', probe)
  app.post('/v2/pipeline', pipeline)
  app.post('/v3/pipeline', pipeline)
  app.post('/v3/cursor', cursor)
}

function printCursor(answer: PipelineAnswer, limits: GatewayLimits): string {
  const [result] = answer.results
  if (result?.kind === 'ok' && result.response.kind === 'batch')
    return printCursorResponse(answer, result.response.steps, printing(answer, limits))
  const head = printCursorHead(answer)
  return result?.kind === 'error'
    ? `${head}\n${printCursorEntry({ kind: 'error', error: result.error })}\n`
    : `${head}\n`
}
