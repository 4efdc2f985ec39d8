// Whole blocks, as bytes, for archives and other verifiers, which check all of it.
//
// Whoever copies a ledger must not be felt by those who use it: an answer is bounded in blocks and bytes, and so is how many
// such answers are on their way at once. Whoever wants more asks again.

import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { Height } from '@quorate/types'
import { encodeWholeBlocks, height } from '@quorate/types'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpError } from './answers.ts'
import { badRequest, sendError } from './http.ts'
import type { GatewayLimits } from './limits.ts'
import type { Replica } from './ports.ts'

const NUMBER = /^[0-9]{1,15}$/
const BYTES_TYPE = 'application/octet-stream'
const OVERLOADED: HttpError = {
  status: 503,
  code: 'OVERLOADED',
  message: 'too many answers of whole blocks are under way',
  retryAfterMs: 1000,
}
const NOT_READY: HttpError = {
  status: 503,
  code: 'NOT_READY',
  message: 'the ledger is being founded',
  retryAfterMs: 1000,
}

function rangeOf(
  request: FastifyRequest,
  countMax: number,
): Result<{ readonly from: Height; readonly count: number }, HttpError> {
  const { from, count = String(countMax) } = request.query as Readonly<Record<string, unknown>>
  if (typeof from !== 'string' || !NUMBER.test(from))
    return err(badRequest('HEIGHT_INVALID', 'from must be a height, in decimal digits'))
  const wanted = typeof count === 'string' && NUMBER.test(count) ? Number(count) : 0
  if (wanted < 1) return err(badRequest('COUNT_INVALID', 'count must be 1 or more, in decimal digits'))
  return ok({ from: height(Number(from)), count: Math.min(wanted, countMax) })
}

/** Adds the route. */
export function wholeBlockRoutes(
  app: FastifyInstance,
  { replica, limits }: { readonly replica: Replica; readonly limits: GatewayLimits },
): void {
  let underWay = 0
  app.get('/v1/blocks/raw', { exposeHeadRoute: false }, async (request, reply): Promise<FastifyReply> => {
    const range = rangeOf(request, limits.wholeBlocksMax)
    if (!range.ok) return sendError(reply, range.error)
    if (underWay >= limits.wholeBlocksAnswersMax) return sendError(reply, OVERLOADED)
    underWay += 1
    reply.raw.once('close', () => {
      underWay -= 1
    })
    const { from, count } = range.value
    const answer = await replica.wholeBlocks(from, count, limits.wholeBlocksBytesMax)
    if (answer.kind === 'not-ready') return sendError(reply, NOT_READY)
    if (answer.kind === 'gone') {
      const message = `block ${from} is no longer kept here, where blocks begin at ${answer.lowest}`
      return sendError(reply, { status: 404, code: 'HEIGHT_GONE', message })
    }
    return reply
      .code(200)
      .header('content-type', BYTES_TYPE)
      .header('quorate-height', String(answer.tip))
      .send(Buffer.from(encodeWholeBlocks(answer.blocks)))
  })
}
