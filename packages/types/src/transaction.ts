// What a client's request becomes: a program of SQL requests with a name of its own; or what a member orders about the
// membership. One transaction is executed at one position of the ledger, wholly or not at all, at most once.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, utf8, Writer } from '@quorate/kernel'
import { hashOf } from './domain.ts'
import type { Governance } from './governance.ts'
import { governanceHash, readGovernance, writeGovernance } from './governance.ts'
import type { Digest, Millis } from './ids.ts'
import { readDigest, readMillis, writeDigest } from './ids.ts'
import type { SqlValue } from './value.ts'
import { readValue, writeValue } from './value.ts'

/** A statement with its arguments. Positional arguments bind to ?1, ?2, ...; a name may lack its `:`, `@` or `$`. */
export interface Statement {
  readonly sql: string
  readonly args: readonly SqlValue[]
  readonly namedArgs: readonly { readonly name: string; readonly value: SqlValue }[]
  readonly wantRows: boolean
  /** In an interactive transaction: digest of what the client saw; another result at commit is a conflict. */
  readonly expect?: Digest
}

/** Whether a batch step runs, in terms of earlier steps (by index) and of the connection. A skipped step is neither ok nor error. */
export type Condition =
  | { readonly kind: 'ok'; readonly step: number }
  | { readonly kind: 'error'; readonly step: number }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'and'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'or'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'autocommit' }

/** One step of a batch. */
export interface Step {
  readonly condition?: Condition
  readonly statement: Statement
}

/** One request of a program; all run in order, also after one has failed. The kinds are Hrana's. */
export type ProgramRequest =
  | { readonly kind: 'execute'; readonly statement: Statement }
  | { readonly kind: 'batch'; readonly steps: readonly Step[] }
  | { readonly kind: 'sequence'; readonly sql: string }
  | { readonly kind: 'describe'; readonly sql: string }
  | { readonly kind: 'autocommit' }

/** What is executed: requests on one connection that starts in autocommit and is rolled back to it at the end. */
export interface Program {
  readonly requests: readonly ProgramRequest[]
}

/** The circumstances of an interactive transaction, so that its replay sees the time and randomness its client saw. */
export interface Replay {
  readonly timeMs: Millis
  readonly seed: Digest
}

/** What every transaction has. */
interface Named {
  /** Client-made: 1 to 128 bytes of UTF-8. The same id and content again yields the first outcome. */
  readonly id: string
  /** Last block time at which it may execute; its id is remembered until then. */
  readonly expiresMs: Millis
}

/** A transaction that runs SQL. */
export interface ProgramTransaction extends Named {
  readonly program: Program
  readonly replay?: Replay
  readonly governance?: undefined
}

/** A transaction by which a member takes part in deciding who belongs to the ledger. */
export interface GovernanceTransaction extends Named {
  readonly governance: Governance
  readonly program?: undefined
}

/** A transaction of the ledger: `governance` tells which of the two. */
export type Transaction = ProgramTransaction | GovernanceTransaction

/** Bounds of a transaction, all checked when it is decoded. */
export const TRANSACTION_LIMITS = {
  bytesMax: 4 * 1024 * 1024,
  idBytesMax: 128,
  requestsMax: 4096,
  stepsMax: 4096,
  argsMax: 32_766,
  conditionDepthMax: 16,
  conditionsMax: 128,
} as const

function writeStatement(writer: Writer, statement: Statement): void {
  writer.text(statement.sql)
  writer.vector(statement.args, writeValue)
  writer.vector(statement.namedArgs, (w, arg) => writeValue(w.text(arg.name), arg.value))
  writer.bool(statement.wantRows)
  writer.option(statement.expect, writeDigest)
}

function readStatement(reader: Reader): Statement {
  const limits = TRANSACTION_LIMITS
  const sql = reader.text(limits.bytesMax)
  const args = reader.vector(limits.argsMax, (r) => readValue(r, limits.bytesMax))
  const namedArgs = reader.vector(limits.argsMax, (r) => ({
    name: r.text(limits.bytesMax),
    value: readValue(r, limits.bytesMax),
  }))
  const wantRows = reader.bool()
  const expect = reader.option(readDigest)
  return { sql, args, namedArgs, wantRows, ...(expect === undefined ? {} : { expect }) }
}

function writeCondition(writer: Writer, condition: Condition): void {
  switch (condition.kind) {
    case 'ok':
      writer.uleb(0).uleb(condition.step)
      return
    case 'error':
      writer.uleb(1).uleb(condition.step)
      return
    case 'not':
      writeCondition(writer.uleb(2), condition.condition)
      return
    case 'and':
      writer.uleb(3).vector(condition.conditions, writeCondition)
      return
    case 'or':
      writer.uleb(4).vector(condition.conditions, writeCondition)
      return
    case 'autocommit':
      writer.uleb(5)
  }
}

function readCondition(reader: Reader, step: number, depth: number): Condition {
  if (depth > TRANSACTION_LIMITS.conditionDepthMax) reader.refuse('LIMIT', 'condition nested too deeply')
  const earlier = (): number => {
    const index = reader.uleb()
    return index < step ? index : reader.refuse('INVALID', `condition of step ${step} names step ${index}`)
  }
  const list = (): Condition[] =>
    reader.vector(TRANSACTION_LIMITS.conditionsMax, (r) => readCondition(r, step, depth + 1))
  const tag = reader.uleb()
  switch (tag) {
    case 0:
      return { kind: 'ok', step: earlier() }
    case 1:
      return { kind: 'error', step: earlier() }
    case 2:
      return { kind: 'not', condition: readCondition(reader, step, depth + 1) }
    case 3:
      return { kind: 'and', conditions: list() }
    case 4:
      return { kind: 'or', conditions: list() }
    case 5:
      return { kind: 'autocommit' }
    default:
      return reader.refuse('INVALID', `condition tag ${tag}`)
  }
}

function writeRequest(writer: Writer, request: ProgramRequest): void {
  switch (request.kind) {
    case 'execute':
      writeStatement(writer.uleb(0), request.statement)
      return
    case 'batch':
      writer
        .uleb(1)
        .vector(request.steps, (w, step) => writeStatement(w.option(step.condition, writeCondition), step.statement))
      return
    case 'sequence':
      writer.uleb(2).text(request.sql)
      return
    case 'describe':
      writer.uleb(3).text(request.sql)
      return
    case 'autocommit':
      writer.uleb(4)
  }
}

function readRequest(reader: Reader): ProgramRequest {
  const tag = reader.uleb()
  switch (tag) {
    case 0:
      return { kind: 'execute', statement: readStatement(reader) }
    case 1: {
      let step = 0
      const steps = reader.vector(TRANSACTION_LIMITS.stepsMax, (r): Step => {
        const condition = r.option(() => readCondition(r, step, 0))
        step += 1
        const statement = readStatement(r)
        return condition === undefined ? { statement } : { condition, statement }
      })
      return { kind: 'batch', steps }
    }
    case 2:
      return { kind: 'sequence', sql: reader.text(TRANSACTION_LIMITS.bytesMax) }
    case 3:
      return { kind: 'describe', sql: reader.text(TRANSACTION_LIMITS.bytesMax) }
    case 4:
      return { kind: 'autocommit' }
    default:
      return reader.refuse('INVALID', `request tag ${tag}`)
  }
}

export function writeProgram(writer: Writer, program: Program): void {
  writer.vector(program.requests, writeRequest)
}

export function readProgram(reader: Reader): Program {
  return { requests: reader.vector(TRANSACTION_LIMITS.requestsMax, readRequest) }
}

/** Canonical bytes of a program. */
export function encodeProgram(program: Program): Uint8Array {
  const writer = new Writer()
  writeProgram(writer, program)
  return writer.finish()
}

/** Canonical bytes of a transaction. The bytes are its identity: hash these, never a re-encoding. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  const writer = new Writer()
  writer.text(transaction.id).u64(transaction.expiresMs)
  if (transaction.governance !== undefined) {
    writeGovernance(writer.uleb(1), transaction.governance)
    return writer.finish()
  }
  writeProgram(writer.uleb(0), transaction.program)
  writer.option(transaction.replay, (w, replay) => writeDigest(w.u64(replay.timeMs), replay.seed))
  return writer.finish()
}

/** Reads one transaction; refuses what is malformed, beyond a limit or not canonical. */
export function decodeTransaction(bytes: Uint8Array): Result<Transaction, DecodeError> {
  return decode(bytes, (reader): Transaction => {
    const limits = TRANSACTION_LIMITS
    if (bytes.length > limits.bytesMax)
      reader.refuse('LIMIT', `transaction of ${bytes.length} bytes, at most ${limits.bytesMax}`)
    const id = reader.text(limits.idBytesMax)
    if (id.length === 0) reader.refuse('INVALID', 'empty transaction id')
    const expiresMs = readMillis(reader)
    const tag = reader.uleb()
    if (tag === 1) return { id, expiresMs, governance: readGovernance(reader) }
    if (tag !== 0) return reader.refuse('INVALID', `transaction tag ${tag}`)
    const program = readProgram(reader)
    const replay = reader.option((r): Replay => ({ timeMs: readMillis(r), seed: readDigest(r) }))
    return { id, expiresMs, program, ...(replay === undefined ? {} : { replay }) }
  })
}

/** Digest of a transaction's bytes: the leaf of the block's transactions root. */
export function transactionHash(bytes: Uint8Array): Digest {
  return hashOf('transaction', bytes)
}

/**
 * Digest of what a transaction does: tells a retry from a reused id. A program is itself under any id and expiry; a
 * member's order is not, because its signature is over them. @param bytes - Those of `transaction`.
 */
export function contentHash(transaction: Transaction, bytes: Uint8Array): Digest {
  return transaction.governance === undefined
    ? hashOf('program', encodeProgram(transaction.program))
    : governanceHash(bytes)
}

/** Whether `id` can name a transaction. */
export function isTransactionId(id: string): boolean {
  return id.length > 0 && utf8(id).length <= TRANSACTION_LIMITS.idBytesMax
}
