// Programs on a plain SQLite connection: what the ledger's engine does, without determinism, gas and limits.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { sha256, utf8 } from '@quorate/kernel'
import { printValue } from '@quorate/hrana'
import type {
  Condition,
  Digest,
  Program,
  ProgramRequest,
  Reply,
  SqlError,
  SqlValue,
  Statement,
  StatementResult,
  Step,
  StepReply,
} from '@quorate/types'
import { splitStatements } from '../sql-words.ts'

const CODES: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  8: 'SQLITE_READONLY',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  25: 'SQLITE_RANGE',
}

type One =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'error'; readonly error: SqlError }

function errorOf(error: unknown): SqlError {
  const { errcode = 1, message } = error as { errcode?: number; message: string }
  return { code: CODES[errcode & 255] ?? 'SQLITE_ERROR', message }
}

function prepare(db: DatabaseSync, sql: string): StatementSync | SqlError {
  const statements = splitStatements(sql)
  if (statements.length === 0) return { code: 'SQL_NO_STATEMENT', message: 'SQL string does not contain any statement' }
  if (statements.length > 1)
    return { code: 'SQL_MANY_STATEMENTS', message: 'SQL string contains more than one statement' }
  try {
    return db.prepare(sql)
  } catch (error) {
    return errorOf(error)
  }
}

function isError(prepared: StatementSync | SqlError): prepared is SqlError {
  return 'code' in prepared
}

function total(db: DatabaseSync): number {
  return Number(Object.values(db.prepare('SELECT total_changes()').get() ?? {})[0])
}

/** Runs one statement. */
export function runStatement(db: DatabaseSync, statement: Statement): One {
  const prepared = prepare(db, statement.sql)
  if (isError(prepared)) return { kind: 'error', error: prepared }
  try {
    prepared.setReadBigInts(true)
    prepared.setReturnArrays(true)
    const columns = prepared.columns().map(({ name, type }) => (type === null ? { name } : { name, decltype: type }))
    const before = total(db)
    const named: Record<string, SQLInputValue> = {}
    for (const { name, value } of statement.namedArgs) named[name] = value
    const args = statement.args as readonly SQLInputValue[]
    const rows = (statement.namedArgs.length > 0
      ? prepared.all(named, ...args)
      : prepared.all(...args)) as unknown as SqlValue[][]
    const affectedRows = total(db) - before
    const inserted = affectedRows > 0 && /^\s*(insert|replace)/i.test(statement.sql)
    const rowid = inserted
      ? BigInt(Object.values(db.prepare('SELECT last_insert_rowid()').get() ?? {})[0] as number)
      : undefined
    const result = { columns, rows: statement.wantRows ? rows : [], affectedRows }
    return { kind: 'result', result: rowid === undefined ? result : { ...result, lastInsertRowid: rowid } }
  } catch (error) {
    return { kind: 'error', error: errorOf(error) }
  }
}

/** A statement's shape. Parameters are not looked for. */
export function describeStatement(db: DatabaseSync, sql: string): Extract<Reply, { kind: 'description' | 'error' }> {
  const prepared = prepare(db, sql)
  if (isError(prepared)) return { kind: 'error', error: prepared }
  const columns = prepared
    .columns()
    .map(({ name, type }) => (type === null ? { name: name } : { name, decltype: type }))
  const isReadonly = /^\s*(select|values|with|explain|pragma)/i.test(sql)
  return {
    kind: 'description',
    description: { parameters: [], columns, isExplain: /^\s*explain/i.test(sql), isReadonly },
  }
}

function holds(db: DatabaseSync, condition: Condition, done: readonly StepReply[]): boolean {
  switch (condition.kind) {
    case 'ok':
      return done[condition.step]?.kind === 'result'
    case 'error':
      return done[condition.step]?.kind === 'error'
    case 'not':
      return !holds(db, condition.condition, done)
    case 'and':
      return condition.conditions.every((part) => holds(db, part, done))
    case 'or':
      return condition.conditions.some((part) => holds(db, part, done))
    case 'autocommit':
      return !db.isTransaction
  }
}

function runBatch(db: DatabaseSync, steps: readonly Step[]): Reply {
  const done: StepReply[] = []
  for (const { condition, statement } of steps) {
    done.push(condition === undefined || holds(db, condition, done) ? runStatement(db, statement) : { kind: 'skipped' })
  }
  return { kind: 'batch', steps: done }
}

function runRequest(db: DatabaseSync, request: ProgramRequest): Reply {
  switch (request.kind) {
    case 'execute':
      return runStatement(db, request.statement)
    case 'batch':
      return runBatch(db, request.steps)
    case 'sequence': {
      for (const sql of splitStatements(request.sql)) {
        const one = runStatement(db, { sql, args: [], namedArgs: [], wantRows: false })
        if (one.kind === 'error') return one
      }
      return { kind: 'sequence' }
    }
    case 'describe':
      return describeStatement(db, request.sql)
    case 'autocommit':
      return { kind: 'autocommit', autocommit: !db.isTransaction }
  }
}

/** Runs a program; a transaction that it leaves open is rolled back. */
export function runProgram(db: DatabaseSync, program: Program): readonly Reply[] {
  const replies = program.requests.map((request) => runRequest(db, request))
  if (db.isTransaction) db.exec('ROLLBACK')
  return replies
}

/** Digest of what a client sees of a statement. */
export function digestOf(one: One): Digest {
  const seen =
    one.kind === 'error'
      ? one.error.code + one.error.message
      : one.result.rows.map((row) => row.map(printValue).join()).join(';') + one.result.affectedRows
  return sha256(utf8(seen)) as Digest
}
