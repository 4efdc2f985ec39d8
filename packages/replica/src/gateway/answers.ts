// How refusals and SQL errors are told to clients: statuses, codes and texts in one place. Texts and codes are sqld's
// where it has the case, so that what clients recognise there they recognise here.

import type { HranaError } from '@quorate/hrana'
import type { SqlError } from '@quorate/types'
import type { FinalOutcome, Refused } from './ports.ts'

/** An HTTP answer that is an error. */
export interface HttpError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number
}

const STATUS: Readonly<Record<Refused['code'], number>> = {
  ID_REUSED: 409,
  EXPIRED: 503,
  EXPIRES_TOO_FAR: 400,
  REPLAY_TIME: 409,
  BLOCK_FULL: 503,
  MALFORMED: 400,
  WRONG_LEDGER: 400,
  NOT_A_MEMBER: 403,
  BAD_SIGNATURE: 403,
  OVERLOADED: 503,
  NOT_READY: 503,
  TOO_LARGE: 413,
  TIMEOUT: 503,
  HEIGHT_GONE: 404,
  HEIGHT_AHEAD: 404,
}

const RETRY_AFTER_MS = 1000

/** A refusal as an HTTP answer. Every 503 says when to come back. */
export function refusedAnswer(refused: Refused): HttpError {
  const { code, message } = refused
  const status = STATUS[code]
  return status === 503
    ? { status, code, message, retryAfterMs: refused.retryAfterMs ?? RETRY_AFTER_MS }
    : { status, code, message }
}

/** An interactive transaction that did not commit because others came first. Clients retry on this code. */
export const CONFLICT: HranaError = {
  message: 'SQLite error: database is locked (transaction conflict, retry)',
  code: 'SQLITE_BUSY',
}

/** Every statement after a transaction's time is over, until ROLLBACK or close. */
export const TRANSACTION_TIMEOUT: HranaError = { message: 'Transaction timed out', code: 'TRANSACTION_TIMEOUT' }

const NOTHING_DONE: ReadonlySet<Refused['code']> = new Set(['OVERLOADED', 'NOT_READY', 'BLOCK_FULL', 'EXPIRED'])

/** A refused commit of an interactive transaction. Where nothing was done, it is the code that clients retry on. */
export function refusedCommit(refused: Refused): HranaError {
  if (NOTHING_DONE.has(refused.code))
    return { message: `SQLite error: database is locked (${refused.message})`, code: 'SQLITE_BUSY' }
  return { message: refused.message, code: refused.code }
}

/** A refusal inside a stream. */
export function refusedError(refused: Refused): HranaError {
  return { message: refused.message, code: refused.code }
}

/** An SQL error, as sqld words it. */
export function sqlError(error: SqlError): HranaError {
  if (error.offset !== undefined && error.code === 'SQLITE_ERROR') {
    return { message: `SQL input error: ${error.message} (at offset ${error.offset})`, code: 'SQL_INPUT_ERROR' }
  }
  return {
    message: error.code.startsWith('SQLITE_') ? `SQLite error: ${error.message}` : error.message,
    code: error.code,
  }
}

/** What a program that did not run to its end tells for each of its requests. */
export function outcomeError(outcome: Exclude<FinalOutcome, { readonly kind: 'executed' }>): HranaError {
  return outcome.kind === 'conflict' ? CONFLICT : sqlError(outcome.error)
}

/** An error of SQLite's own making that the gateway raises in its place. */
export function sqliteError(message: string): HranaError {
  return sqlError({ code: 'SQLITE_ERROR', message })
}
