// The words of Hrana, as they are in memory. On the wire they are JSON; parse-*.ts and print-*.ts are the only places
// that know the wire's spelling. Results have the shape SQLite itself suggests, so a server need not copy rows to print
// them.

/** An SQLite value: NULL, INTEGER (bigint, 64 bits), REAL, TEXT, BLOB. */
export type Value = null | bigint | number | string | Uint8Array

/** SQL: the text itself, or the id under which `store_sql` left it on this stream. */
export type SqlSource =
  | { readonly kind: 'text'; readonly sql: string }
  | { readonly kind: 'stored'; readonly id: number }

/** A named argument. The name may lack the `:`, `@` or `$` it has in the SQL text. */
export interface NamedArg {
  readonly name: string
  readonly value: Value
}

/** A statement with its arguments. */
export interface Stmt {
  readonly source: SqlSource
  readonly args: readonly Value[]
  readonly namedArgs: readonly NamedArg[]
  /** False: the client reads no rows of it. */
  readonly wantRows: boolean
}

/** Whether a batch step runs, by what became of earlier steps. A skipped step is neither ok nor error. */
export type BatchCondition =
  | { readonly kind: 'ok'; readonly step: number }
  | { readonly kind: 'error'; readonly step: number }
  | { readonly kind: 'not'; readonly condition: BatchCondition }
  | { readonly kind: 'and'; readonly conditions: readonly BatchCondition[] }
  | { readonly kind: 'or'; readonly conditions: readonly BatchCondition[] }
  | { readonly kind: 'autocommit' }

/** A statement of a batch. */
export interface BatchStep {
  readonly condition?: BatchCondition
  readonly stmt: Stmt
}

/** A request on a stream. */
export type StreamRequest =
  | { readonly kind: 'close' }
  | { readonly kind: 'execute'; readonly stmt: Stmt }
  | { readonly kind: 'batch'; readonly steps: readonly BatchStep[] }
  | { readonly kind: 'sequence'; readonly source: SqlSource }
  | { readonly kind: 'describe'; readonly source: SqlSource }
  | { readonly kind: 'store_sql'; readonly id: number; readonly sql: string }
  | { readonly kind: 'close_sql'; readonly id: number }
  | { readonly kind: 'get_autocommit' }

/** Body of `POST /v2/pipeline` and `/v3/pipeline`. Without a baton it opens a stream. */
export interface PipelineRequest {
  readonly baton?: string
  readonly requests: readonly StreamRequest[]
}

/** Body of `POST /v3/cursor`: one batch whose results come as lines. */
export interface CursorRequest {
  readonly baton?: string
  readonly steps: readonly BatchStep[]
}

/** An error a client sees. `code` is stable, `message` is for people. */
export interface HranaError {
  readonly message: string
  readonly code?: string
}

/** A result column. */
export interface Col {
  readonly name: string
  /** Declared type of the table column it comes from. */
  readonly decltype?: string
}

/** What a statement gave. */
export interface StmtResult {
  readonly columns: readonly Col[]
  readonly rows: readonly (readonly Value[])[]
  readonly affectedRows: number
  readonly lastInsertRowid?: bigint
}

/** What became of a batch step. */
export type StepResult =
  | { readonly kind: 'result'; readonly result: StmtResult }
  | { readonly kind: 'error'; readonly error: HranaError }
  | { readonly kind: 'skipped' }

/** A statement's shape. */
export interface StmtDescription {
  /** One per parameter; a name carries its prefix. */
  readonly parameters: readonly { readonly name?: string }[]
  readonly columns: readonly Col[]
  readonly isExplain: boolean
  readonly isReadonly: boolean
}

/** The good answer to a stream request, of the request's kind. */
export type StreamResponse =
  | { readonly kind: 'close' }
  | { readonly kind: 'execute'; readonly result: StmtResult }
  | { readonly kind: 'batch'; readonly steps: readonly StepResult[] }
  | { readonly kind: 'sequence' }
  | { readonly kind: 'describe'; readonly description: StmtDescription }
  | { readonly kind: 'store_sql' }
  | { readonly kind: 'close_sql' }
  | { readonly kind: 'get_autocommit'; readonly autocommit: boolean }

/** The answer to a stream request. */
export type StreamResult =
  | { readonly kind: 'ok'; readonly response: StreamResponse }
  | { readonly kind: 'error'; readonly error: HranaError }

/** Answer to a pipeline: one result per request, in order. No baton: the stream is closed. */
export interface PipelineResponse {
  readonly baton?: string
  /** Where the stream's next request must go, where that is another address. */
  readonly baseUrl?: string
  readonly results: readonly StreamResult[]
}

/** First line of a cursor's answer. */
export interface CursorHead {
  readonly baton?: string
  readonly baseUrl?: string
}

/**
 * A later line of a cursor's answer. Skipped steps have none; `error` is the last line, and the steps after it are
 * unknown.
 */
export type CursorEntry =
  | { readonly kind: 'step_begin'; readonly step: number; readonly columns: readonly Col[] }
  | { readonly kind: 'row'; readonly row: readonly Value[] }
  | { readonly kind: 'step_end'; readonly affectedRows: number; readonly lastInsertRowid?: bigint }
  | { readonly kind: 'step_error'; readonly step: number; readonly error: HranaError }
  | { readonly kind: 'error'; readonly error: HranaError }
