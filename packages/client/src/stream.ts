import type { StreamRequest, StreamResult } from '@quorate/hrana'
import { parsePipelineResponse, printPipelineRequest } from '@quorate/hrana'
import { ClientError } from './client-error.ts'
import type { Fetch } from './http.ts'
import { errorIn, exchange, parseJson } from './http.ts'
import type { Rows, Statement } from './statement.ts'
import { rowsOf, stmtOf } from './statement.ts'

/** Where and how a stream asks. */
export interface StreamOptions {
  readonly url: string
  readonly fetch: Fetch
  readonly timeoutMs: number
}

/** What a statement on a stream gave. */
export interface StreamRows extends Rows {
  /** Height that was read or written; undefined inside an open transaction. */
  readonly height: number | undefined
  /** Whether no transaction is open after it. */
  readonly autocommit: boolean
}

/** Whether a statement opens a transaction that later requests go on with: then the stream must outlive its request. */
function opensTransaction(sql: string): boolean {
  return /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*(?:begin|savepoint)\b/i.test(sql)
}

/**
 * Statements one after the other on one connection of one replica. A statement outside of BEGIN ... COMMIT is a
 * transaction of its own. A transaction left open is rolled back by the server after some seconds.
 */
export class Stream {
  readonly #options: StreamOptions
  #baton: string | undefined

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** Whether a transaction is open on it. */
  get isOpen(): boolean {
    return this.#baton !== undefined
  }

  /** Runs one statement. @throws ClientError with the SQL error's code; UNREACHABLE; BAD_ANSWER */
  async execute(statement: Statement): Promise<StreamRows> {
    const { url, fetch, timeoutMs } = this.#options
    const baton = this.#baton
    const staysOpen = baton !== undefined || opensTransaction(statement.sql)
    const requests: readonly StreamRequest[] = [
      { kind: 'execute', stmt: stmtOf(statement) },
      // A statement by itself leaves no idle stream behind on the server.
      staysOpen ? { kind: 'get_autocommit' } : { kind: 'close' },
    ]
    const body = printPipelineRequest({ requests, ...(baton === undefined ? {} : { baton }) })
    const answer = await exchange(fetch, url, { method: 'POST', path: '/v3/pipeline', body }, timeoutMs)
    if (answer.kind === 'none') {
      this.#baton = undefined
      throw new ClientError('UNREACHABLE', answer.message)
    }
    if (answer.status !== 200) {
      this.#baton = undefined
      const { code, message } = errorIn(answer)
      throw new ClientError(code, message)
    }
    const response = parsePipelineResponse(parseJson(answer.text))
    if (!response.ok) throw new ClientError('BAD_ANSWER', response.error.message)
    const autocommit = isAutocommit(response.value.results[1])
    this.#baton = response.value.baton
    if (autocommit) await this.close()
    const height = answer.headers.get('quorate-height')
    return { ...executed(response.value.results[0]), height: height === null ? undefined : Number(height), autocommit }
  }

  /** Ends the stream; an open transaction is rolled back. */
  async close(): Promise<void> {
    const baton = this.#baton
    if (baton === undefined) return
    this.#baton = undefined
    const { url, fetch, timeoutMs } = this.#options
    const body = printPipelineRequest({ baton, requests: [{ kind: 'close' }] })
    await exchange(fetch, url, { method: 'POST', path: '/v3/pipeline', body }, timeoutMs)
  }
}

function executed(result: StreamResult | undefined): Rows {
  if (result?.kind === 'error') throw new ClientError(result.error.code ?? 'SQLITE_ERROR', result.error.message)
  if (result?.response.kind !== 'execute') throw new ClientError('BAD_ANSWER', 'no result')
  return rowsOf(result.response.result)
}

function isAutocommit(result: StreamResult | undefined): boolean {
  return result?.kind === 'ok' && result.response.kind === 'get_autocommit' ? result.response.autocommit : true
}
