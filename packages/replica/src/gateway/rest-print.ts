// Answers of the REST interface. Values are Hrana's `{type, value}`, so that 64-bit integers and blobs are exact.

import { printValue } from '@quorate/hrana'
import { toHex } from '@quorate/kernel'
import type {
  Condition,
  Governance,
  Height,
  Outcome,
  Program,
  Reply,
  SqlError,
  Statement,
  StatementResult,
  StepReply,
} from '@quorate/types'
import type { HttpError } from './answers.ts'
import { outcomeError, refusedAnswer, sqlError } from './answers.ts'
import type { Executed } from './execute.ts'
import type { FinalOutcome, Refused, TransactionView } from './ports.ts'

/** JSON and the status it goes out with when it is the whole answer. */
export interface Printed {
  readonly status: number
  readonly json: string
  readonly retryAfterMs?: number
  /** Of the ledger, where the answer speaks of one. */
  readonly height?: Height
}

const TOO_LARGE: SqlError = { code: 'RESPONSE_TOO_LARGE', message: 'Response is too large' }

function printColumn(column: StatementResult['columns'][number]): string {
  const decltype = column.decltype === undefined ? '' : `,"decltype":${JSON.stringify(column.decltype)}`
  return `{"name":${JSON.stringify(column.name)}${decltype}}`
}

/** Undefined: more than `charsMax`. */
function printResult(result: StatementResult, charsMax: number): string | undefined {
  let text = `{"columns":[${result.columns.map(printColumn).join(',')}],"rows":[`
  let separator = ''
  for (const row of result.rows) {
    text += `${separator}[${row.map(printValue).join(',')}]`
    separator = ','
    if (text.length > charsMax) return undefined
  }
  const rowid = result.lastInsertRowid === undefined ? '' : `,"lastInsertRowid":"${result.lastInsertRowid}"`
  return `${text}],"affectedRows":${result.affectedRows}${rowid}}`
}

/** The results of a program's statements, or its first error and the statement that made it. */
type Results =
  | { readonly kind: 'results'; readonly results: readonly StatementResult[] }
  | { readonly kind: 'error'; readonly error: SqlError; readonly statement: number }

function stepsOf(replies: readonly Reply[]): readonly StepReply[] {
  const steps: StepReply[] = []
  for (const reply of replies) {
    // An atomic program is one batch: BEGIN, the statements, COMMIT, ROLLBACK.
    if (reply.kind === 'batch') steps.push(...reply.steps.slice(1, -2))
    else if (reply.kind === 'result' || reply.kind === 'error') steps.push(reply)
  }
  return steps
}

function commitOf(replies: readonly Reply[]): StepReply | undefined {
  const [reply] = replies
  return reply?.kind === 'batch' ? reply.steps.at(-2) : undefined
}

function resultsOf(replies: readonly Reply[]): Results {
  const results: StatementResult[] = []
  for (const [statement, step] of stepsOf(replies).entries()) {
    if (step.kind === 'error') return { kind: 'error', error: step.error, statement }
    if (step.kind === 'result') results.push(step.result)
  }
  const commit = commitOf(replies)
  return commit?.kind === 'error'
    ? { kind: 'error', error: commit.error, statement: results.length }
    : { kind: 'results', results }
}

function printPlace(executed: Executed): string {
  const { written, height } = executed
  if (written === undefined) return `"height":${height}`
  const { id, position, duplicate } = written
  return `"id":${JSON.stringify(id)},"height":${height},"position":${position},"duplicate":${duplicate}`
}

function printFailure(error: SqlError, place: string, statement?: number): Printed {
  const { message, code } = sqlError(error)
  const where = statement === undefined ? '' : `"statement":${statement},`
  return { status: 400, json: `{"message":${JSON.stringify(message)},"code":${JSON.stringify(code)},${where}${place}}` }
}

/** What a program gave: results, or the error that undid it. */
export function printExecuted(executed: Executed, charsMax: number): Printed {
  return { ...printOutcome(executed, charsMax), height: executed.height }
}

function printOutcome(executed: Executed, charsMax: number): Printed {
  const { outcome } = executed
  const place = printPlace(executed)
  if (outcome.kind === 'conflict') {
    const message = JSON.stringify(outcomeError(outcome).message)
    return { status: 409, json: `{"message":${message},"code":"SQLITE_BUSY",${place}}` }
  }
  if (outcome.kind === 'failed') return printFailure(outcome.error, place)
  const found = resultsOf(outcome.replies)
  if (found.kind === 'error') return printFailure(found.error, place, found.statement)
  let text = ''
  for (const result of found.results) {
    const printed = printResult(result, charsMax - text.length)
    if (printed === undefined) return printFailure(TOO_LARGE, place)
    text += text === '' ? printed : `,${printed}`
  }
  return { status: 200, json: `{${place},"results":[${text}]}` }
}

/** An error as one of several answers: a line of a batch. */
export function printHttpError(error: HttpError, id?: string): Printed {
  const retry = error.retryAfterMs === undefined ? '' : `,"retryAfterMs":${error.retryAfterMs}`
  const named = id === undefined ? '' : `,"id":${JSON.stringify(id)}`
  const json = `{"message":${JSON.stringify(error.message)},"code":${JSON.stringify(error.code)}${retry}${named}}`
  return error.retryAfterMs === undefined
    ? { status: error.status, json }
    : { status: error.status, json, retryAfterMs: error.retryAfterMs }
}

/** A refusal. */
export function printRefused(refused: Refused, id?: string): Printed {
  return printHttpError(refusedAnswer(refused), id)
}

function statementJson(statement: Statement): string {
  const args = statement.args.map(printValue).join(',')
  const named = statement.namedArgs
    .map((arg) => `{"name":${JSON.stringify(arg.name)},"value":${printValue(arg.value)}}`)
    .join(',')
  return `{"sql":${JSON.stringify(statement.sql)},"args":[${args}],"namedArgs":[${named}]}`
}

function conditionJson(condition: Condition | undefined): string {
  return condition === undefined ? '' : `"condition":${JSON.stringify(condition)},`
}

/** A program as JSON. */
export function programJson(program: Program): string {
  const requests = program.requests.map((request) => {
    switch (request.kind) {
      case 'execute':
        return `{"kind":"execute","statement":${statementJson(request.statement)}}`
      case 'batch': {
        const steps = request.steps.map(
          (step) => `{${conditionJson(step.condition)}"statement":${statementJson(step.statement)}}`,
        )
        return `{"kind":"batch","steps":[${steps.join(',')}]}`
      }
      case 'sequence':
      case 'describe':
      case 'autocommit':
        return JSON.stringify(request)
    }
  })
  return `{"requests":[${requests.join(',')}]}`
}

function stepJson(step: StepReply | Reply): string {
  if (step.kind === 'result') return `{"kind":"result","result":${printResult(step.result, Infinity) ?? 'null'}}`
  if (step.kind === 'batch') return `{"kind":"batch","steps":[${step.steps.map(stepJson).join(',')}]}`
  return JSON.stringify(step)
}

function outcomeJson(outcome: Outcome | FinalOutcome): string {
  if (outcome.kind !== 'executed') return JSON.stringify(outcome)
  return `{"kind":"executed","gas":${outcome.gas},"replies":[${outcome.replies.map(stepJson).join(',')}]}`
}

/** A member's order as JSON. */
export function governanceJson({ ledger, author, action, signature }: Governance): string {
  const plain = action.kind === 'propose' ? { kind: action.kind, change: action.change } : action
  return JSON.stringify({ ledger, author, action: plain, signature: toHex(signature) })
}

/** A transaction with its place, what it says, and its outcome. */
export function printTransaction(view: TransactionView): string {
  const { program, governance, outcome, ...place } = view
  const sql = program === undefined ? '' : `"program":${programJson(program)},`
  const order = governance === undefined ? '' : `"governance":${governanceJson(governance)},`
  return `${JSON.stringify(place).slice(0, -1)},${sql}${order}"outcome":${outcomeJson(outcome)}}`
}
