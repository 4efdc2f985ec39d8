import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { bytesEqual, sha256 } from '@quorate/kernel'
import type { Pruner } from './pruner.ts'
import type { StoreRecord } from './record.ts'
import { EVIDENCE_PER_MEMBER_MAX } from './record.ts'
import { rowSum, unitKey } from './row-sum.ts'
import { StoreError } from './store-error.ts'
import type { TransactionIndex } from './transaction-index.ts'

/**
 * Writes records inside the caller's transaction. Writing the same record again changes nothing; one that contradicts a
 * durable record throws, because it means that this replica is about to say two different things.
 */
export class LedgerWrites {
  readonly #path: string
  readonly #unit: StatementSync
  readonly #block: StatementSync
  readonly #headerAt: StatementSync
  readonly #transactions: TransactionIndex
  readonly #pruner: Pruner
  readonly #certificate: StatementSync
  readonly #vote: StatementSync
  readonly #voteAt: StatementSync
  readonly #evidence: StatementSync
  readonly #evidenceCount: StatementSync
  readonly #meta: StatementSync
  readonly #pruneUnits: StatementSync

  constructor(db: DatabaseSync, path: string, transactions: TransactionIndex, pruner: Pruner) {
    this.#path = path
    this.#transactions = transactions
    this.#pruner = pruner
    this.#unit = db.prepare(
      `INSERT INTO units (view, hash, creator, round, own, bytes, sum) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (view, hash) DO NOTHING`,
    )
    this.#block = db.prepare(
      'INSERT INTO blocks (height, header, results, body, sum) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#headerAt = db.prepare('SELECT header AS bytes FROM blocks WHERE height = ?')
    this.#certificate = db.prepare(
      'INSERT INTO certificates (height, bytes, sum) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#vote = db.prepare('INSERT INTO votes (height, bytes, sum) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    this.#voteAt = db.prepare('SELECT bytes FROM votes WHERE height = ?')
    this.#evidence = db.prepare(
      'INSERT INTO evidence (member, digest, bytes, sum) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#evidenceCount = db.prepare('SELECT count(*) AS count FROM evidence WHERE member = ?')
    this.#meta = db.prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
    this.#pruneUnits = db.prepare('DELETE FROM units WHERE view = ? AND round < ?')
  }

  put(record: StoreRecord): void {
    switch (record.kind) {
      case 'unit':
        this.#putUnit(record)
        return
      case 'block':
        this.#putBlock(record)
        return
      case 'certificate':
        if (this.#pruner.isPruned(record.height)) return
        // Any quorum's certificate proves the block; the first one stays.
        this.#certificate.run(record.height, record.bytes, rowSum(record.height, record.bytes))
        return
      case 'vote':
        this.#mustBeAbove(record.height, 'vote')
        if (this.#vote.run(record.height, record.bytes, rowSum(record.height, record.bytes)).changes === 0) {
          this.#mustEqual(this.#voteAt, record.height, record.bytes, 'vote')
        }
        return
      case 'evidence':
        if (Number(this.#evidenceCount.get(record.member)?.['count']) < EVIDENCE_PER_MEMBER_MAX) {
          this.#evidence.run(record.member, sha256(record.bytes), record.bytes, rowSum(record.member, record.bytes))
        }
        return
      case 'meta':
        this.#meta.run(record.key, record.value)
        return
      case 'prune-units':
        this.#pruneUnits.run(record.view, record.belowRound)
        return
      case 'prune-view':
        this.#pruner.endView(record.view)
        return
      case 'prune-blocks':
        this.#pruner.raise(record.below, record.keep)
        return
    }
  }

  #putUnit({ view, hash, creator, round, own, bytes }: Extract<StoreRecord, { kind: 'unit' }>): void {
    const mark = own ? 1 : 0
    this.#unit.run(view, hash, creator, round, mark, bytes, rowSum(unitKey(hash, creator, round, mark), bytes))
  }

  #putBlock(record: Extract<StoreRecord, { kind: 'block' }>): void {
    const { height, header, results, body } = record
    this.#mustBeAbove(height, 'block')
    if (this.#block.run(height, header, results, body, rowSum(height, header, results, body)).changes === 0) {
      this.#mustEqual(this.#headerAt, height, header, 'block')
      return
    }
    this.#transactions.note(height, record.transactions)
    this.#pruner.added(record.transactions.length)
  }

  #mustBeAbove(height: number, what: string): void {
    if (!this.#pruner.isPruned(height)) return
    const message = `${this.#path}: ${what} at height ${height}: everything below ${this.#pruner.floor} is pruned`
    throw new StoreError('STORE_PRUNED', message)
  }

  #mustEqual(statement: StatementSync, height: number, wanted: Uint8Array, what: string): void {
    const found = statement.get(height)?.['bytes']
    if (found instanceof Uint8Array && bytesEqual(found, wanted)) return
    const digest = found instanceof Uint8Array ? sha256(found) : 'none'
    throw new StoreError(
      'STORE_CONFLICT',
      `${this.#path}: ${what} at height ${height}: durable is ${digest}, to be written was ${sha256(wanted)}`,
    )
  }
}
