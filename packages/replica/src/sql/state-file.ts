// `state.db`: the database's pages by number and height, so that the writer makes new versions while readers keep old
// ones.
//
// What it holds, ledger.db can rebuild by executing its blocks again (they are pruned only after a `sync` of this file), so
// it is written without fsync (synchronous=NORMAL on a write-ahead log): a power cut may take the newest blocks' pages,
// never half of one. What a crash leaves is a whole height, and recovery goes on from there.
//
// A version of a page is needed as long as a reader may ask for a height before the next version. Each version that is
// replaced is noted with the height that replaced it; once that height is out of retention, the version goes, unless
// a height between the two is held for longer: for checkpoints, and while somebody fetches them.
//
// A database that comes from peers page by page (state-sink.ts) is written into the same table, above the newest
// height: no reader sees it before its row in `heights`, which is written last.

import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { assert } from '@quorate/kernel'
import type { PageSource } from '@quorate/sql-state'
import { RULES } from '@quorate/sql-state'
import type { Digest, Height } from '@quorate/types'
import type { StateHeight } from './state-rows.ts'
import { hashesAt, heightOf, pageOf, STATE_FILE } from './state-rows.ts'
import { StateSink } from './state-sink.ts'

/** Heights below the newest one that stay readable. */
export const RETAINED_HEIGHTS = 1000
/**
 * Heights of that much block time stay readable too: no interactive transaction that could still commit loses its
 * snapshot.
 */
export const RETAINED_MS = RULES.replayMsMax
/** Replaced versions deleted per block at most: a bounded share of a block's time. */
const PRUNED_MAX = 4096
/** Heights held beyond retention at most. */
export const HELD_HEIGHTS_MAX = 8
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
-- The height that is being received, if any; its pages are those above the newest height.
CREATE TABLE IF NOT EXISTS arriving (
  height INTEGER PRIMARY KEY, page_count INTEGER NOT NULL, time_ms INTEGER NOT NULL, seed TEXT NOT NULL, state_root TEXT NOT NULL
) STRICT;
`

/** The writer's side. */
export class StateFile {
  readonly #db: DatabaseSync
  /** Height of each page's newest version. */
  readonly #versions = new Map<number, number>()
  readonly #cache = new Map<number, Uint8Array>()
  #head: StateHeight | undefined
  #arriving: StateHeight | undefined
  #held: readonly number[] = []
  /** Up to here every replaced version has been looked at, and what is left of them is held. */
  #pruned: readonly [byHeight: number, number: number] = [-1, -1]
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
    if (this.#head !== undefined) yield* hashesAt(this.#db, this.#head)
  }

  /** The height that is being received: whoever executes a block gives it up. */
  get arriving(): StateHeight | undefined {
    return this.#arriving
  }

  /** Begins to receive the database at a height above the newest, or goes on with it. */
  receive(target: StateHeight): StateSink {
    assert(target.height > (this.#head?.height ?? -1), `height ${target.height} is not above ${this.#head?.height}`)
    const sink = new StateSink(this.#db, target)
    this.#arriving = target
    return sink
  }

  /** After a sink has finished: the height that it received is the newest. */
  received(): void {
    this.#load()
  }

  /**
   * Holds these heights beyond their retention, instead of those held before, and gives those of them that are there. At
   * most `HELD_HEIGHTS_MAX`.
   */
  hold(heights: readonly Height[]): readonly Height[] {
    assert(heights.length <= HELD_HEIGHTS_MAX, `${heights.length} heights to be held`)
    const known = this.#db.prepare('SELECT height FROM heights WHERE height = ?')
    const held = heights.filter((height) => known.get(height) !== undefined)
    this.#held = held
    this.#pruned = [-1, -1]
    return held
  }

  /** Puts on disk what was appended so far: before anything is deleted that it could be rebuilt from. */
  sync(): void {
    // In a write-ahead log, one synced commit takes all earlier ones with it.
    this.#db.exec('PRAGMA synchronous=FULL')
    this.#db.exec(
      'BEGIN IMMEDIATE; UPDATE heights SET height = height WHERE height = (SELECT max(height) FROM heights); COMMIT',
    )
    this.#db.exec('PRAGMA synchronous=NORMAL')
  }

  /** Adds a height: its changed pages and its head row, in one transaction. */
  append(
    next: StateHeight,
    changed: readonly { readonly number: number; readonly hash: Digest; readonly bytes: Uint8Array }[],
  ): void {
    if (this.#arriving !== undefined) this.rewind(this.#head?.height)
    this.#db.exec('BEGIN')
    let pruned = this.#pruned
    try {
      for (const { number, hash, bytes } of changed) {
        const before = this.#versions.get(number)
        if (before !== undefined) this.#replace.run(next.height, number, before)
        this.#insert.run(number, next.height, hash, bytes)
      }
      this.#insertHeight.run(next.height, next.pageCount, next.timeMs, next.seed, next.stateRoot)
      pruned = this.#prune(next)
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
    this.#pruned = pruned
  }

  /** Forgets every height above `to` and what is arriving; undefined, or a height no longer retained, empties the file. */
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
    this.#db.exec('DELETE FROM arriving')
    this.#db.exec('COMMIT')
    this.#load()
  }

  close(): void {
    this.#db.close()
  }

  #load(): void {
    this.#versions.clear()
    this.#cache.clear()
    this.#pruned = [-1, -1]
    this.#head = heightOf(this.#db.prepare('SELECT * FROM heights ORDER BY height DESC LIMIT 1').get())
    this.#arriving = heightOf(this.#db.prepare('SELECT * FROM arriving').get())
    const newest = this.#db.prepare('SELECT number, max(height) AS height FROM pages WHERE height <= ? GROUP BY number')
    for (const row of newest.iterate(this.#head?.height ?? -1)) {
      this.#versions.set(Number(row['number']), Number(row['height']))
    }
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

  /** Deletes versions that no readable height needs, inside the caller's transaction; gives how far it came. */
  #prune({ height, timeMs }: StateHeight): readonly [number, number] {
    const young = this.#db
      .prepare('SELECT height FROM heights WHERE time_ms >= ? ORDER BY height LIMIT 1')
      .get(timeMs - RETAINED_MS)
    const floor = Math.min(height - RETAINED_HEIGHTS, Number(young?.['height'] ?? height))
    if (floor <= 0) return this.#pruned
    const replaced = this.#db
      .prepare(
        `SELECT by_height, number, height FROM replaced
         WHERE (by_height, number) > (?, ?) AND by_height <= ? ORDER BY by_height, number LIMIT ?`,
      )
      .all(...this.#pruned, floor, PRUNED_MAX)
    const drop = this.#db.prepare('DELETE FROM pages WHERE number = ? AND height = ?')
    const forget = this.#db.prepare('DELETE FROM replaced WHERE by_height = ? AND number = ?')
    let pruned = this.#pruned
    for (const row of replaced) {
      const [by, number, from] = [Number(row['by_height']), Number(row['number']), Number(row['height'])]
      pruned = [by, number]
      if (this.#held.some((each) => from <= each && each < by)) continue
      drop.run(number, from)
      forget.run(by, number)
    }
    this.#db
      .prepare('DELETE FROM heights WHERE height < ? AND height NOT IN (SELECT value FROM json_each(?))')
      .run(floor, JSON.stringify(this.#held))
    return pruned
  }
}

/** A reader's side: any retained height, without ever blocking the writer. */
export class StateReader {
  readonly #db: DatabaseSync
  readonly #find: StatementSync
  readonly #height: StatementSync
  readonly #newest: StatementSync

  constructor(folder: string) {
    this.#db = new DatabaseSync(join(folder, STATE_FILE), { readOnly: true })
    // Of a height that is not held any more, versions are missing: an older one must not pass for its page.
    this.#find = this.#db.prepare(
      `SELECT bytes, hash FROM pages
       WHERE number = ?1 AND height <= ?2 AND EXISTS (SELECT 1 FROM heights WHERE height = ?2)
       ORDER BY height DESC LIMIT 1`,
    )
    this.#height = this.#db.prepare('SELECT * FROM heights WHERE height = ?')
    this.#newest = this.#db.prepare('SELECT * FROM heights WHERE height <= ? ORDER BY height DESC LIMIT 1')
  }

  /** Runs `work` on one snapshot of the file. */
  within<T>(work: () => T): T {
    this.#db.exec('BEGIN')
    try {
      return work()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  /** What is known of a height; undefined where it is not retained. */
  at(height: Height): StateHeight | undefined {
    return heightOf(this.#height.get(height))
  }

  /** The newest retained height up to `most`; undefined where there is none. */
  upTo(most: number): StateHeight | undefined {
    return heightOf(this.#newest.get(most))
  }

  /** Hash of every page of a retained height, in no order. */
  hashes(at: StateHeight): Iterable<readonly [number, Digest]> {
    return hashesAt(this.#db, at)
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
