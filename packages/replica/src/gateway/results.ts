// Replies of the ledger as results of Hrana.

import type { HranaError, StepResult, StreamResult } from '@quorate/hrana'
import type { Reply, StatementResult, StepReply } from '@quorate/types'
import { sqlError } from './answers.ts'
import type { Stream } from './streams.ts'

/** A stream request's failure. */
export function failed(error: HranaError): StreamResult {
  return { kind: 'error', error }
}

/** A statement's result with the rowid that its stream inserted last, even if this statement inserted nothing. */
export function withRowid(result: StatementResult, stream: Stream): StatementResult {
  if (result.lastInsertRowid !== undefined) {
    stream.lastInsertRowid = result.lastInsertRowid
    return result
  }
  return stream.lastInsertRowid === undefined ? result : { ...result, lastInsertRowid: stream.lastInsertRowid }
}

function stepResult(step: StepReply, stream: Stream): StepResult {
  switch (step.kind) {
    case 'result':
      return { kind: 'result', result: withRowid(step.result, stream) }
    case 'error':
      return { kind: 'error', error: sqlError(step.error) }
    case 'skipped':
      return step
  }
}

/** The result that a reply is. */
export function resultOf(reply: Reply, stream: Stream): StreamResult {
  switch (reply.kind) {
    case 'result':
      return { kind: 'ok', response: { kind: 'execute', result: withRowid(reply.result, stream) } }
    case 'error':
      return failed(sqlError(reply.error))
    case 'batch':
      return { kind: 'ok', response: { kind: 'batch', steps: reply.steps.map((step) => stepResult(step, stream)) } }
    case 'sequence':
      return { kind: 'ok', response: { kind: 'sequence' } }
    case 'description':
      return { kind: 'ok', response: { kind: 'describe', description: reply.description } }
    case 'autocommit':
      return { kind: 'ok', response: { kind: 'get_autocommit', autocommit: reply.autocommit } }
  }
}
