// The client's voice: bodies of pipelines and cursors.

import { printValue } from './print-value.ts'
import type {
  BatchCondition,
  BatchStep,
  CursorRequest,
  PipelineRequest,
  SqlSource,
  Stmt,
  StreamRequest,
} from './words.ts'

function printSource(source: SqlSource): string {
  return source.kind === 'text' ? `"sql":${JSON.stringify(source.sql)}` : `"sql_id":${source.id}`
}

function printStmt(stmt: Stmt): string {
  const args = stmt.args.map(printValue).join(',')
  const named = stmt.namedArgs
    .map((arg) => `{"name":${JSON.stringify(arg.name)},"value":${printValue(arg.value)}}`)
    .join(',')
  return `{${printSource(stmt.source)},"args":[${args}],"named_args":[${named}],"want_rows":${stmt.wantRows}}`
}

function printCondition(condition: BatchCondition): string {
  switch (condition.kind) {
    case 'ok':
    case 'error':
      return `{"type":"${condition.kind}","step":${condition.step}}`
    case 'not':
      return `{"type":"not","cond":${printCondition(condition.condition)}}`
    case 'and':
    case 'or':
      return `{"type":"${condition.kind}","conds":[${condition.conditions.map(printCondition).join(',')}]}`
    case 'autocommit':
      return '{"type":"is_autocommit"}'
  }
}

function printSteps(steps: readonly BatchStep[]): string {
  const printed = steps.map((step) => {
    const condition = step.condition === undefined ? '' : `"condition":${printCondition(step.condition)},`
    return `{${condition}"stmt":${printStmt(step.stmt)}}`
  })
  return `{"steps":[${printed.join(',')}]}`
}

function printStreamRequest(request: StreamRequest): string {
  switch (request.kind) {
    case 'close':
    case 'get_autocommit':
      return `{"type":"${request.kind}"}`
    case 'execute':
      return `{"type":"execute","stmt":${printStmt(request.stmt)}}`
    case 'batch':
      return `{"type":"batch","batch":${printSteps(request.steps)}}`
    case 'sequence':
    case 'describe':
      return `{"type":"${request.kind}",${printSource(request.source)}}`
    case 'store_sql':
      return `{"type":"store_sql","sql_id":${request.id},"sql":${JSON.stringify(request.sql)}}`
    case 'close_sql':
      return `{"type":"close_sql","sql_id":${request.id}}`
  }
}

function printBaton(baton: string | undefined): string {
  return baton === undefined ? '' : `"baton":${JSON.stringify(baton)},`
}

/** JSON of a pipeline. */
export function printPipelineRequest(request: PipelineRequest): string {
  return `{${printBaton(request.baton)}"requests":[${request.requests.map(printStreamRequest).join(',')}]}`
}

/** JSON of a cursor's request. */
export function printCursorRequest(request: CursorRequest): string {
  return `{${printBaton(request.baton)}"batch":${printSteps(request.steps)}}`
}
