// The slow path: a stream that is inside a transaction, or will be when the request ends. Each statement runs by
// itself: inside the transaction on the session's snapshot, outside of it as a transaction of the ledger of its own.
// COMMIT hands what the session recorded to the ledger, which repeats it; if anything turns out differently, others
// came first and nothing happened.
//
// A transaction that is lost (conflict, time, a refusal) leaves the stream broken: every statement answers with the
// reason until the client says ROLLBACK or closes. Were it back in autocommit instead, the rest of the client's
// transaction would be committed statement by statement.

import { newTransactionId } from './new-id.ts'
import type { HranaError, StepResult, StreamResult } from '@quorate/hrana'
import { must } from '@quorate/kernel'
import type { Condition, Height, ProgramRequest, Reply, Statement, StatementResult, Step } from '@quorate/types'
import type { ReadLevel } from '../host/reads.ts'
import { outcomeError, refusedCommit, refusedError, sqliteError, sqlError } from './answers.ts'
import type { Execute } from './execute.ts'
import type { GatewayLimits } from './limits.ts'
import type { GatewayMetrics } from './metrics.ts'
import type { Recording, Replica } from './ports.ts'
import { plainStatement, replayProgram } from './program.ts'
import { failed, resultOf, withRowid } from './results.ts'
import type { Control } from './sql-words.ts'
import { controlOf, splitStatements } from './sql-words.ts'
import type { OpenTransaction, Stream, Streams } from './streams.ts'

type Outcome = Extract<StepResult, { readonly kind: 'result' } | { readonly kind: 'error' }>

const NOTHING: Outcome = { kind: 'result', result: { columns: [], rows: [], affectedRows: 0 } }

function wrong(error: HranaError): Outcome {
  return { kind: 'error', error }
}

/** What the slow path works with. */
export interface InteractivePorts {
  readonly replica: Replica
  readonly execute: Execute
  readonly streams: Streams
  readonly limits: GatewayLimits
  readonly metrics: GatewayMetrics
}

/** One request's way through its stream. */
export class Interactive {
  readonly #ports: InteractivePorts
  readonly #stream: Stream
  readonly #level: ReadLevel
  /** Newest height that any answer came from. */
  height: Height | undefined

  constructor(ports: InteractivePorts, stream: Stream, level: ReadLevel) {
    this.#ports = ports
    this.#stream = stream
    this.#level = level
  }

  /** Runs one request. */
  async run(request: ProgramRequest): Promise<StreamResult> {
    switch (request.kind) {
      case 'execute': {
        const outcome = await this.#statement(request.statement)
        return outcome.kind === 'error'
          ? failed(outcome.error)
          : { kind: 'ok', response: { kind: 'execute', result: outcome.result } }
      }
      case 'batch':
        return { kind: 'ok', response: { kind: 'batch', steps: await this.#batch(request.steps) } }
      case 'sequence':
        return this.#sequence(request.sql)
      case 'describe':
        return this.#describe(request.sql)
      case 'autocommit':
        return { kind: 'ok', response: { kind: 'get_autocommit', autocommit: this.#stream.isAutocommit } }
    }
  }

  async #batch(steps: readonly Step[]): Promise<StepResult[]> {
    const results: StepResult[] = []
    for (const step of steps) {
      const runs = step.condition === undefined || this.#holds(step.condition, results)
      results.push(runs ? await this.#statement(step.statement) : { kind: 'skipped' })
    }
    return results
  }

  #holds(condition: Condition, results: readonly StepResult[]): boolean {
    switch (condition.kind) {
      case 'ok':
        return results[condition.step]?.kind === 'result'
      case 'error':
        return results[condition.step]?.kind === 'error'
      case 'not':
        return !this.#holds(condition.condition, results)
      case 'and':
        return condition.conditions.every((part) => this.#holds(part, results))
      case 'or':
        return condition.conditions.some((part) => this.#holds(part, results))
      case 'autocommit':
        return this.#stream.isAutocommit
    }
  }

  async #sequence(sql: string): Promise<StreamResult> {
    for (const statement of splitStatements(sql)) {
      const outcome = await this.#statement(plainStatement(statement))
      if (outcome.kind === 'error') return failed(outcome.error)
    }
    return { kind: 'ok', response: { kind: 'sequence' } }
  }

  async #describe(sql: string): Promise<StreamResult> {
    if (this.#stream.broken !== undefined) return failed(this.#stream.broken)
    const { transaction } = this.#stream
    if (transaction !== undefined) return resultOf(await transaction.session.describe(sql), this.#stream)
    return this.#alone({ kind: 'describe', sql })
  }

  async #statement(statement: Statement): Promise<Outcome> {
    const stream = this.#stream
    this.#ports.streams.checkTime(stream)
    const control = controlOf(statement.sql)
    if (stream.broken !== undefined) {
      if (control?.kind !== 'rollback') return wrong(stream.broken)
      stream.broken = undefined
      return this.#result({ columns: [], rows: [], affectedRows: 0 })
    }
    if (stream.transaction !== undefined) return this.#inside(stream.transaction, statement, control)
    return control === undefined ? this.#outside(statement) : this.#begin(control)
  }

  #result(result: StatementResult): Outcome {
    return { kind: 'result', result: withRowid(result, this.#stream) }
  }

  async #alone(request: ProgramRequest): Promise<StreamResult> {
    const reply = await this.#ports.execute.run({ requests: [request] }, { level: this.#level, mayWrite: true })
    if (reply.kind === 'refused') return failed(refusedError(reply))
    if (reply.kind === 'writes')
      return failed(sqlError({ code: 'SQLITE_READONLY', message: 'attempt to write a readonly database' }))
    this.height = reply.height
    if (reply.outcome.kind !== 'executed') return failed(outcomeError(reply.outcome))
    return resultOf(must<Reply>(reply.outcome.replies[0], 'a reply for each request'), this.#stream)
  }

  async #outside(statement: Statement): Promise<Outcome> {
    const result = await this.#alone({ kind: 'execute', statement })
    if (result.kind === 'error') return wrong(result.error)
    return result.response.kind === 'execute' ? { kind: 'result', result: result.response.result } : NOTHING
  }

  async #begin(control: Control): Promise<Outcome> {
    const { streams, replica } = this.#ports
    switch (control.kind) {
      case 'commit':
      case 'rollback':
        return wrong(sqliteError(`cannot ${control.kind} - no transaction is active`))
      case 'release':
        return wrong(sqliteError(`no such savepoint: ${control.name}`))
      case 'savepoint':
        return wrong(sqliteError('a SAVEPOINT that outlives its request needs BEGIN before it'))
      case 'begin':
        break
    }
    const full = wrong(
      sqlError({ code: 'SQLITE_BUSY', message: 'database is locked (too many interactive transactions)' }),
    )
    if (!streams.hasRoomForTransaction) return full
    const opened = await replica.openSession({
      level: this.#level,
      isReadonly: control.isReadonly || this.#level.kind === 'as-of',
    })
    if (opened.kind === 'refused') return wrong(refusedError(opened))
    if (!streams.hasRoomForTransaction) {
      opened.session.close()
      return full
    }
    this.height = opened.session.height
    streams.beginTransaction(this.#stream, opened.session)
    return this.#result({ columns: [], rows: [], affectedRows: 0 })
  }

  async #inside(transaction: OpenTransaction, statement: Statement, control: Control | undefined): Promise<Outcome> {
    const { streams, limits } = this.#ports
    this.height ??= transaction.session.height
    if (control?.kind === 'begin') return wrong(sqliteError('cannot start a transaction within a transaction'))
    if (control?.kind === 'commit') return this.#commit(transaction)
    if (control?.kind === 'rollback') {
      streams.endTransaction(this.#stream)
      return this.#result({ columns: [], rows: [], affectedRows: 0 })
    }
    if (transaction.statements >= limits.sessionStatementsMax) {
      return wrong({
        message: `an interactive transaction has at most ${limits.sessionStatementsMax} statements`,
        code: 'TRANSACTION_TOO_LARGE',
      })
    }
    transaction.statements += 1
    const reply = await transaction.session.step(statement)
    if (!reply.open) streams.endTransaction(this.#stream)
    return reply.kind === 'error' ? wrong(sqlError(reply.error)) : this.#result(reply.result)
  }

  async #commit(transaction: OpenTransaction): Promise<Outcome> {
    const recording = await transaction.session.recording()
    this.#ports.streams.endTransaction(this.#stream)
    const error = recording === undefined ? undefined : await this.#order(recording)
    if (error === undefined) return this.#result({ columns: [], rows: [], affectedRows: 0 })
    this.#stream.broken = error
    return wrong(error)
  }

  /** Has the ledger repeat what was recorded. Gives the reason where it did not come out the same and commit. */
  async #order(recording: Recording): Promise<HranaError | undefined> {
    const { replica, limits, metrics } = this.#ports
    const { statements, replay } = recording
    const reply = await replica.submit({
      id: newTransactionId(),
      program: replayProgram(statements),
      replay,
      keepMs: limits.ownIdMs,
    })
    metrics.transaction(reply.kind === 'refused' ? reply.code : reply.outcome.kind)
    if (reply.kind === 'refused') return refusedCommit(reply)
    this.height = reply.height
    if (reply.outcome.kind !== 'executed') return outcomeError(reply.outcome)
    const committed = reply.outcome.replies.at(-1)
    return committed?.kind === 'error' ? sqlError(committed.error) : undefined
  }
}
