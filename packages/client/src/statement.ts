import type { HranaError, StmtResult, StreamRequest, StreamResult, Value } from '@quorate/hrana'

/** An argument: safe integers go as INTEGER, other numbers as REAL, booleans as 0 and 1. */
export type Argument = Value | boolean

/** A statement and its arguments: by position, or by name (with or without the prefix). */
export interface Statement {
  readonly sql: string
  readonly args?: readonly Argument[] | Readonly<Record<string, Argument>>
}

/** What a statement gave. INTEGER values are bigints. */
export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
  readonly affectedRows: number
  readonly lastInsertRowid: bigint | undefined
}

type Stmt = Extract<StreamRequest, { readonly kind: 'execute' }>['stmt']

function valueOf(argument: Argument): Value {
  if (typeof argument === 'boolean') return argument ? 1n : 0n
  return typeof argument === 'number' && Number.isSafeInteger(argument) ? BigInt(argument) : argument
}

/** A statement in the protocol's words. */
export function stmtOf({ sql, args = [] }: Statement): Stmt {
  const isList = Array.isArray as (value: unknown) => value is readonly Argument[]
  return {
    source: { kind: 'text', sql },
    args: isList(args) ? args.map(valueOf) : [],
    namedArgs: isList(args) ? [] : Object.entries(args).map(([name, value]) => ({ name, value: valueOf(value) })),
    wantRows: true,
  }
}

/** A result in this package's words. */
export function rowsOf(result: StmtResult): Rows {
  return {
    columns: result.columns.map((column) => column.name),
    rows: result.rows,
    affectedRows: result.affectedRows,
    lastInsertRowid: result.lastInsertRowid,
  }
}

/**
 * Statements as one request that succeeds or fails as a whole. One alone is atomic by itself. Several stand between BEGIN and
 * COMMIT, each only if the one before went well, with a ROLLBACK if the end isn't reached.
 */
export function atomicRequest(statements: readonly Statement[]): StreamRequest {
  const [only] = statements
  if (only !== undefined && statements.length === 1) return { kind: 'execute', stmt: stmtOf(only) }
  const all = [{ sql: 'BEGIN IMMEDIATE' }, ...statements, { sql: 'COMMIT' }]
  const commit = all.length - 1
  return {
    kind: 'batch',
    steps: [
      ...all.map((statement, index) =>
        index === 0
          ? { stmt: stmtOf(statement) }
          : { condition: { kind: 'ok' as const, step: index - 1 }, stmt: stmtOf(statement) },
      ),
      { condition: { kind: 'not', condition: { kind: 'ok', step: commit } }, stmt: stmtOf({ sql: 'ROLLBACK' }) },
    ],
  }
}

/** What `atomicRequest` was answered: the results of its statements, or the first error. */
export function atomicResult(
  count: number,
  result: StreamResult | undefined,
): { readonly results: readonly Rows[] } | { readonly error: HranaError } {
  if (result === undefined) return { error: { code: 'BAD_ANSWER', message: 'the answer has no result' } }
  if (result.kind === 'error') return { error: result.error }
  const { response } = result
  if (response.kind === 'execute') return { results: [rowsOf(response.result)] }
  if (response.kind !== 'batch') return { error: { code: 'BAD_ANSWER', message: `a ${response.kind} answers the batch` } }
  const results: Rows[] = []
  for (const [index, step] of response.steps.entries()) {
    if (step.kind === 'error') return { error: step.error }
    if (step.kind === 'result' && index >= 1 && index <= count) results.push(rowsOf(step.result))
  }
  if (results.length !== count) return { error: { code: 'BAD_ANSWER', message: `${results.length} results of ${count} statements` } }
  return { results }
}
