// The server's voice: answers of pipelines and lines of cursors. The answer's size is bounded while it is written: the
// result that would cross the bound, and it alone, becomes an error.

import { printValue } from './print-value.ts'
import type {
  Col,
  CursorEntry,
  CursorHead,
  HranaError,
  PipelineResponse,
  StepResult,
  StmtDescription,
  StmtResult,
  StreamResponse,
  StreamResult,
} from './words.ts'

/** How to print an answer. */
export interface PrintOptions {
  /** Most UTF-16 units of all results together. */
  readonly charsMax: number
  /** The state that answered; libSQL's extension for reading one's own writes. */
  readonly replicationIndex?: number
}

/** What a result becomes that has no room in the answer. */
export const RESPONSE_TOO_LARGE: HranaError = { message: 'Response is too large', code: 'RESPONSE_TOO_LARGE' }

/** JSON of an error. */
export function printError(error: HranaError): string {
  const code = error.code === undefined ? '' : `,"code":${JSON.stringify(error.code)}`
  return `{"message":${JSON.stringify(error.message)}${code}}`
}

function printCol(col: Col): string {
  const decltype = col.decltype === undefined ? 'null' : JSON.stringify(col.decltype)
  return `{"name":${JSON.stringify(col.name)},"decltype":${decltype}}`
}

function printRow(row: StmtResult['rows'][number]): string {
  let text = '['
  for (let i = 0; i < row.length; i += 1) text += (i === 0 ? '' : ',') + printValue(row[i] ?? null)
  return `${text}]`
}

function printChanges(result: { readonly affectedRows: number; readonly lastInsertRowid?: bigint }): string {
  const rowid = result.lastInsertRowid === undefined ? 'null' : `"${result.lastInsertRowid}"`
  return `"affected_row_count":${result.affectedRows},"last_insert_rowid":${rowid}`
}

function printIndex(options: PrintOptions): string {
  return options.replicationIndex === undefined ? '' : `,"replication_index":"${options.replicationIndex}"`
}

/** Undefined: more than `options.charsMax`. */
function printStmtResult(result: StmtResult, options: PrintOptions): string | undefined {
  let text = `{"cols":[${result.columns.map(printCol).join(',')}],"rows":[`
  let first = true
  for (const row of result.rows) {
    text += first ? printRow(row) : `,${printRow(row)}`
    first = false
    if (text.length > options.charsMax) return undefined
  }
  return `${text}],${printChanges(result)}${printIndex(options)}}`
}

function printSteps(steps: readonly StepResult[], options: PrintOptions): string | undefined {
  const results: string[] = []
  const errors: string[] = []
  let charsLeft = options.charsMax
  for (const step of steps) {
    const result = step.kind === 'result' ? printStmtResult(step.result, { ...options, charsMax: charsLeft }) : 'null'
    if (result === undefined) return undefined
    const error = step.kind === 'error' ? printError(step.error) : 'null'
    charsLeft -= result.length + error.length
    results.push(result)
    errors.push(error)
  }
  if (charsLeft < 0) return undefined
  return `{"step_results":[${results.join(',')}],"step_errors":[${errors.join(',')}]${printIndex(options)}}`
}

function printDescription(description: StmtDescription): string {
  const params = description.parameters.map(
    ({ name }) => `{"name":${name === undefined ? 'null' : JSON.stringify(name)}}`,
  )
  const cols = description.columns.map(printCol)
  const { isExplain, isReadonly } = description
  return `{"params":[${params.join(',')}],"cols":[${cols.join(',')}],"is_explain":${isExplain},"is_readonly":${isReadonly}}`
}

function printStreamResponse(response: StreamResponse, options: PrintOptions): string | undefined {
  switch (response.kind) {
    case 'close':
    case 'sequence':
    case 'store_sql':
    case 'close_sql':
      return `{"type":"${response.kind}"}`
    case 'execute': {
      const result = printStmtResult(response.result, options)
      return result === undefined ? undefined : `{"type":"execute","result":${result}}`
    }
    case 'batch': {
      const result = printSteps(response.steps, options)
      return result === undefined ? undefined : `{"type":"batch","result":${result}}`
    }
    case 'describe':
      return `{"type":"describe","result":${printDescription(response.description)}}`
    case 'get_autocommit':
      return `{"type":"get_autocommit","is_autocommit":${response.autocommit}}`
  }
}

function printStreamResult(result: StreamResult, options: PrintOptions): string {
  if (result.kind === 'error') return `{"type":"error","error":${printError(result.error)}}`
  const response = printStreamResponse(result.response, options)
  return response === undefined || response.length > options.charsMax
    ? `{"type":"error","error":${printError(RESPONSE_TOO_LARGE)}}`
    : `{"type":"ok","response":${response}}`
}

function printHead(head: CursorHead): string {
  const baton = head.baton === undefined ? 'null' : JSON.stringify(head.baton)
  return `"baton":${baton},"base_url":${head.baseUrl === undefined ? 'null' : JSON.stringify(head.baseUrl)}`
}

/** JSON of a pipeline's answer. */
export function printPipelineResponse(response: PipelineResponse, options: PrintOptions): string {
  let text = ''
  for (const result of response.results) {
    const charsMax = options.charsMax - text.length
    text +=
      (text === '' ? '' : ',') +
      printStreamResult(result, charsMax === options.charsMax ? options : { ...options, charsMax })
  }
  return `{${printHead(response)},"results":[${text}]}`
}

/** First line of a cursor's answer, without its line end. */
export function printCursorHead(head: CursorHead): string {
  return `{${printHead(head)}}`
}

/** A later line of a cursor's answer, without its line end. */
export function printCursorEntry(entry: CursorEntry): string {
  switch (entry.kind) {
    case 'step_begin':
      return `{"type":"step_begin","step":${entry.step},"cols":[${entry.columns.map(printCol).join(',')}]}`
    case 'row':
      return `{"type":"row","row":${printRow(entry.row)}}`
    case 'step_end':
      return `{"type":"step_end",${printChanges(entry)}}`
    case 'step_error':
      return `{"type":"step_error","step":${entry.step},"error":${printError(entry.error)}}`
    case 'error':
      return `{"type":"error","error":${printError(entry.error)}}`
  }
}

function* entriesOf(step: StepResult, index: number): Generator<CursorEntry> {
  if (step.kind === 'error') yield { kind: 'step_error', step: index, error: step.error }
  if (step.kind !== 'result') return
  const { columns, rows, affectedRows, lastInsertRowid } = step.result
  yield { kind: 'step_begin', step: index, columns }
  for (const row of rows) yield { kind: 'row', row }
  yield { kind: 'step_end', affectedRows, ...(lastInsertRowid === undefined ? {} : { lastInsertRowid }) }
}

/** The whole answer of a cursor, as lines. An answer beyond `options.charsMax` ends in an `error` line. */
export function printCursorResponse(head: CursorHead, steps: readonly StepResult[], options: PrintOptions): string {
  let text = `${printCursorHead(head)}\n`
  for (const [index, step] of steps.entries()) {
    for (const entry of entriesOf(step, index)) {
      const line = `${printCursorEntry(entry)}\n`
      if (text.length + line.length > options.charsMax) {
        return `${text}${printCursorEntry({ kind: 'error', error: RESPONSE_TOO_LARGE })}\n`
      }
      text += line
    }
  }
  if (options.replicationIndex !== undefined)
    text += `{"type":"replication_index","replication_index":"${options.replicationIndex}"}\n`
  return text
}
