// The rows of state.db, as writer, readers and sink understand them.

import type { DatabaseSync } from 'node:sqlite'
import { pageHash } from '@quorate/sql-state'
import type { Digest, Height } from '@quorate/types'

/** Name of the file in the data directory. */
export const STATE_FILE = 'state.db'

/** A page on disk is not what was written: this machine is at fault. */
export class DamagedStateError extends Error {
  override readonly name = 'DamagedStateError'
  readonly code = 'STATE_DAMAGED'
}

/** The bytes of a row of `pages`, which must be there and hash to what the row says. */
export function pageOf(
  row: Record<string, unknown> | undefined,
  number: number,
  height: number | undefined,
): Uint8Array {
  const bytes = row?.['bytes']
  if (!(bytes instanceof Uint8Array))
    throw new DamagedStateError(`${STATE_FILE} has no page ${number} at height ${height}`)
  const hash = pageHash(number, bytes)
  if (hash !== row?.['hash'])
    throw new DamagedStateError(`${STATE_FILE}: page ${number} at height ${height} hashes to ${hash}`)
  return bytes
}

/** A height whose pages are whole. */
export interface StateHeight {
  readonly height: Height
  readonly pageCount: number
  readonly timeMs: number
  readonly seed: Digest
  readonly stateRoot: Digest
}

/** A row of `heights`. */
export function heightOf(row: Record<string, unknown> | undefined): StateHeight | undefined {
  if (row === undefined) return undefined
  return {
    height: Number(row['height']) as Height,
    pageCount: Number(row['page_count']),
    timeMs: Number(row['time_ms']),
    seed: String(row['seed']) as Digest,
    stateRoot: String(row['state_root']) as Digest,
  }
}

/** Hash of every page of a height, in no order. */
export function* hashesAt(
  db: DatabaseSync,
  { height, pageCount }: Pick<StateHeight, 'height' | 'pageCount'>,
): Iterable<readonly [number, Digest]> {
  const newest = db.prepare(
    'SELECT number, hash, max(height) FROM pages WHERE number <= ? AND height <= ? GROUP BY number',
  )
  for (const row of newest.iterate(pageCount, height)) yield [Number(row['number']), String(row['hash']) as Digest]
}
