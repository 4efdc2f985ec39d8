import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { StoreAnswers, StoredBlock, StoredHeader, StoredUnit, StoreRead, UnitCursor, UnitPage } from './record.ts'
import { StoreError } from './store-error.ts'
import type { TransactionIndex } from './transaction-index.ts'

type Row = Readonly<Record<string, SQLOutputValue>>

/** Most proofs that one answer lists. */
const EVIDENCE_ANSWER_MAX = 1024

/** Answers questions about the stored ledger. */
export class LedgerReads {
  readonly #blocks: StatementSync
  readonly #tip: StatementSync
  readonly #certifiedTip: StatementSync
  readonly #units: StatementSync
  readonly #ownUnit: StatementSync
  readonly #vote: StatementSync
  readonly #lastVote: StatementSync
  readonly #transactions: TransactionIndex
  readonly #meta: StatementSync
  readonly #evidence: StatementSync

  constructor(db: DatabaseSync, transactions: TransactionIndex) {
    this.#blocks = db.prepare(
      `SELECT height, header, results, body, certificates.bytes AS certificate
       FROM blocks LEFT JOIN certificates USING (height) WHERE height >= ? ORDER BY height LIMIT ?`,
    )
    this.#tip = db.prepare(
      `SELECT height, header, certificates.bytes AS certificate
       FROM blocks LEFT JOIN certificates USING (height) ORDER BY height DESC LIMIT 1`,
    )
    this.#certifiedTip = db.prepare(
      `SELECT height, header, certificates.bytes AS certificate
       FROM certificates JOIN blocks USING (height) ORDER BY certificates.height DESC LIMIT 1`,
    )
    this.#units = db.prepare(
      `SELECT rowid AS row, hash, creator, round, own, bytes FROM units
       WHERE view = ? AND (round, rowid) > (?, ?) ORDER BY round, rowid`,
    )
    this.#ownUnit = db.prepare(
      `SELECT hash, creator, round, own, bytes FROM units WHERE view = ? AND own = 1 ORDER BY round DESC LIMIT 1`,
    )
    this.#vote = db.prepare('SELECT bytes FROM votes WHERE height = ?')
    this.#lastVote = db.prepare('SELECT height, bytes FROM votes ORDER BY height DESC LIMIT 1')
    this.#transactions = transactions
    this.#meta = db.prepare('SELECT value FROM meta WHERE key = ?')
    this.#evidence = db.prepare('SELECT member, bytes FROM evidence ORDER BY rowid LIMIT ?')
  }

  answer(read: StoreRead): StoreAnswers[StoreRead['kind']] {
    switch (read.kind) {
      case 'blocks':
        return this.#blockRange(read.from, read.countMax, read.bytesMax)
      case 'tip':
        return maybe(this.#tip.get(), toHeader)
      case 'certified-tip':
        return maybe(this.#certifiedTip.get(), toHeader)
      case 'units':
        return this.#unitPage(read.view, read.after, read.bytesMax)
      case 'own-unit':
        return maybe(this.#ownUnit.get(read.view), toUnit)
      case 'vote':
        return maybe(this.#vote.get(read.height), (row) => bytes(row, 'bytes'))
      case 'last-vote':
        return maybe(this.#lastVote.get(), (row) => ({ height: integer(row, 'height'), bytes: bytes(row, 'bytes') }))
      case 'transaction':
        return this.#transactions.find(read.id)
      case 'meta':
        return maybe(this.#meta.get(read.key), (row) => text(row, 'value'))
      case 'evidence':
        return this.#evidence
          .all(EVIDENCE_ANSWER_MAX)
          .map((row) => ({ member: text(row, 'member'), bytes: bytes(row, 'bytes') }))
    }
  }

  /** The first block is given whatever its size, so that a reader always gets on. */
  #blockRange(from: number, countMax: number, bytesMax: number): readonly StoredBlock[] {
    const blocks: StoredBlock[] = []
    let size = 0
    for (const row of this.#blocks.iterate(from, countMax)) {
      const block = toBlock(row)
      size += block.header.length + block.body.length + block.results.length + (block.certificate?.length ?? 0)
      if (blocks.length > 0 && size > bytesMax) break
      blocks.push(block)
    }
    return blocks
  }

  #unitPage(view: string, after: UnitCursor, bytesMax: number): UnitPage {
    const units: StoredUnit[] = []
    let size = 0
    let last = after
    for (const row of this.#units.iterate(view, after.round, after.row)) {
      const unit = toUnit(row)
      size += unit.bytes.length
      if (units.length > 0 && size > bytesMax) return { units, next: last }
      units.push(unit)
      last = { round: unit.round, row: integer(row, 'row') }
    }
    return { units, next: undefined }
  }
}

function maybe<T>(row: Row | undefined, read: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : read(row)
}

function toHeader(row: Row): StoredHeader {
  const certificate = row['certificate']
  return {
    height: integer(row, 'height'),
    header: bytes(row, 'header'),
    certificate: certificate instanceof Uint8Array ? certificate : undefined,
  }
}

function toBlock(row: Row): StoredBlock {
  return { ...toHeader(row), body: bytes(row, 'body'), results: bytes(row, 'results') }
}

function toUnit(row: Row): StoredUnit {
  return {
    hash: text(row, 'hash'),
    creator: integer(row, 'creator'),
    round: integer(row, 'round'),
    own: integer(row, 'own') === 1,
    bytes: bytes(row, 'bytes'),
  }
}

function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw corrupt(column, 'an integer', value)
  return value
}

function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw corrupt(column, 'text', value)
  return value
}

function bytes(row: Row, column: string): Uint8Array {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw corrupt(column, 'a blob', value)
  return value
}

function corrupt(column: string, wanted: string, found: unknown): StoreError {
  return new StoreError('STORE_CORRUPT', `column ${column}: found ${typeof found}, wanted ${wanted}`)
}
