// Members over HTTP: who they are, what is proposed, and the way for an order that a member has signed. The gateway reads the
// ledger's own tables like any client; it can't change them, and neither can it change an order.

import { must } from '@quorate/kernel'
import type { Program, SqlValue, StatementResult } from '@quorate/types'
import { approvalsNeeded, decodeTransaction } from '@quorate/types'
import type { FastifyInstance } from 'fastify'
import { refusedAnswer } from './answers.ts'
import type { Execute } from './execute.ts'
import { badRequest, bodyJson, readLevel, sendError, sendJson, sendPrinted } from './http.ts'
import type { GatewayLimits } from './limits.ts'
import { printExecuted, printRefused } from './rest-print.ts'

/** What these routes work with. */
export interface MemberPorts {
  readonly execute: Execute
  readonly limits: GatewayLimits
}

const QUERIES: readonly string[] = [
  'SELECT ledger, time_ms FROM _quorate_ledger, _quorate_head',
  'SELECT id, name, address, status, since FROM _quorate_members ORDER BY name, id',
  'SELECT number, kind, member, name, address, successor, digest, proposer, height, expires_ms FROM _quorate_proposals, ' +
    '(SELECT time_ms FROM _quorate_head) AS head WHERE expires_ms >= head.time_ms ORDER BY number',
  'SELECT proposal, member FROM _quorate_approvals ORDER BY proposal, member',
]
const PROGRAM: Program = {
  requests: QUERIES.map((sql) => ({ kind: 'execute', statement: { sql, args: [], namedArgs: [], wantRows: true } })),
}

type Fields = Readonly<Record<string, SqlValue>>

/** A row by its columns; what is NULL is left out. */
function fieldsOf({ columns }: StatementResult, row: readonly SqlValue[]): Fields {
  const entries = columns.map(({ name }, at) => [name, row[at] ?? null] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== null))
}

/** Heights, times and numbers are far below 2^53. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

/** The answer of /v1/members. @param results - Those of `PROGRAM`. */
function membersJson(results: readonly StatementResult[], height: number): string {
  const [heads, members, proposals, approvals] = results.map((result) =>
    result.rows.map((row) => fieldsOf(result, row)),
  )
  const { ledger, time_ms: timeMs } = heads?.[0] ?? {}
  const needed = approvalsNeeded((members ?? []).filter(({ status }) => status !== 'leaving').length)
  const open = (proposals ?? []).map(({ expires_ms: expiresMs, ...proposal }) => ({
    ...proposal,
    expiresMs,
    approvals: (approvals ?? [])
      .filter((each) => each['proposal'] === proposal['number'])
      .map((each) => each['member']),
    needed,
  }))
  return JSON.stringify({ ledger, height, timeMs, members, proposals: open }, plain)
}

/** Adds the routes. */
export function memberRoutes(app: FastifyInstance, { execute, limits }: MemberPorts): void {
  app.get('/v1/members', async (request, reply) => {
    const level = readLevel(request)
    if (!level.ok) return sendError(reply, level.error)
    const answer = await execute.run(PROGRAM, { level: level.value, mayWrite: false })
    if (answer.kind === 'refused') return sendError(reply, refusedAnswer(answer))
    const read = must(answer.kind === 'executed' ? answer : undefined, 'a SELECT does not write')
    const replies = read.outcome.kind === 'executed' ? read.outcome.replies : []
    const results = replies.flatMap((each) => (each.kind === 'result' ? [each.result] : []))
    // As of a height before the ledger had these tables, or a limit of this replica: SQL's own answer tells.
    if (results.length !== QUERIES.length) return sendPrinted(reply, printExecuted(read, limits.responseCharsMax))
    return sendJson(reply, 200, membersJson(results, read.height), read.height)
  })

  app.post('/v1/governance', async (request, reply) => {
    const body = bodyJson(request)
    if (!body.ok) return sendError(reply, body.error)
    const text = (body.value as { readonly transaction?: unknown } | null)?.transaction
    if (typeof text !== 'string') return sendError(reply, badRequest('BODY_INVALID', 'transaction must be base64'))
    const bytes = new Uint8Array(Buffer.from(text, 'base64'))
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok)
      return sendError(
        reply,
        badRequest('BODY_INVALID', `transaction: ${decoded.error.code}: ${decoded.error.message}`),
      )
    if (decoded.value.governance === undefined)
      return sendError(reply, badRequest('BODY_INVALID', "transaction is a program; this route takes members' orders"))
    const { id } = decoded.value
    const answer = await execute.order(id, bytes)
    return sendPrinted(
      reply,
      answer.kind === 'refused' ? printRefused(answer, id) : printExecuted(answer, limits.responseCharsMax),
    )
  })
}
