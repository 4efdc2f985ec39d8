// state.db from peers: a database that is certified at a height but can't be executed here, because the blocks before are
// gone or too many, is received page by page.
//
// Pages are written where executed ones are, under the height they are received for. A height is seen only once it has a
// row in `heights`, and that row is written last, when the tree over everything has the certified root. So nothing that
// is not certified is ever read; pages that did not change since an older height are used as they lie, without being
// moved or copied; and older heights stay readable meanwhile.
//
// What is there already, from an older height or from before a crash, is found by its hashes: the tree over the newest
// version of every page is compared with the certified one, level by level (`takeHashes`), and only what differs is
// asked for. So nothing else need be remembered on disk: rows are the bitmap of what has arrived, and a reception may be
// cut off anywhere, or go on towards a newer height than it began with.
//
// Limits: 64 bytes of memory a page. A reception that was given up leaves its rows until they are swept away with
// the next executed block.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { StateProofError } from '@quorate/sql-state'
import { checkNodes, checkPages, HASH_BYTES, PAGE_BYTES, provenPage, StateTree } from '@quorate/sql-state'
import type { Digest, StateAnswer, StateAsk } from '@quorate/types'
import type { StateHeight } from './state-rows.ts'
import { DamagedStateError, hashesAt } from './state-rows.ts'

/** An answer that does not answer what was asked, or proves nothing. */
export interface WrongAnswer {
  readonly code: StateProofError['code'] | 'ANSWER_KIND'
  readonly message: string
}

/** What an answer brought. */
export type Taken =
  | { readonly kind: 'pages' }
  /** Nodes of the run that differ from what is here, by index, and those of them under which nothing is here at all. */
  | { readonly kind: 'hashes'; readonly differing: readonly number[]; readonly blank: readonly number[] }

/** Receives the database at one height. Throws only for local trouble. */
export class StateSink {
  readonly #db: DatabaseSync
  readonly #target: StateHeight
  /** Over the newest version of every page that is here. */
  readonly #tree = new StateTree()
  readonly #newest: StatementSync
  readonly #replace: StatementSync
  readonly #insert: StatementSync
  readonly #isBlank: boolean

  constructor(db: DatabaseSync, target: StateHeight) {
    this.#db = db
    this.#target = target
    this.#newest = db.prepare('SELECT max(height) AS height FROM pages WHERE number = ?')
    this.#replace = db.prepare('INSERT INTO replaced(by_height, number, height) VALUES (?, ?, ?)')
    this.#insert = db.prepare(
      `INSERT INTO pages(number, height, hash, bytes) VALUES (?, ?, ?, ?)
       ON CONFLICT (number, height) DO UPDATE SET hash = excluded.hash, bytes = excluded.bytes`,
    )
    this.#begin()
    this.#tree.update(target.pageCount, hashesAt(db, target))
    this.#isBlank = this.#tree.isBlank
  }

  /** Whether no page was here when this began: then there is nothing to compare. */
  get isBlank(): boolean {
    return this.#isBlank
  }

  /** Takes a peer's answer. Errors: ANSWER_KIND, and those of `checkPages`. */
  take(ask: StateAsk, answer: StateAnswer): Result<Taken, WrongAnswer> {
    if (ask.kind === 'pages' && answer.kind === 'pages') return this.#takePages(ask.runs, answer)
    if (ask.kind === 'hashes' && answer.kind === 'hashes') return this.#takeHashes(ask, answer)
    return err({ code: 'ANSWER_KIND', message: `asked for ${ask.kind}, answered with ${answer.kind}` })
  }

  /**
   * Makes the height that was received the newest, for good, and gives the tree over it. Throws DamagedStateError where the root is
   * not the certified one.
   */
  finish(): StateTree {
    const { height, pageCount, timeMs, seed, stateRoot } = this.#target
    // Over what the disk says, not over what was kept in mind while it was written.
    const whole = new StateTree()
    whole.update(pageCount, hashesAt(this.#db, this.#target))
    if (whole.root !== stateRoot)
      throw new DamagedStateError(
        `what arrived for height ${height} hashes to ${whole.root}, certified is ${stateRoot}`,
      )
    this.#db.exec('PRAGMA synchronous=FULL')
    this.#within(() => {
      this.#db.exec('DELETE FROM arriving')
      this.#db
        .prepare('INSERT INTO heights(height, page_count, time_ms, seed, state_root) VALUES (?, ?, ?, ?, ?)')
        .run(height, pageCount, timeMs, seed, stateRoot)
    })
    this.#db.exec('PRAGMA synchronous=NORMAL')
    return whole
  }

  /** Notes what is being received, and sweeps away what arrived for a height above it. */
  #begin(): void {
    const { height, pageCount, timeMs, seed, stateRoot } = this.#target
    this.#within(() => {
      const before = this.#db.prepare('SELECT max(height) AS height FROM arriving').get()?.['height']
      if (typeof before === 'number' && before > height) {
        this.#db.prepare('DELETE FROM pages WHERE height > ?').run(height)
        this.#db.prepare('DELETE FROM replaced WHERE by_height > ?').run(height)
      }
      this.#db.exec('DELETE FROM arriving')
      this.#db
        .prepare('INSERT INTO arriving(height, page_count, time_ms, seed, state_root) VALUES (?, ?, ?, ?, ?)')
        .run(height, pageCount, timeMs, seed, stateRoot)
    })
  }

  #takePages(
    runs: Extract<StateAsk, { kind: 'pages' }>['runs'],
    { pages, proof }: Extract<StateAnswer, { kind: 'pages' }>,
  ): Result<Taken, WrongAnswer> {
    const checked = checkPages(this.#target, runs, pages, proof)
    if (!checked.ok) return checked
    const arrived: [number: number, hash: Digest][] = []
    this.#within(() => {
      let at = 0
      for (const { from, count } of runs) {
        for (let number = from; number < from + count; number += 1) {
          const hash = checked.value[at]
          const bytes = pages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)
          at += 1
          if (hash === undefined || this.#tree.hashOf(number) === hash) continue
          this.#write(number, hash, provenPage(number, bytes))
          arrived.push([number, hash])
        }
      }
    })
    this.#tree.update(this.#target.pageCount, arrived)
    return ok({ kind: 'pages' })
  }

  #write(number: number, hash: Digest, bytes: Uint8Array): void {
    const { height } = this.#target
    const before = this.#newest.get(number)?.['height']
    if (typeof before === 'number' && before < height) this.#replace.run(height, number, before)
    this.#insert.run(number, height, hash, bytes)
  }

  #takeHashes(
    { level, run }: Extract<StateAsk, { kind: 'hashes' }>,
    { hashes, proof }: Extract<StateAnswer, { kind: 'hashes' }>,
  ): Result<Taken, WrongAnswer> {
    const wanted = { level, runs: [run] }
    const checked = checkNodes(this.#target, wanted, hashes, proof)
    if (!checked.ok) return checked
    const here = this.#tree.prove(wanted)?.hashes ?? new Uint8Array(hashes.length)
    const differing: number[] = []
    const blank: number[] = []
    for (let at = 0; at < run.count; at += 1) {
      const own = here.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)
      const theirs = hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)
      if (own.every((byte, i) => byte === theirs[i])) continue
      differing.push(run.from + at)
      if (own.every((byte) => byte === 0)) blank.push(run.from + at)
    }
    return ok({ kind: 'hashes', differing, blank })
  }

  #within(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      // A full disk has ended the transaction already; the first error is the one to tell.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }
}
