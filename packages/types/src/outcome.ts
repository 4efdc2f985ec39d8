// What executing a transaction gave. Its bytes are hashed into the block's results root, so every replica must produce the same.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { hashOf } from './domain.ts'
import type { Digest, Height } from './ids.ts'
import { readHeight } from './ids.ts'
import type { SqlValue } from './value.ts'
import { readValue, writeValue } from './value.ts'

/** An SQL failure. `code` is SQLite's primary code name (SQLITE_CONSTRAINT) or one of the engine's own (OUT_OF_GAS). */
export interface SqlError {
  readonly code: string
  /** As sqlite3_errmsg gives it. */
  readonly message: string
  /** Byte offset in the SQL text, where a parse error has one. */
  readonly offset?: number
}

/** A result column. `decltype` is the declared type of the table column it comes from. */
export interface Column {
  readonly name: string
  readonly decltype?: string
}

/** What one statement gave. */
export interface StatementResult {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly SqlValue[])[]
  /** Rows changed by an INSERT, UPDATE or DELETE; 0 otherwise. */
  readonly affectedRows: number
  /** The connection's last inserted rowid, if the program has inserted any. */
  readonly lastInsertRowid?: bigint
}

/** A prepared statement's shape. */
export interface Description {
  /** One per parameter; a name carries its prefix. */
  readonly parameters: readonly { readonly name?: string }[]
  readonly columns: readonly Column[]
  readonly isExplain: boolean
  readonly isReadonly: boolean
}

/** What became of a batch step. */
export type StepReply =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'error'; readonly error: SqlError }
  | { readonly kind: 'skipped' }

/** The answer to one request of a program, by the same index. */
export type Reply =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'error'; readonly error: SqlError }
  | { readonly kind: 'batch'; readonly steps: readonly StepReply[] }
  | { readonly kind: 'sequence' }
  | { readonly kind: 'description'; readonly description: Description }
  | { readonly kind: 'autocommit'; readonly autocommit: boolean }

/** Why a transaction was refused at its position without running. */
export type RefusalCode =
  /** The id was used for another program. */
  | 'ID_REUSED'
  /** The block's time is past `expiresMs`. */
  | 'EXPIRED'
  /** `expiresMs` is further ahead than ids are remembered. */
  | 'EXPIRES_TOO_FAR'
  /** An interactive transaction's recorded time is not within the allowed span before the block's time. */
  | 'REPLAY_TIME'
  /** The block's gas was used up before it. Resubmit. */
  | 'BLOCK_FULL'
  /** A committee member put bytes into its unit that are no transaction. */
  | 'MALFORMED'
  /** A governance transaction for another ledger. */
  | 'WRONG_LEDGER'
  /** A governance transaction of somebody who is no member, or not any more. */
  | 'NOT_A_MEMBER'
  /** A governance transaction that its author, or the new key it speaks for, has not signed. */
  | 'BAD_SIGNATURE'

/** What became of a transaction. */
export type Outcome =
  /** It ran; single requests may still have failed. `gas` counts virtual-machine steps. */
  | { readonly kind: 'executed'; readonly replies: readonly Reply[]; readonly gas: number }
  /** It ran into a limit (gas, heap, result size) or a rule of governance; everything it did was rolled back. */
  | { readonly kind: 'failed'; readonly error: SqlError; readonly gas: number }
  /** An interactive transaction saw something else this time (first differing statement, from 0); rolled back. */
  | { readonly kind: 'conflict'; readonly statement: number; readonly gas: number }
  /** The same id and program stood earlier in the ledger; nothing ran. */
  | { readonly kind: 'duplicate'; readonly height: Height; readonly position: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }

/** Bounds of an outcome. The executor enforces `bytesMax` before it certifies anything. */
export const OUTCOME_LIMITS = {
  bytesMax: 8 * 1024 * 1024,
  rowsMax: 1_000_000,
  columnsMax: 2000,
  textBytesMax: 8 * 1024 * 1024,
  repliesMax: 4096,
} as const

const REFUSALS: readonly RefusalCode[] = [
  'ID_REUSED',
  'EXPIRED',
  'EXPIRES_TOO_FAR',
  'REPLAY_TIME',
  'BLOCK_FULL',
  'MALFORMED',
  'WRONG_LEDGER',
  'NOT_A_MEMBER',
  'BAD_SIGNATURE',
]

function writeError(writer: Writer, error: SqlError): void {
  writer.text(error.code).text(error.message)
  writer.option(error.offset, (w, offset) => w.u32(offset))
}

function readError(reader: Reader): SqlError {
  const code = reader.text(64)
  const message = reader.text(OUTCOME_LIMITS.textBytesMax)
  const offset = reader.option((r) => r.u32())
  return { code, message, ...(offset === undefined ? {} : { offset }) }
}

function writeColumn(writer: Writer, column: Column): void {
  writer.text(column.name).option(column.decltype, (w, decltype) => w.text(decltype))
}

function readColumn(reader: Reader): Column {
  const name = reader.text(OUTCOME_LIMITS.textBytesMax)
  const decltype = reader.option((r) => r.text(OUTCOME_LIMITS.textBytesMax))
  return decltype === undefined ? { name } : { name, decltype }
}

/** Writes one statement's result; the digest an interactive client's commit is compared by is over parts of the same words. */
export function writeStatementResult(writer: Writer, result: StatementResult): void {
  writer.vector(result.columns, writeColumn)
  writer.uleb(result.rows.length)
  for (const row of result.rows) for (const value of row) writeValue(writer, value)
  writer.u32(result.affectedRows)
  writer.option(result.lastInsertRowid, (w, rowid) => w.i64(rowid))
}

function readStatementResult(reader: Reader): StatementResult {
  const columns = reader.vector(OUTCOME_LIMITS.columnsMax, readColumn)
  const rows: SqlValue[][] = []
  const count = reader.uleb()
  if (count > 0 && columns.length === 0) reader.refuse('INVALID', 'rows without columns')
  if (count > OUTCOME_LIMITS.rowsMax) reader.refuse('LIMIT', `${count} rows, at most ${OUTCOME_LIMITS.rowsMax}`)
  for (let i = 0; i < count; i += 1) rows.push(columns.map(() => readValue(reader, OUTCOME_LIMITS.textBytesMax)))
  const affectedRows = reader.u32()
  const lastInsertRowid = reader.option((r) => r.i64())
  return { columns, rows, affectedRows, ...(lastInsertRowid === undefined ? {} : { lastInsertRowid }) }
}

function writeDescription(writer: Writer, description: Description): void {
  writer.vector(description.parameters, (w, parameter) => w.option(parameter.name, (x, name) => x.text(name)))
  writer.vector(description.columns, writeColumn)
  writer.bool(description.isExplain).bool(description.isReadonly)
}

function readDescription(reader: Reader): Description {
  const parameters = reader.vector(32_766, (r) => {
    const name = r.option((x) => x.text(OUTCOME_LIMITS.textBytesMax))
    return name === undefined ? {} : { name }
  })
  return {
    parameters,
    columns: reader.vector(OUTCOME_LIMITS.columnsMax, readColumn),
    isExplain: reader.bool(),
    isReadonly: reader.bool(),
  }
}

function writeStep(writer: Writer, step: StepReply): void {
  switch (step.kind) {
    case 'result':
      writeStatementResult(writer.uleb(0), step.result)
      return
    case 'error':
      writeError(writer.uleb(1), step.error)
      return
    case 'skipped':
      writer.uleb(2)
  }
}

function readStep(reader: Reader): StepReply {
  const tag = reader.uleb()
  if (tag === 0) return { kind: 'result', result: readStatementResult(reader) }
  if (tag === 1) return { kind: 'error', error: readError(reader) }
  if (tag === 2) return { kind: 'skipped' }
  return reader.refuse('INVALID', `step tag ${tag}`)
}

function writeReply(writer: Writer, reply: Reply): void {
  switch (reply.kind) {
    case 'result':
      writeStatementResult(writer.uleb(0), reply.result)
      return
    case 'error':
      writeError(writer.uleb(1), reply.error)
      return
    case 'batch':
      writer.uleb(2).vector(reply.steps, writeStep)
      return
    case 'sequence':
      writer.uleb(3)
      return
    case 'description':
      writeDescription(writer.uleb(4), reply.description)
      return
    case 'autocommit':
      writer.uleb(5).bool(reply.autocommit)
  }
}

function readReply(reader: Reader): Reply {
  const tag = reader.uleb()
  switch (tag) {
    case 0:
      return { kind: 'result', result: readStatementResult(reader) }
    case 1:
      return { kind: 'error', error: readError(reader) }
    case 2:
      return { kind: 'batch', steps: reader.vector(OUTCOME_LIMITS.repliesMax, readStep) }
    case 3:
      return { kind: 'sequence' }
    case 4:
      return { kind: 'description', description: readDescription(reader) }
    case 5:
      return { kind: 'autocommit', autocommit: reader.bool() }
    default:
      return reader.refuse('INVALID', `reply tag ${tag}`)
  }
}

/** Canonical bytes of an outcome. */
export function encodeOutcome(outcome: Outcome): Uint8Array {
  const writer = new Writer()
  switch (outcome.kind) {
    case 'executed':
      writer.uleb(0).u64(outcome.gas).vector(outcome.replies, writeReply)
      break
    case 'failed':
      writeError(writer.uleb(1).u64(outcome.gas), outcome.error)
      break
    case 'conflict':
      writer.uleb(2).u64(outcome.gas).u32(outcome.statement)
      break
    case 'duplicate':
      writer.uleb(3).u64(outcome.height).u32(outcome.position)
      break
    case 'refused':
      writer.uleb(4).uleb(REFUSALS.indexOf(outcome.code)).text(outcome.message)
      break
  }
  return writer.finish()
}

/** Reads an outcome. */
export function decodeOutcome(bytes: Uint8Array): Result<Outcome, DecodeError> {
  return decode(bytes, (reader): Outcome => {
    const tag = reader.uleb()
    switch (tag) {
      case 0: {
        const gas = reader.u64()
        return { kind: 'executed', replies: reader.vector(OUTCOME_LIMITS.repliesMax, readReply), gas }
      }
      case 1: {
        const gas = reader.u64()
        return { kind: 'failed', error: readError(reader), gas }
      }
      case 2: {
        const gas = reader.u64()
        return { kind: 'conflict', statement: reader.u32(), gas }
      }
      case 3:
        return { kind: 'duplicate', height: readHeight(reader), position: reader.u32() }
      case 4: {
        const code = REFUSALS[reader.uleb()] ?? reader.refuse('INVALID', 'refusal code')
        return { kind: 'refused', code, message: reader.text(OUTCOME_LIMITS.textBytesMax) }
      }
      default:
        return reader.refuse('INVALID', `outcome tag ${tag}`)
    }
  })
}

/** Digest of an outcome's bytes: the leaf of the block's results root. */
export function outcomeHash(bytes: Uint8Array): Digest {
  return hashOf('outcome', bytes)
}
