// Entries of feeds as a client meets them.

import type { Value } from '@quorate/hrana'
import { parseValue } from '@quorate/hrana'
import { asObject } from '../http.ts'

/** A row's values by column. INTEGER values are bigints. */
export type Image = Readonly<Record<string, Value>>

/** Where an entry stands. */
interface Place {
  /** Give it as `from` to go on behind the entry, at any replica. */
  readonly position: string
  readonly height: number
}

/** Where in the ledger a change was made. */
interface ChangePlace extends Place {
  /** Position of the transaction in its block. */
  readonly index: number
  /** Place among the changes of the transaction. */
  readonly sequence: number
  /** Id of the transaction; undefined for the founding. */
  readonly transaction: string | undefined
}

/** A row changed. */
export interface RowEntry extends ChangePlace {
  readonly kind: 'change'
  readonly table: string
  readonly op: 'insert' | 'update' | 'delete'
  /** The primary key; of a table without one the rowid, called so. */
  readonly key: Image
  /** Undefined for a table WITHOUT ROWID. */
  readonly rowid: bigint | undefined
  readonly before: Image | undefined
  readonly after: Image | undefined
}

/** A statement changed the schema. */
export interface SchemaEntry extends ChangePlace {
  readonly kind: 'schema'
  readonly op: 'create' | 'drop' | 'alter'
  readonly type: 'table' | 'index' | 'trigger' | 'view'
  readonly name: string
  readonly table: string
  readonly sql: string
}

/** More changed than can be told: read the table again as of this height; where none is named, everything. */
export interface ResetEntry extends ChangePlace {
  readonly kind: 'reset'
  readonly table: string | undefined
}

/** All of a block was told. */
export interface BlockEntry extends Place {
  readonly kind: 'block'
  /** The block's hash. */
  readonly block: string
  readonly timeMs: number
  readonly stateRoot: string
}

/** An entry of `changes`. */
export type ChangeEntry = RowEntry | SchemaEntry | ResetEntry | BlockEntry

/** A transaction in the ledger. */
export interface TransactionEntry extends Place {
  readonly kind: 'transaction'
  readonly block: string
  readonly timeMs: number
  readonly index: number
  /** Undefined for bytes that are no transaction. */
  readonly transaction: string | undefined
  readonly outcome: 'executed' | 'failed' | 'conflict' | 'duplicate' | 'refused'
  /** Why it failed or was refused. */
  readonly code: string | undefined
  /** What it says, as REST gives it, where that was asked for. */
  readonly program: unknown
  readonly governance: unknown
}

/** An entry of `log`. */
export type LogEntry = TransactionEntry | BlockEntry

type Fields = Readonly<Record<string, unknown>>

/** Not what the feed's entries look like. */
class EntryError extends Error {}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new EntryError(`${name}: text expected`)
  return value
}

function count(fields: Fields, name: string): number {
  const value = fields[name]
  if (!Number.isSafeInteger(value)) throw new EntryError(`${name}: a number expected`)
  return value as number
}

function oneOf<T extends string>(fields: Fields, name: string, words: readonly T[]): T {
  const word = words.find((each) => each === fields[name])
  if (word === undefined) throw new EntryError(`${name}: one of ${words.join(', ')} expected`)
  return word
}

function image(value: unknown): Image | undefined {
  if (value === null) return undefined
  const columns = asObject(value)
  if (columns === undefined) throw new EntryError('a row expected')
  return Object.fromEntries(
    Object.entries(columns).map(([column, each]) => {
      const parsed = parseValue(each)
      if (!parsed.ok) throw new EntryError(`${column}: ${parsed.error.message}`)
      return [column, parsed.value]
    }),
  )
}

function optional(fields: Fields, name: string): string | undefined {
  return fields[name] === null || fields[name] === undefined ? undefined : text(fields, name)
}

function blockEntry(fields: Fields, place: Place): BlockEntry {
  const [block, stateRoot] = [text(fields, 'block'), text(fields, 'stateRoot')]
  return { kind: 'block', ...place, block, timeMs: count(fields, 'timeMs'), stateRoot }
}

function changeEntry(fields: Fields, place: ChangePlace): ChangeEntry {
  switch (oneOf(fields, 'kind', ['change', 'schema', 'reset'])) {
    case 'change': {
      const rowid = optional(fields, 'rowid')
      if (rowid !== undefined && !/^-?\d{1,19}$/.test(rowid)) throw new EntryError('rowid: an integer expected')
      return {
        kind: 'change',
        ...place,
        table: text(fields, 'table'),
        op: oneOf(fields, 'op', ['insert', 'update', 'delete']),
        key: image(fields['key']) ?? {},
        rowid: rowid === undefined ? undefined : BigInt(rowid),
        before: image(fields['before']),
        after: image(fields['after']),
      }
    }
    case 'schema':
      return {
        kind: 'schema',
        ...place,
        op: oneOf(fields, 'op', ['create', 'drop', 'alter']),
        type: oneOf(fields, 'type', ['table', 'index', 'trigger', 'view']),
        name: text(fields, 'name'),
        table: text(fields, 'table'),
        sql: text(fields, 'sql'),
      }
    case 'reset':
      return { kind: 'reset', ...place, table: optional(fields, 'table') }
  }
}

function reading<T>(value: unknown, read: (fields: Fields, place: Place) => T): T | undefined {
  const fields = asObject(value)
  try {
    return fields === undefined
      ? undefined
      : read(fields, { position: text(fields, 'position'), height: count(fields, 'height') })
  } catch (error) {
    if (error instanceof EntryError) return undefined
    throw error
  }
}

/** Reads an entry of `changes`; undefined where it is none. @param value - What JSON.parse gave. */
export function parseChange(value: unknown): ChangeEntry | undefined {
  return reading(value, (fields, place) => {
    if (fields['kind'] === 'block') return blockEntry(fields, place)
    const [index, sequence] = [count(fields, 'index'), count(fields, 'sequence')]
    return changeEntry(fields, { ...place, index, sequence, transaction: optional(fields, 'transaction') })
  })
}

/** Reads an entry of `log`; undefined where it is none. @param value - What JSON.parse gave. */
export function parseLog(value: unknown): LogEntry | undefined {
  return reading(value, (fields, place) => {
    if (fields['kind'] === 'block') return blockEntry(fields, place)
    return {
      kind: oneOf(fields, 'kind', ['transaction']),
      ...place,
      block: text(fields, 'block'),
      timeMs: count(fields, 'timeMs'),
      index: count(fields, 'index'),
      transaction: optional(fields, 'transaction'),
      outcome: oneOf(fields, 'outcome', ['executed', 'failed', 'conflict', 'duplicate', 'refused']),
      code: optional(fields, 'code'),
      program: fields['program'],
      governance: fields['governance'],
    }
  })
}
