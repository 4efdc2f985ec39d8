import type { SqlValue } from '@quorate/types'
import type { SchemaAction } from './authorizer.ts'

/** A row as a transaction left it, against how the transaction found it. One of the two images is there at least. */
export interface RowChange {
  readonly kind: 'row'
  readonly table: string
  /** Names of the columns of both images. Generated columns are not among them: they follow from the others. */
  readonly columns: readonly string[]
  /** Positions in `columns` of the primary key, in its order; empty where the table has none. The images agree in it. */
  readonly key: readonly number[]
  /** Of a table that has rowids. */
  readonly rowid: bigint | undefined
  readonly before: readonly SqlValue[] | undefined
  readonly after: readonly SqlValue[] | undefined
}

/** A statement that changed the schema. */
export interface SchemaChange extends SchemaAction {
  readonly kind: 'schema'
  /** The statement. A table made by CREATE TABLE AS is told as SQLite remembers it: with its columns. */
  readonly sql: string
}

/**
 * Rows changed in ways that are not told: more of them than the bound, or none of them could be seen. Whoever keeps a
 * copy reads the table again as of this height; where none is named, everything, the schema too.
 */
export interface Reset {
  readonly kind: 'reset'
  readonly table: string | undefined
}

/** One thing that a transaction changed. */
export type Change = RowChange | SchemaChange | Reset

/** Bounds of what is told of one block. A transaction that passes them is told as resets. */
export const CHANGE_LIMITS = {
  /** Rows that a block's transactions touch. */
  rowsMax: 100_000,
  /** Bytes of the images of these rows, their columns' names included. */
  bytesMax: 32 * 1024 * 1024,
} as const
