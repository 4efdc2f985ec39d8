// What clients did and heard: the one thing the checker believes besides the ledgers' own files.

/** A value as text that says its type, so that 1, 1.0 and '1' differ. */
export type Cell = string

/** What one statement gave. */
export interface Result {
  readonly rows: readonly (readonly Cell[])[]
  readonly affectedRows: number
}

/** A statement as it was sent. Arguments are integers and texts only. */
export interface Statement {
  readonly sql: string
  readonly args: readonly (number | string)[]
}

/** The last word on a write. `unknown`: no attempt brought an outcome. */
export type WriteAnswer =
  | { readonly kind: 'done'; readonly height: number; readonly position: number; readonly results: readonly Result[] }
  | { readonly kind: 'failed'; readonly height: number; readonly position: number; readonly code: string }
  | { readonly kind: 'unknown' }

/** One write with one id, over all its attempts. Times are milliseconds on the one clock of the driving process. */
export interface Write {
  readonly kind: 'write'
  readonly id: string
  readonly statements: readonly Statement[]
  readonly invokedMs: number
  readonly endedMs: number
  readonly attempts: number
  readonly answer: WriteAnswer
}

/** How a read was asked for. */
export type Level =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'local' }
  | { readonly kind: 'at-least' | 'as-of'; readonly height: number }

/** One answered read. Reads that failed say nothing and are not kept. */
export interface Read {
  readonly kind: 'read'
  readonly member: number
  readonly level: Level
  readonly statement: Statement
  readonly invokedMs: number
  readonly endedMs: number
  readonly height: number
  readonly rows: readonly (readonly Cell[])[]
}

/** Everything, in the order of its ends. */
export interface History {
  readonly writes: readonly Write[]
  readonly reads: readonly Read[]
}

/** The cell of a value of SQLite's. */
export function cellOf(value: unknown): Cell {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return `i ${value}`
  if (typeof value === 'number') return `r ${value}`
  if (typeof value === 'string') return `t ${value}`
  if (value instanceof Uint8Array) return `b ${Buffer.from(value).toString('hex')}`
  throw new Error(`no SQL value: ${typeof value}`)
}

/** The cell of a value as REST prints it. */
export function cellOfJson(value: unknown): Cell {
  const { type, value: text, base64 } = value as { type?: unknown; value?: unknown; base64?: unknown }
  if (type === 'null') return cellOf(null)
  if (type === 'integer') return cellOf(BigInt(String(text)))
  if (type === 'float') return cellOf(Number(text))
  if (type === 'text') return cellOf(String(text))
  if (type === 'blob') return cellOf(Buffer.from(String(base64), 'base64'))
  throw new Error(`no value of REST: ${JSON.stringify(value)}`)
}
