// The server's ear: bodies of pipelines and cursors.

import type { Result } from '@quorate/kernel'
import { HRANA_LIMITS } from './limits.ts'
import { scanValue } from './parse-value.ts'
import type { Fields, ParseError, Scan } from './scan.ts'
import { scanning } from './scan.ts'
import type {
  BatchCondition,
  BatchStep,
  CursorRequest,
  NamedArg,
  PipelineRequest,
  SqlSource,
  Stmt,
  StreamRequest,
  Value,
} from './words.ts'

const NO_ARGS: readonly never[] = []

function parseSource(scan: Scan, fields: Fields): SqlSource {
  const sql = scan.optional(fields, 'sql', scan.text)
  const id = scan.optional(fields, 'sql_id', scan.int32)
  if (sql !== undefined && id !== undefined)
    return scan.refuse('INVALID', 'Either `sql` or `sql_id` are required, but not both')
  if (sql !== undefined) return { kind: 'text', sql }
  if (id !== undefined) return { kind: 'stored', id }
  return scan.refuse('INVALID', 'Either `sql` or `sql_id` are required')
}

function parseNamedArg(scan: Scan, value: unknown): NamedArg {
  const fields = scan.fields(value)
  return { name: scan.field(fields, 'name', scan.text), value: scan.field(fields, 'value', (v) => scanValue(scan, v)) }
}

function parseStmt(scan: Scan, value: unknown): Stmt {
  const fields = scan.fields(value)
  const { argsMax } = HRANA_LIMITS
  const args = scan.optional(fields, 'args', (v): Value[] => scan.list(v, argsMax, (item) => scanValue(scan, item)))
  const namedArgs = scan.optional(fields, 'named_args', (v): NamedArg[] =>
    scan.list(v, argsMax, (item) => parseNamedArg(scan, item)),
  )
  const wantRows = scan.optional(fields, 'want_rows', scan.bool)
  return {
    source: parseSource(scan, fields),
    args: args ?? NO_ARGS,
    namedArgs: namedArgs ?? NO_ARGS,
    wantRows: wantRows ?? true,
  }
}

function parseCondition(scan: Scan, value: unknown, step: number, depth: number): BatchCondition {
  if (depth >= HRANA_LIMITS.conditionDepthMax)
    scan.refuse('LIMIT', `conditions nested beyond ${HRANA_LIMITS.conditionDepthMax}`)
  const fields = scan.fields(value)
  const earlier = (): number =>
    scan.field(fields, 'step', (index) => {
      const named = scan.count(index)
      return named < step
        ? named
        : scan.refuse('INVALID', `Invalid reference to step in a batch condition: ${named} in step ${step}`)
    })
  const list = (): BatchCondition[] =>
    scan.field(fields, 'conds', (v) =>
      scan.list(v, HRANA_LIMITS.conditionsMax, (item) => parseCondition(scan, item, step, depth + 1)),
    )
  switch (fields['type']) {
    case 'ok':
      return { kind: 'ok', step: earlier() }
    case 'error':
      return { kind: 'error', step: earlier() }
    case 'not':
      return { kind: 'not', condition: scan.field(fields, 'cond', (v) => parseCondition(scan, v, step, depth + 1)) }
    case 'and':
      return { kind: 'and', conditions: list() }
    case 'or':
      return { kind: 'or', conditions: list() }
    case 'is_autocommit':
      return { kind: 'autocommit' }
    default:
      return scan.refuse('INVALID', 'BatchCond type not recognized')
  }
}

function parseStep(scan: Scan, value: unknown, index: number): BatchStep {
  const fields = scan.fields(value)
  const condition = scan.optional(fields, 'condition', (v) => parseCondition(scan, v, index, 0))
  const stmt = scan.field(fields, 'stmt', (v) => parseStmt(scan, v))
  return condition === undefined ? { stmt } : { condition, stmt }
}

function parseSteps(scan: Scan, value: unknown): BatchStep[] {
  return scan.field(scan.fields(value), 'steps', (v) =>
    scan.list(v, HRANA_LIMITS.stepsMax, (item, index) => parseStep(scan, item, index)),
  )
}

function parseStreamRequest(scan: Scan, value: unknown): StreamRequest {
  const fields = scan.fields(value)
  switch (fields['type']) {
    case 'close':
      return { kind: 'close' }
    case 'execute':
      return { kind: 'execute', stmt: scan.field(fields, 'stmt', (v) => parseStmt(scan, v)) }
    case 'batch':
      return { kind: 'batch', steps: scan.field(fields, 'batch', (v) => parseSteps(scan, v)) }
    case 'sequence':
      return { kind: 'sequence', source: parseSource(scan, fields) }
    case 'describe':
      return { kind: 'describe', source: parseSource(scan, fields) }
    case 'store_sql':
      return {
        kind: 'store_sql',
        id: scan.field(fields, 'sql_id', scan.int32),
        sql: scan.field(fields, 'sql', scan.text),
      }
    case 'close_sql':
      return { kind: 'close_sql', id: scan.field(fields, 'sql_id', scan.int32) }
    case 'get_autocommit':
      return { kind: 'get_autocommit' }
    default:
      return scan.refuse('INVALID', 'StreamRequest type not recognized')
  }
}

/**
 * Understands the body of a pipeline.
 * @param body - What JSON.parse gave; any value at all is answered, none throws.
 */
export function parsePipelineRequest(body: unknown): Result<PipelineRequest, ParseError> {
  return scanning((scan) => {
    const fields = scan.fields(body)
    const baton = scan.optional(fields, 'baton', scan.text)
    const requests = scan.field(fields, 'requests', (v) =>
      scan.list(v, HRANA_LIMITS.requestsMax, (item) => parseStreamRequest(scan, item)),
    )
    return baton === undefined ? { requests } : { baton, requests }
  })
}

/** Understands the body of a cursor. @param body - What JSON.parse gave. */
export function parseCursorRequest(body: unknown): Result<CursorRequest, ParseError> {
  return scanning((scan) => {
    const fields = scan.fields(body)
    const baton = scan.optional(fields, 'baton', scan.text)
    const steps = scan.field(fields, 'batch', (v) => parseSteps(scan, v))
    return baton === undefined ? { steps } : { baton, steps }
  })
}
