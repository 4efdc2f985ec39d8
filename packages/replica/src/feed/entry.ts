// What feeds tell, block by block. A feed is a list of entries, each at a position; positions are ordered, the same on
// every replica, and a client that names one goes on behind it, wherever it asks.

import type { Height } from '@quorate/types'

/** What a feed tells of each block. */
export type Topic =
  /** Rows that its transactions changed. */
  | 'changes'
  /** Its transactions. */
  | 'log'
  /** Its transactions with what they say. */
  | 'log-whole'

/** One entry, printed. */
export interface FeedEntry {
  /** Position of the transaction in the block. */
  readonly index: number
  /** Place among the entries of the transaction; 0 in a log, where there is one. */
  readonly sequence: number
  /** Table that it speaks of, in lower case; undefined where it concerns readers of every table. */
  readonly table: string | undefined
  /** A JSON object. */
  readonly json: string
}

/** What a feed tells of one block. */
export interface FeedBlock {
  readonly entries: readonly FeedEntry[]
  /** The entry that ends the block: a JSON object. */
  readonly end: string
}

/** A block that can be told, or why not. */
export type FeedAnswer =
  | { readonly kind: 'told'; readonly block: FeedBlock }
  /** The block, or the state before it, isn't retained any more. */
  | { readonly kind: 'gone' }
  /** Not here, not now. */
  | { readonly kind: 'failed'; readonly message: string }

/** Where feeds get what they tell. */
export interface FeedSource {
  /** Newest height that may be told: blocks above it are not final. Undefined before genesis. */
  readonly tip: Height | undefined
  /** Resolves once `tip` has reached `height`, or after some seconds. */
  reached(height: Height): Promise<void>
  /** What a block up to `tip` tells. */
  block(topic: Topic, height: Height): Promise<FeedAnswer>
}

/** A place between entries. Without `index` it is before all of the block, else behind that transaction's entry. */
export interface Position {
  readonly height: number
  readonly after?: { readonly index: number; readonly sequence: number }
}

/** The position behind an entry, as it is written. */
export function positionText(topic: Topic, height: number, index: number, sequence: number): string {
  return topic === 'changes' ? `${height}:${index}:${sequence}` : `${height}:${index}`
}

const POSITION = /^([0-9]{1,15})(?::([0-9]{1,9})(?::([0-9]{1,9}))?)?$/

/** Reads a position of `topic`; undefined where it is none. */
export function parsePosition(topic: Topic, text: string): Position | undefined {
  const [, height, index, sequence] = POSITION.exec(text) ?? []
  if (height === undefined) return undefined
  if (index === undefined) return { height: Number(height) }
  if ((sequence === undefined) === (topic === 'changes')) return undefined
  return { height: Number(height), after: { index: Number(index), sequence: Number(sequence ?? '0') } }
}

/** Whether an entry lies behind a position in its block. */
export function isBehind(entry: FeedEntry, after: Position['after']): boolean {
  if (after === undefined || entry.index !== after.index) return after === undefined || entry.index > after.index
  return entry.sequence > after.sequence
}
