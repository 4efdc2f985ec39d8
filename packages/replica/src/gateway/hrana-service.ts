// A pipeline from its words to its results. Nothing here knows HTTP.

import type { BatchStep, HranaError, PipelineRequest, SqlSource, StreamRequest, StreamResult } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { assert, err, must, ok } from '@quorate/kernel'
import type { Height, ProgramRequest, Statement, Step } from '@quorate/types'
import type { ReadLevel } from '../host/reads.ts'
import type { HttpError } from './answers.ts'
import { outcomeError, refusedAnswer } from './answers.ts'
import type { Executed } from './execute.ts'
import type { InteractivePorts } from './interactive.ts'
import { Interactive } from './interactive.ts'
import { foresee } from './program.ts'
import { failed, resultOf } from './results.ts'
import { Stream } from './streams.ts'

/** What comes with a pipeline besides its body. */
export interface PipelineOptions {
  readonly level: ReadLevel
  /** The client's id for the whole request, which then must be one transaction. */
  readonly id?: string
}

/** A pipeline's results. */
export interface PipelineAnswer {
  readonly baton?: string
  readonly height?: Height
  readonly results: readonly StreamResult[]
}

/** One request's place in the answer: decided already, or the program's answer at the same index. */
type Slot =
  | { readonly kind: 'done'; readonly result: StreamResult }
  | { readonly kind: 'sql'; readonly request: ProgramRequest }

const CLOSED: HranaError = { message: 'The stream has been closed', code: 'STREAM_CLOSED' }
const ROLLED_BACK: HranaError = {
  message: 'The transaction was still open at the end of its request and has been rolled back',
  code: 'TRANSACTION_ROLLED_BACK',
}
const READONLY: HttpError = {
  status: 400,
  code: 'SQLITE_READONLY',
  message: 'SQLite error: attempt to write a readonly database',
}

function notFound(id: number): HttpError {
  return { status: 400, code: 'HRANA_PROTOCOL', message: `SQL text ${id} not found` }
}

function textOf(source: SqlSource, stream: Stream): string | undefined {
  return source.kind === 'text' ? source.sql : stream.sqls.get(source.id)
}

function statementOf(stmt: BatchStep['stmt'], stream: Stream): Result<Statement, HttpError> {
  const sql = textOf(stmt.source, stream)
  if (sql === undefined) return err(notFound(stmt.source.kind === 'stored' ? stmt.source.id : 0))
  return ok({ sql, args: stmt.args, namedArgs: stmt.namedArgs, wantRows: stmt.wantRows })
}

function batchOf(steps: readonly BatchStep[], stream: Stream): Result<ProgramRequest, HttpError> {
  const resolved: Step[] = []
  for (const { condition, stmt } of steps) {
    const statement = statementOf(stmt, stream)
    if (!statement.ok) return statement
    resolved.push(condition === undefined ? { statement: statement.value } : { condition, statement: statement.value })
  }
  return ok({ kind: 'batch', steps: resolved })
}

function isSql(slot: Slot): slot is Extract<Slot, { readonly kind: 'sql' }> {
  return slot.kind === 'sql'
}

export class HranaService {
  readonly #ports: InteractivePorts

  constructor(ports: InteractivePorts) {
    this.#ports = ports
  }

  /** Answers a pipeline. An error means that its stream, if it had one, is closed. */
  async pipeline(request: PipelineRequest, options: PipelineOptions): Promise<Result<PipelineAnswer, HttpError>> {
    const { streams } = this.#ports
    const resumed = request.baton === undefined ? ok(new Stream()) : streams.resume(request.baton)
    if (!resumed.ok) return resumed
    const stream = resumed.value
    let answer: Result<PipelineAnswer, HttpError> | undefined
    try {
      answer = await this.#answer(stream, request.requests, options)
    } finally {
      if (answer?.ok !== true) streams.drop(stream)
    }
    if (!answer.ok) return answer
    const baton = streams.park(stream)
    return ok(baton === undefined ? answer.value : { ...answer.value, baton })
  }

  async #answer(
    stream: Stream,
    requests: readonly StreamRequest[],
    options: PipelineOptions,
  ): Promise<Result<PipelineAnswer, HttpError>> {
    const planned = this.#plan(stream, requests)
    if (!planned.ok) return planned
    const { slots, closes } = planned.value
    const sql = slots.filter(isSql).map((slot) => slot.request)
    const answer =
      sql.length === 0 ? ok<PipelineAnswer>({ results: [] }) : await this.#runAll(stream, sql, closes, options)
    if (!answer.ok) return answer
    if (closes) stream.closed = true
    let next = 0
    const results = slots.map((slot) => {
      if (slot.kind === 'done') return slot.result
      next += 1
      return must(answer.value.results[next - 1], 'a result for each request')
    })
    return ok({ ...answer.value, results })
  }

  /** Looks up stored SQL, stores and forgets texts, and finds where the stream closes. */
  #plan(
    stream: Stream,
    requests: readonly StreamRequest[],
  ): Result<{ slots: readonly Slot[]; closes: boolean }, HttpError> {
    const slots: Slot[] = []
    let closes = false
    for (const request of requests) {
      if (closes) {
        slots.push({ kind: 'done', result: failed(CLOSED) })
        continue
      }
      const slot = this.#slot(stream, request)
      if (!slot.ok) return slot
      slots.push(slot.value)
      closes = request.kind === 'close'
    }
    return ok({ slots, closes })
  }

  #slot(stream: Stream, request: StreamRequest): Result<Slot, HttpError> {
    const sql = (program: ProgramRequest): Result<Slot, HttpError> => ok({ kind: 'sql', request: program })
    switch (request.kind) {
      case 'execute': {
        const statement = statementOf(request.stmt, stream)
        return statement.ok ? sql({ kind: 'execute', statement: statement.value }) : statement
      }
      case 'batch': {
        const batch = batchOf(request.steps, stream)
        return batch.ok ? sql(batch.value) : batch
      }
      case 'sequence':
      case 'describe': {
        const text = textOf(request.source, stream)
        if (text === undefined) return err(notFound(request.source.kind === 'stored' ? request.source.id : 0))
        return sql({ kind: request.kind, sql: text })
      }
      case 'get_autocommit':
        return sql({ kind: 'autocommit' })
      case 'store_sql': {
        if (stream.sqls.has(request.id))
          return err({ status: 400, code: 'HRANA_PROTOCOL', message: `SQL text ${request.id} already exists` })
        const error = this.#ports.streams.storeSql(stream, request.id, request.sql)
        return ok({
          kind: 'done',
          result: error === undefined ? { kind: 'ok', response: { kind: 'store_sql' } } : failed(error),
        })
      }
      case 'close_sql':
        this.#ports.streams.closeSql(stream, request.id)
        return ok({ kind: 'done', result: { kind: 'ok', response: { kind: 'close_sql' } } })
      case 'close':
        return ok({ kind: 'done', result: { kind: 'ok', response: { kind: 'close' } } })
    }
  }

  async #runAll(
    stream: Stream,
    requests: readonly ProgramRequest[],
    closes: boolean,
    options: PipelineOptions,
  ): Promise<Result<PipelineAnswer, HttpError>> {
    this.#ports.streams.checkTime(stream)
    if (!stream.isAutocommit) return this.#interactive(stream, requests, options)
    const foresight = foresee(requests)
    if (!closes && foresight.endsOpen) return this.#interactive(stream, requests, options)
    const probed = foresight.begins && !closes
    const program = { requests: probed ? [...requests, { kind: 'autocommit' } as const] : requests }
    const { level, id } = options
    const reply = await this.#ports.execute.run(program, {
      level,
      ...(id === undefined ? {} : { id }),
      mayWrite: !foresight.isReadonly,
    })
    if (reply.kind === 'refused') return err(refusedAnswer(reply))
    if (reply.kind === 'writes')
      return foresight.isReadonly ? this.#interactive(stream, requests, options) : err(READONLY)
    return ok(this.#executed(stream, requests, reply, probed))
  }

  #executed(stream: Stream, requests: readonly ProgramRequest[], executed: Executed, probed: boolean): PipelineAnswer {
    const { height, outcome } = executed
    if (outcome.kind !== 'executed') return { height, results: requests.map(() => failed(outcomeError(outcome))) }
    const { replies } = outcome
    assert(replies.length >= requests.length, 'the ledger answers every request of a program')
    const probe = probed ? replies.at(-1) : undefined
    if (probe?.kind === 'autocommit' && !probe.autocommit) stream.broken = ROLLED_BACK
    return {
      height,
      results: requests.map((_, index) => resultOf(must(replies[index], 'a reply for each request'), stream)),
    }
  }

  async #interactive(
    stream: Stream,
    requests: readonly ProgramRequest[],
    options: PipelineOptions,
  ): Promise<Result<PipelineAnswer, HttpError>> {
    if (options.id !== undefined) {
      const message = 'Idempotency-Key names one transaction, but this request is part of an interactive one'
      return err({ status: 400, code: 'ID_NEEDS_ONE_TRANSACTION', message })
    }
    const interactive = new Interactive(this.#ports, stream, options.level)
    const results: StreamResult[] = []
    for (const request of requests) results.push(await interactive.run(request))
    return ok(interactive.height === undefined ? { results } : { results, height: interactive.height })
  }
}
