// Bodies of the REST interface. Statements are `"SQL"` or `{sql, args}`; arguments are a list, or an object for named
// ones. Values are plain JSON where that is exact, or Hrana's `{type, value}`.

import { parseValue } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { Program, SqlValue, Statement } from '@quorate/types'
import { isTransactionId, TRANSACTION_LIMITS } from '@quorate/types'
import type { HttpError } from './answers.ts'
import { badRequest } from './http.ts'
import { atomicProgram } from './program.ts'
import { controlOf } from './sql-words.ts'

/** Statements and how they are to run. */
export interface StatementsRequest {
  readonly statements: readonly Statement[]
  /** The client's id for the transaction. */
  readonly id?: string
}

class Invalid extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** BEGIN and COMMIT or ROLLBACK stand around a program's statements. */
const STATEMENTS_MAX = TRANSACTION_LIMITS.stepsMax - 3

function invalid(message: string): never {
  throw new Invalid('BODY_INVALID', message)
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') return invalid(`${what} must be a string`)
  return value.isWellFormed() ? value : invalid(`${what} is not Unicode text`)
}

function numberOf(value: number, what: string): SqlValue {
  if (Number.isSafeInteger(value)) return BigInt(value)
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) {
    return invalid(
      `${what}: JSON numbers beyond 2^53 are not exact, send {"type":"integer","value":"..."} or {"type":"float","value":...}`,
    )
  }
  return value
}

function valueOf(value: unknown, what: string): SqlValue {
  if (value === null) return null
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') return numberOf(value, what)
  if (typeof value === 'string') return textOf(value, what)
  const parsed = parseValue(value)
  return parsed.ok ? parsed.value : invalid(`${what}: ${parsed.error.message}`)
}

function argsOf(given: unknown, where: string): Pick<Statement, 'args' | 'namedArgs'> {
  if (given === undefined || given === null) return { args: [], namedArgs: [] }
  if (typeof given !== 'object') return invalid(`${where}.args must be an array or an object`)
  const entries = Object.entries(given)
  if (entries.length > TRANSACTION_LIMITS.argsMax)
    invalid(`${where} has ${entries.length} arguments, at most ${TRANSACTION_LIMITS.argsMax}`)
  if (Array.isArray(given))
    return { args: given.map((value, index) => valueOf(value, `${where}.args[${index}]`)), namedArgs: [] }
  const namedArgs = entries.map(([name, value]) => ({
    name: textOf(name, `${where}.args`),
    value: valueOf(value, `${where}.args.${name}`),
  }))
  return { args: [], namedArgs }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) invalid(`${where} must be an object`)
  return value as Fields
}

function statementOf(value: unknown, where: string): Statement {
  if (typeof value === 'string') return { sql: textOf(value, where), args: [], namedArgs: [], wantRows: true }
  const fields = fieldsOf(value, where)
  return { sql: textOf(fields['sql'], `${where}.sql`), ...argsOf(fields['args'], where), wantRows: true }
}

function statementsOf(fields: Fields): readonly Statement[] {
  if (fields['statements'] === undefined) return [statementOf(fields, 'body')]
  if (fields['sql'] !== undefined) invalid('either sql or statements, not both')
  const list: unknown = fields['statements']
  if (!Array.isArray(list) || list.length === 0)
    return invalid('statements must be an array with at least one statement')
  if (list.length > STATEMENTS_MAX) invalid(`${list.length} statements, at most ${STATEMENTS_MAX}`)
  return list.map((value, index) => {
    const statement = statementOf(value, `statements[${index}]`)
    if (controlOf(statement.sql) !== undefined) {
      throw new Invalid(
        'TRANSACTION_CONTROL',
        `statements[${index}]: the request is the transaction, ${statement.sql.slice(0, 20)} has no place in it`,
      )
    }
    return statement
  })
}

function requestOf(body: unknown): StatementsRequest {
  if (typeof body === 'string') return { statements: [statementOf(body, 'body')] }
  const fields = fieldsOf(body, 'body')
  const statements = statementsOf(fields)
  const id = fields['idempotencyKey']
  if (id === undefined || id === null) return { statements }
  const text = textOf(id, 'idempotencyKey')
  if (!isTransactionId(text)) throw new Invalid('ID_INVALID', 'idempotencyKey must be 1 to 128 bytes')
  return { statements, id: text }
}

/** Understands one statement or a list of them. @param body - What JSON.parse gave. */
export function parseStatements(body: unknown): Result<StatementsRequest, HttpError> {
  try {
    return ok(requestOf(body))
  } catch (error) {
    if (error instanceof Invalid) return err(badRequest(error.code, error.message))
    throw error
  }
}

/** Statements as a program: all of them or none. */
export function transactionProgram(statements: readonly Statement[]): Program {
  const [first] = statements
  if (first !== undefined && statements.length === 1) return { requests: [{ kind: 'execute', statement: first }] }
  return atomicProgram(statements)
}
