import type { StmtResult, StreamRequest, Value } from '@quorate/hrana'
import { parseValue, printValue } from '@quorate/hrana'
import { asObject } from './http.ts'

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

/** A statement as REST takes it, its arguments as Hrana's values: exact, whatever JSON makes of numbers. */
export function printStatement(statement: Statement): string {
  const { args, namedArgs } = stmtOf(statement)
  const named = namedArgs.map(({ name, value }) => `${JSON.stringify(name)}:${printValue(value)}`)
  const bound = namedArgs.length > 0 ? `{${named.join(',')}}` : `[${args.map(printValue).join(',')}]`
  return `{"sql":${JSON.stringify(statement.sql)},"args":${bound}}`
}

function parseRow(row: unknown, width: number): readonly Value[] | undefined {
  if (!Array.isArray(row) || row.length !== width) return undefined
  const values: Value[] = []
  for (const each of row) {
    const value = parseValue(each)
    if (!value.ok) return undefined
    values.push(value.value)
  }
  return values
}

/** Reads one result of a REST answer; undefined where it isn't one. */
export function parseRows(value: unknown): Rows | undefined {
  const { columns, rows, affectedRows, lastInsertRowid } = (asObject(value) ?? {}) as Readonly<Record<string, unknown>>
  if (!Array.isArray(columns) || !Array.isArray(rows) || typeof affectedRows !== 'number') return undefined
  const names = columns.map((column) => asObject(column)?.['name']).filter((name) => typeof name === 'string')
  const parsed = rows.map((row) => parseRow(row, columns.length)).filter((row) => row !== undefined)
  if (names.length !== columns.length || parsed.length !== rows.length) return undefined
  const hasRowid = typeof lastInsertRowid === 'string' && /^-?\d{1,19}$/.test(lastInsertRowid)
  return { columns: names, rows: parsed, affectedRows, lastInsertRowid: hasRowid ? BigInt(lastInsertRowid) : undefined }
}

/** Results of a REST answer and where it stands. */
export interface Placed {
  readonly height: number
  readonly position: number | undefined
  readonly duplicate: boolean
  readonly results: readonly Rows[]
}

/** Reads a REST answer that brings results; undefined where it doesn't. */
export function parsePlaced(value: unknown): Placed | undefined {
  const { height, position, duplicate, results } = asObject(value) ?? {}
  if (typeof height !== 'number' || !Array.isArray(results)) return undefined
  const parsed = results.map(parseRows).filter((rows) => rows !== undefined)
  if (parsed.length !== results.length) return undefined
  const place = typeof position === 'number' ? position : undefined
  return { height, position: place, duplicate: duplicate === true, results: parsed }
}
