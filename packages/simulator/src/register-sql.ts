// Operations on registers as SQL, and back: the model of the database understands these programs, and no others.

import type { Outcome, Program, SqlValue, Statement, StatementResult } from '@quorate/types'
import type { Call } from './history/history.ts'

/** What the founders make where clients work on registers. */
export const REGISTER_TABLE =
  'CREATE TABLE register (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID'

const WRITE =
  'INSERT INTO register VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value'
const CAS = 'UPDATE register SET value = ?3 WHERE key = ?1 AND value = ?2 RETURNING value'
const READ = 'SELECT value FROM register WHERE key = ?1'

function statement(sql: string, ...args: readonly SqlValue[]): Statement {
  return { sql, args, namedArgs: [], wantRows: true }
}

/** The statement that does a call. */
export function statementFor(call: Call): Statement {
  switch (call.f) {
    case 'write':
      return statement(WRITE, call.key, BigInt(call.value))
    case 'cas':
      return statement(CAS, call.key, BigInt(call.expected), BigInt(call.value))
    case 'read':
      return statement(READ, call.key)
  }
}

/** The program that does a call. */
export function programFor(call: Call): Program {
  return { requests: [{ kind: 'execute', statement: statementFor(call) }] }
}

/** The call that a program does, if it is one of `programFor`. */
export function callIn({ requests: [request] }: Program): Call | undefined {
  if (request?.kind !== 'execute') return undefined
  const { sql, args } = request.statement
  const [key, first, second] = args
  if (typeof key !== 'string') return undefined
  if (sql === READ) return { f: 'read', key }
  if (sql === WRITE) return { f: 'write', key, value: Number(first) }
  return sql === CAS ? { f: 'cas', key, expected: Number(first), value: Number(second) } : undefined
}

/** The value in a result's only row; null for no row, undefined where it is no whole number. */
export function valueIn({ rows }: StatementResult): number | null | undefined {
  const value = rows[0]?.[0]
  return value === undefined ? null : typeof value === 'bigint' ? Number(value) : undefined
}

/** The value that a program's outcome gives; undefined where it failed. */
export function valueOf(outcome: Outcome): number | null | undefined {
  const reply = outcome.kind === 'executed' ? outcome.replies[0] : undefined
  return reply?.kind === 'result' ? valueIn(reply.result) : undefined
}
