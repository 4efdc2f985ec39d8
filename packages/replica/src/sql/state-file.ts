// `state.db`: the database's pages by number and height, so that the writer makes new versions while readers keep old
// ones.
//
// It holds nothing that ledger.db could not rebuild by executing its blocks again, so it is written without fsync
// (synchronous=NORMAL on a write-ahead log): a power cut may take the newest blocks' pages, never half of one. What a
// crash leaves is a whole height, and recovery goes on from there.
//
// A version of a page is needed as long as a reader may ask for a height before the next version. Each version that is
// replaced is noted with the height that replaced it; once that height is out of retention, the version goes.

import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { PageSource } from '@quorate/sql-state'
import { pageHash, RULES } from '@quorate/sql-state'
import type { Digest, Height } from '@quorate/types'

/** Name of the file in the data directory. */
export const STATE_FILE = 'state.db'
/** Heights below the newest one that stay readable. */
export const RETAINED_HEIGHTS = 1000
/**
 * Heights of that much block time stay readable too: no interactive transaction that could still commit loses its
 * snapshot.
 */
export const RETAINED_MS = RULES.replayMsMax
/** Replaced versions deleted per block at most: a bounded share of a block's time. */
const PRUNED_MAX = 4096
/** Pages of the newest height kept in memory, 4 KiB each. */
const CACHED_PAGES_MAX = 4096

const SCHEMA = `
CREATE TABLE IF NOT EXISTS pages (
  number INTEGER NOT NULL, height INTEGER NOT NULL, hash TEXT NOT NULL, bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS pages_by_number ON pages (number, height);
CREATE TABLE IF NOT EXISTS replaced (
  by_height INTEGER NOT NULL, number INTEGER NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (by_height, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heights (
  height INTEGER PRIMARY KEY, page_count INTEGER NOT NULL, time_ms INTEGER NOT NULL, seed TEXT NOT NULL, state_root TEXT NOT NULL
) STRICT;
`

/** A page on disk is not what was written: this machine is at fault. */
export class DamagedStateError extends Error {
  override readonly name = 'DamagedStateError'
  readonly code = 'STATE_DAMAGED'
}

/** The bytes of a row of `pages`, which must be there and hash to what the row says. */
function pageOf(row: Record<string, unknown> | undefined, number: number, height: number | undefined): Uint8Array {
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

function heightOf(row: Record<string, unknown> | undefined): StateHeight | undefined {
  if (row === undefined) return undefined
  return {
    height: Number(row['height']) as Height,
    pageCount: Number(row['page_count']),
    timeMs: Number(row['time_ms']),
    seed: String(row['seed']) as Digest,
    stateRoot: String(row['state_root']) as Digest,
  }
}

/** The writer's side. */
export class StateFile {
  readonly #db: DatabaseSync
  /** Height of each page's newest version. */
  readonly #versions = new Map<number, number>()
  readonly #cache = new Map<number, Uint8Array>()
  #head: StateHeight | undefined
  readonly #find: StatementSync
  readonly #insert: StatementSync
  readonly #replace: StatementSync
  readonly #insertHeight: StatementSync

  constructor(folder: string) {
    this.#db = new DatabaseSync(join(folder, STATE_FILE))
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4096;')
    this.#db.exec(SCHEMA)
    this.#find = this.#db.prepare('SELECT bytes, hash FROM pages WHERE number = ? AND height = ?')
    this.#insert = this.#db.prepare('INSERT INTO pages(number, height, hash, bytes) VALUES (?, ?, ?, ?)')
    this.#replace = this.#db.prepare('INSERT INTO replaced(by_height, number, height) VALUES (?, ?, ?)')
    this.#insertHeight = this.#db.prepare(
      'INSERT INTO heights(height, page_count, time_ms, seed, state_root) VALUES (?, ?, ?, ?, ?)',
    )
    this.#load()
  }

  /** The newest height; undefined before genesis. */
  get head(): StateHeight | undefined {
    return this.#head
  }

  /** The pages of the newest height. */
  get pages(): PageSource {
    return { pageCount: this.#head?.pageCount ?? 0, page: (number) => this.#page(number) }
  }

  /** Hash of every page of the newest height, in no order. */
  *hashes(): Iterable<readonly [number, Digest]> {
    const rows = this.#db.prepare('SELECT number, hash, max(height) FROM pages GROUP BY number').iterate()
    for (const row of rows) {
      const number = Number(row['number'])
      if (number <= (this.#head?.pageCount ?? 0)) yield [number, String(row['hash']) as Digest]
    }
  }

  /** Adds a height: its changed pages and its head row, in one transaction. */
  append(
    next: StateHeight,
    changed: readonly { readonly number: number; readonly hash: Digest; readonly bytes: Uint8Array }[],
  ): void {
    this.#db.exec('BEGIN')
    try {
      for (const { number, hash, bytes } of changed) {
        const before = this.#versions.get(number)
        if (before !== undefined) this.#replace.run(next.height, number, before)
        this.#insert.run(number, next.height, hash, bytes)
      }
      this.#insertHeight.run(next.height, next.pageCount, next.timeMs, next.seed, next.stateRoot)
      this.#prune(next)
      this.#db.exec('COMMIT')
    } catch (error) {
      // A full disk has ended the transaction already; the first error is the one to tell.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
    for (const { number, bytes } of changed) {
      this.#versions.set(number, next.height)
      this.#remember(number, bytes)
    }
    this.#head = next
  }

  /** Forgets every height above `to`; undefined, or a height no longer retained, empties the file. */
  rewind(to: Height | undefined): void {
    const known = to === undefined ? undefined : this.#db.prepare('SELECT height FROM heights WHERE height = ?').get(to)
    const keep = known === undefined ? -1 : Number(to)
    this.#db.exec('BEGIN')
    for (const sql of [
      'DELETE FROM pages WHERE height > ?',
      'DELETE FROM replaced WHERE by_height > ?',
      'DELETE FROM heights WHERE height > ?',
    ]) {
      this.#db.prepare(sql).run(keep)
    }
    this.#db.exec('COMMIT')
    this.#load()
  }

  close(): void {
    this.#db.close()
  }

  #load(): void {
    this.#versions.clear()
    this.#cache.clear()
    for (const row of this.#db.prepare('SELECT number, max(height) AS height FROM pages GROUP BY number').iterate()) {
      this.#versions.set(Number(row['number']), Number(row['height']))
    }
    this.#head = heightOf(this.#db.prepare('SELECT * FROM heights ORDER BY height DESC LIMIT 1').get())
  }

  #page(number: number): Uint8Array {
    const cached = this.#cache.get(number)
    if (cached !== undefined) {
      this.#cache.delete(number)
      this.#cache.set(number, cached)
      return cached
    }
    const bytes = pageOf(this.#find.get(number, this.#versions.get(number) ?? -1), number, this.#head?.height)
    this.#remember(number, bytes)
    return bytes
  }

  #remember(number: number, bytes: Uint8Array): void {
    this.#cache.delete(number)
    this.#cache.set(number, bytes)
    if (this.#cache.size <= CACHED_PAGES_MAX) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      return
    }
  }

  #prune({ height, timeMs }: StateHeight): void {
    const young = this.#db
      .prepare('SELECT height FROM heights WHERE time_ms >= ? ORDER BY height LIMIT 1')
      .get(timeMs - RETAINED_MS)
    const floor = Math.min(height - RETAINED_HEIGHTS, Number(young?.['height'] ?? height))
    if (floor <= 0) return
    const replaced = this.#db
      .prepare('SELECT by_height, number, height FROM replaced WHERE by_height <= ? ORDER BY by_height LIMIT ?')
      .all(floor, PRUNED_MAX)
    const drop = this.#db.prepare('DELETE FROM pages WHERE number = ? AND height = ?')
    const forget = this.#db.prepare('DELETE FROM replaced WHERE by_height = ? AND number = ?')
    for (const row of replaced) {
      drop.run(Number(row['number']), Number(row['height']))
      forget.run(Number(row['by_height']), Number(row['number']))
    }
    this.#db.prepare('DELETE FROM heights WHERE height < ?').run(floor)
  }
}

/** A reader's side: any retained height, without ever blocking the writer. */
export class StateReader {
  readonly #db: DatabaseSync
  readonly #find: StatementSync
  readonly #height: StatementSync

  constructor(folder: string) {
    this.#db = new DatabaseSync(join(folder, STATE_FILE), { readOnly: true })
    this.#find = this.#db.prepare(
      'SELECT bytes, hash FROM pages WHERE number = ? AND height <= ? ORDER BY height DESC LIMIT 1',
    )
    this.#height = this.#db.prepare('SELECT * FROM heights WHERE height = ?')
  }

  /** What is known of a height; undefined where it is not retained. */
  at(height: Height): StateHeight | undefined {
    return heightOf(this.#height.get(height))
  }

  /** The pages of a retained height. */
  pages({ height, pageCount }: StateHeight): PageSource {
    return {
      pageCount,
      page: (number) => pageOf(this.#find.get(number, height), number, height),
    }
  }

  close(): void {
    this.#db.close()
  }
}
