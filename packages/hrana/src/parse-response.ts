// The client's ear: answers of pipelines and lines of cursors.

import type { Result } from '@quorate/kernel'
import { HRANA_LIMITS } from './limits.ts'
import { scanInteger, scanValue } from './parse-value.ts'
import type { Fields, ParseError, Scan } from './scan.ts'
import { scanning } from './scan.ts'
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
  Value,
} from './words.ts'

function parseError(scan: Scan, value: unknown): HranaError {
  const fields = scan.fields(value)
  const message = scan.field(fields, 'message', scan.text)
  const code = scan.optional(fields, 'code', scan.text)
  return code === undefined ? { message } : { message, code }
}

function parseCol(scan: Scan, value: unknown): Col {
  const fields = scan.fields(value)
  const name = scan.optional(fields, 'name', scan.text) ?? ''
  const decltype = scan.optional(fields, 'decltype', scan.text)
  return decltype === undefined ? { name } : { name, decltype }
}

function parseCols(scan: Scan, fields: Fields): Col[] {
  return scan.field(fields, 'cols', (v) => scan.list(v, HRANA_LIMITS.columnsMax, (item) => parseCol(scan, item)))
}

function parseRow(scan: Scan, value: unknown): Value[] {
  return scan.list(value, HRANA_LIMITS.columnsMax, (item) => scanValue(scan, item))
}

function parseChanges(scan: Scan, fields: Fields): { affectedRows: number; lastInsertRowid?: bigint } {
  const affectedRows = scan.field(fields, 'affected_row_count', scan.count)
  const lastInsertRowid = scan.optional(fields, 'last_insert_rowid', (v) => scanInteger(scan, v))
  return lastInsertRowid === undefined ? { affectedRows } : { affectedRows, lastInsertRowid }
}

function parseStmtResult(scan: Scan, value: unknown): StmtResult {
  const fields = scan.fields(value)
  const columns = parseCols(scan, fields)
  const rows = scan.field(fields, 'rows', (v) => scan.list(v, HRANA_LIMITS.rowsMax, (item) => parseRow(scan, item)))
  return { columns, rows, ...parseChanges(scan, fields) }
}

function parseSteps(scan: Scan, value: unknown): StepResult[] {
  const fields = scan.fields(value)
  const { stepsMax } = HRANA_LIMITS
  const results = scan.field(fields, 'step_results', (v) =>
    scan.list(v, stepsMax, (item) => (item === null ? undefined : parseStmtResult(scan, item))),
  )
  const errors = scan.field(fields, 'step_errors', (v) =>
    scan.list(v, stepsMax, (item) => (item === null ? undefined : parseError(scan, item))),
  )
  if (results.length !== errors.length)
    scan.refuse('INVALID', `${results.length} step results, ${errors.length} step errors`)
  return results.map((result, index): StepResult => {
    const error = errors[index]
    if (result !== undefined && error !== undefined)
      return scan.refuse('INVALID', `step ${index} has both a result and an error`)
    if (result !== undefined) return { kind: 'result', result }
    return error === undefined ? { kind: 'skipped' } : { kind: 'error', error }
  })
}

function parseDescription(scan: Scan, value: unknown): StmtDescription {
  const fields = scan.fields(value)
  const parameters = scan.field(fields, 'params', (v) =>
    scan.list(v, HRANA_LIMITS.argsMax, (item) => {
      const name = scan.optional(scan.fields(item), 'name', scan.text)
      return name === undefined ? {} : { name }
    }),
  )
  const isExplain = scan.field(fields, 'is_explain', scan.bool)
  const isReadonly = scan.field(fields, 'is_readonly', scan.bool)
  return { parameters, columns: parseCols(scan, fields), isExplain, isReadonly }
}

function parseStreamResponse(scan: Scan, value: unknown): StreamResponse {
  const fields = scan.fields(value)
  const kind = fields['type']
  switch (kind) {
    case 'close':
    case 'sequence':
    case 'store_sql':
    case 'close_sql':
      return { kind }
    case 'execute':
      return { kind, result: scan.field(fields, 'result', (v) => parseStmtResult(scan, v)) }
    case 'batch':
      return { kind, steps: scan.field(fields, 'result', (v) => parseSteps(scan, v)) }
    case 'describe':
      return { kind, description: scan.field(fields, 'result', (v) => parseDescription(scan, v)) }
    case 'get_autocommit':
      return { kind, autocommit: scan.field(fields, 'is_autocommit', scan.bool) }
    default:
      return scan.refuse('INVALID', 'StreamResponse type not recognized')
  }
}

function parseStreamResult(scan: Scan, value: unknown): StreamResult {
  const fields = scan.fields(value)
  switch (fields['type']) {
    case 'ok':
      return { kind: 'ok', response: scan.field(fields, 'response', (v) => parseStreamResponse(scan, v)) }
    case 'error':
      return { kind: 'error', error: scan.field(fields, 'error', (v) => parseError(scan, v)) }
    default:
      return scan.refuse('INVALID', 'StreamResult type not recognized')
  }
}

function parseHead(scan: Scan, fields: Fields): CursorHead {
  const baton = scan.optional(fields, 'baton', scan.text)
  const baseUrl = scan.optional(fields, 'base_url', scan.text)
  return { ...(baton === undefined ? {} : { baton }), ...(baseUrl === undefined ? {} : { baseUrl }) }
}

/** Understands a pipeline's answer. @param body - What JSON.parse gave. */
export function parsePipelineResponse(body: unknown): Result<PipelineResponse, ParseError> {
  return scanning((scan) => {
    const fields = scan.fields(body)
    const results = scan.field(fields, 'results', (v) =>
      scan.list(v, HRANA_LIMITS.requestsMax, (item) => parseStreamResult(scan, item)),
    )
    return { ...parseHead(scan, fields), results }
  })
}

/** Understands the first line of a cursor's answer. @param line - What JSON.parse gave. */
export function parseCursorHead(line: unknown): Result<CursorHead, ParseError> {
  return scanning((scan) => parseHead(scan, scan.fields(line)))
}

/** Understands a later line of a cursor's answer; undefined for kinds of lines this software does not know. */
export function parseCursorEntry(line: unknown): Result<CursorEntry | undefined, ParseError> {
  return scanning((scan): CursorEntry | undefined => {
    const fields = scan.fields(line)
    const kind = scan.field(fields, 'type', scan.text)
    const step = (): number => scan.field(fields, 'step', scan.count)
    const error = (): HranaError => scan.field(fields, 'error', (v) => parseError(scan, v))
    switch (kind) {
      case 'step_begin':
        return { kind, step: step(), columns: parseCols(scan, fields) }
      case 'row':
        return { kind, row: scan.field(fields, 'row', (v) => parseRow(scan, v)) }
      case 'step_end':
        return { kind, ...parseChanges(scan, fields) }
      case 'step_error':
        return { kind, step: step(), error: error() }
      case 'error':
        return { kind, error: error() }
      default:
        return undefined
    }
  })
}
