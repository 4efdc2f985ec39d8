// `ledger.db` itself: one SQLite file, write-ahead log, every commit on disk before it returns. Synchronous; a thread
// of its own (store-worker.ts) keeps its waiting for the disk away from the replica's loop.

import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FolderLock } from './folder-lock.ts'
import { LedgerReads } from './ledger-reads.ts'
import { LedgerWrites } from './ledger-writes.ts'
import { Pruner } from './pruner.ts'
import type { StoreAnswers, StoreRead, StoreRecord } from './record.ts'
import { MIGRATIONS, SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { StoreError, toStoreError } from './store-error.ts'
import { BACKLOG_BLOCKS_MAX, TransactionIndex } from './transaction-index.ts'

/** Name of the file in the data directory. */
export const LEDGER_FILE = 'ledger.db'

/** What opening a store needs. */
export interface StoreOptions {
  /** The data directory; made where it does not exist. */
  readonly folder: string
  /** The ledger, 64 hex digits. A store made for another one is refused. */
  readonly ledgerId: string
}

/** Pages of the write-ahead log after which a commit also folds it into the file (16 MiB): seldom, and bounded. */
const LOG_PAGES_MAX = 4096
/**
 * Largest file, in pages of 4 KiB, that opening checks as a whole; reading more would keep a restart waiting for
 * seconds.
 */
const CHECKED_PAGES_MAX = 65_536

/** The open file. Every method throws `StoreError`. */
export class LedgerFile {
  readonly #path: string
  readonly #lock: FolderLock
  readonly #db: DatabaseSync
  readonly #writes: LedgerWrites
  readonly #reads: LedgerReads
  readonly #transactions: TransactionIndex
  readonly #pruner: Pruner
  /** Which of the two was at it last: they take turns. */
  #indexedLast = false

  /** @throws StoreError STORE_LOCKED, STORE_VERSION, STORE_LEDGER, STORE_CORRUPT, STORE_IO */
  constructor(options: StoreOptions) {
    this.#path = join(options.folder, LEDGER_FILE)
    try {
      mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw toStoreError(error, 'making the data directory', options.folder)
    }
    this.#lock = new FolderLock(options.folder)
    let db: DatabaseSync | undefined
    try {
      db = new DatabaseSync(this.#path)
      prepare(db, this.#path, options)
      syncFolder(options.folder)
      this.#transactions = new TransactionIndex(db)
      this.#pruner = new Pruner(db)
      this.#writes = new LedgerWrites(db, this.#path, this.#transactions, this.#pruner)
      this.#reads = new LedgerReads(db, this.#transactions, this.#pruner)
    } catch (error) {
      db?.close()
      this.#lock.release()
      throw toStoreError(error, 'opening', this.#path)
    }
    this.#db = db
  }

  /**
   * Makes all records durable in one transaction, or none.
   * @throws StoreError STORE_CONFLICT, STORE_PRUNED, STORE_IO, STORE_CORRUPT
   */
  write(records: Iterable<StoreRecord>): void {
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const record of records) this.#writes.put(record)
      this.#db.exec('COMMIT')
      this.#transactions.recount()
      this.#pruner.committed()
      while (this.#transactions.backlog > BACKLOG_BLOCKS_MAX) this.#transactions.step()
      while (this.#pruner.isTooFarBehind) this.#pruner.step()
    } catch (error) {
      try {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      } catch {
        // The first error tells what happened; without a commit the log is discarded at the next opening anyway.
      }
      throw toStoreError(error, 'writing', this.#path)
    }
  }

  /** Whether `tidy` has something to do. */
  get isUntidy(): boolean {
    return this.#transactions.backlog > 0 || this.#pruner.isBehind
  }

  /** Does a little of what can wait; for when nothing else is to be done. */
  tidy(): void {
    const index = this.#transactions.backlog > 0 && !(this.#indexedLast && this.#pruner.isBehind)
    this.#indexedLast = index
    try {
      if (index) this.#transactions.step()
      else this.#pruner.step()
    } catch (error) {
      throw toStoreError(error, index ? 'indexing transactions' : 'pruning', this.#path)
    }
  }

  read(read: StoreRead): StoreAnswers[StoreRead['kind']] {
    try {
      return this.#reads.answer(read)
    } catch (error) {
      // What is damaged says so, and not in which file.
      if (error instanceof StoreError) throw new StoreError(error.code, `${this.#path}: ${error.message}`)
      throw toStoreError(error, `reading ${read.kind}`, this.#path)
    }
  }

  /** Folds the log into the file and gives the data directory free. */
  close(): void {
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      this.#db.close()
    } catch (error) {
      throw toStoreError(error, 'closing', this.#path)
    } finally {
      this.#lock.release()
    }
  }
}

function prepare(db: DatabaseSync, path: string, options: StoreOptions): void {
  // The first statement reads the header, so a file that is none shows here.
  const pages = number(db, 'PRAGMA page_count')
  if (pages > 0 && pages <= CHECKED_PAGES_MAX) {
    const verdict = text(db, 'PRAGMA quick_check(1)')
    if (verdict !== 'ok') throw new StoreError('STORE_CORRUPT', `${path}: integrity check: ${verdict}`)
  }
  // Another's file is left as it is, so this comes before anything that writes.
  const isNew = number(db, 'SELECT count(*) FROM sqlite_schema') === 0
  if (!isNew) check(db, path, options)
  db.exec('PRAGMA journal_mode = WAL')
  db.exec('PRAGMA synchronous = FULL')
  db.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES_MAX}`)
  db.exec('PRAGMA journal_size_limit = 67108864')
  db.exec('PRAGMA cache_size = -16384')
  if (isNew) create(db, options)
  else migrate(db)
}

/** Brings an older store up to this schema, all in one transaction. */
function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE')
  for (let version = versionOf(db); version < SCHEMA_VERSION; version += 1) {
    db.exec(MIGRATIONS.get(version) ?? '')
    db.prepare(`UPDATE meta SET value = ? WHERE key = 'schema_version'`).run(String(version + 1))
  }
  db.exec('COMMIT')
}

function versionOf(db: DatabaseSync): number {
  return Number(text(db, `SELECT value FROM meta WHERE key = 'schema_version'`))
}

function create(db: DatabaseSync, options: StoreOptions): void {
  db.exec('BEGIN IMMEDIATE')
  db.exec(SCHEMA)
  const put = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)')
  put.run('schema_version', String(SCHEMA_VERSION))
  put.run('ledger_id', options.ledgerId)
  db.exec('COMMIT')
}

function check(db: DatabaseSync, path: string, options: StoreOptions): void {
  const known = number(db, `SELECT count(*) FROM sqlite_schema WHERE name = 'meta'`) === 1
  const get = known ? db.prepare('SELECT value FROM meta WHERE key = ?') : undefined
  const version = get?.get('schema_version')?.['value'] ?? 'none'
  if (version !== String(SCHEMA_VERSION) && !MIGRATIONS.has(Number(version))) {
    throw new StoreError('STORE_VERSION', `${path}: found schema version ${String(version)}, wanted ${SCHEMA_VERSION}`)
  }
  const ledgerId = get?.get('ledger_id')?.['value'] ?? 'none'
  if (ledgerId !== options.ledgerId) {
    throw new StoreError('STORE_LEDGER', `${path}: found ledger ${String(ledgerId)}, wanted ${options.ledgerId}`)
  }
}

function number(db: DatabaseSync, sql: string): number {
  const value = firstColumn(db, sql)
  return typeof value === 'number' ? value : 0
}

function text(db: DatabaseSync, sql: string): string {
  return String(firstColumn(db, sql))
}

function firstColumn(db: DatabaseSync, sql: string): unknown {
  return Object.values(db.prepare(sql).get() ?? {})[0]
}

/** A file is durable only once its folder's entry is. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
