import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Pruner } from './pruner.ts'
import type { StoreAnswers, StoredBlock, StoredHeader, StoredUnit, StoreRead, UnitCursor, UnitPage } from './record.ts'
import { rowSum, unitKey } from './row-sum.ts'
import { StoreError } from './store-error.ts'
import type { TransactionIndex } from './transaction-index.ts'

type Row = Readonly<Record<string, SQLOutputValue>>

const BLOCK =
  'height, header, results, body, blocks.sum, certificates.bytes AS certificate, certificates.sum AS certificate_sum'

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
  readonly #pruner: Pruner
  readonly #meta: StatementSync
  readonly #evidence: StatementSync

  constructor(db: DatabaseSync, transactions: TransactionIndex, pruner: Pruner) {
    this.#blocks = db.prepare(
      `SELECT ${BLOCK}
       FROM blocks LEFT JOIN certificates USING (height) WHERE height >= ? ORDER BY height LIMIT ?`,
    )
    this.#tip = db.prepare(
      `SELECT ${BLOCK}
       FROM blocks LEFT JOIN certificates USING (height) ORDER BY height DESC LIMIT 1`,
    )
    this.#certifiedTip = db.prepare(
      `SELECT ${BLOCK}
       FROM certificates JOIN blocks USING (height) ORDER BY certificates.height DESC LIMIT 1`,
    )
    this.#units = db.prepare(
      `SELECT rowid AS row, hash, creator, round, own, bytes, sum FROM units
       WHERE view = ? AND (round, rowid) > (?, ?) ORDER BY round, rowid`,
    )
    this.#ownUnit = db.prepare(
      `SELECT hash, creator, round, own, bytes, sum FROM units WHERE view = ? AND own = 1 ORDER BY round DESC LIMIT 1`,
    )
    this.#vote = db.prepare('SELECT height, bytes, sum FROM votes WHERE height = ?')
    this.#lastVote = db.prepare('SELECT height, bytes, sum FROM votes ORDER BY height DESC LIMIT 1')
    this.#transactions = transactions
    this.#pruner = pruner
    this.#meta = db.prepare('SELECT value FROM meta WHERE key = ?')
    this.#evidence = db.prepare('SELECT member, bytes, sum FROM evidence ORDER BY rowid LIMIT ?')
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
        return maybe(this.#vote.get(read.height), (row) => toVote(row).bytes)
      case 'last-vote':
        return maybe(this.#lastVote.get(), toVote)
      case 'transaction':
        return this.#transactions.find(read.id)
      case 'pruned-below':
        return this.#pruner.floor
      case 'meta':
        return maybe(this.#meta.get(read.key), (row) => text(row, 'value'))
      case 'evidence':
        return this.#evidence.all(EVIDENCE_ANSWER_MAX).map((row) => {
          const [member, proof] = [text(row, 'member'), bytes(row, 'bytes')]
          intact(row, 'sum', `evidence against ${member}`, rowSum(member, proof))
          return { member, bytes: proof }
        })
    }
  }

  /** The first block is given whatever its size, so that a reader always gets on. */
  #blockRange(from: number, countMax: number, bytesMax: number): readonly StoredBlock[] {
    const blocks: StoredBlock[] = []
    let size = 0
    for (const row of this.#blocks.iterate(from, countMax)) {
      // Behind a gap lies what a pruned ledger keeps for good.
      if (integer(row, 'height') !== from + blocks.length) break
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

function toBlock(row: Row): StoredBlock {
  const height = integer(row, 'height')
  const [header, results, body] = [bytes(row, 'header'), bytes(row, 'results'), bytes(row, 'body')]
  intact(row, 'sum', `block ${height}`, rowSum(height, header, results, body))
  const certificate = row['certificate'] === null ? undefined : bytes(row, 'certificate')
  if (certificate !== undefined) intact(row, 'certificate_sum', `certificate ${height}`, rowSum(height, certificate))
  return { height, header, results, body, certificate }
}

function toHeader(row: Row): StoredHeader {
  const { height, header, certificate } = toBlock(row)
  return { height, header, certificate }
}

function toUnit(row: Row): StoredUnit {
  const hash = text(row, 'hash')
  const [creator, round, own] = [integer(row, 'creator'), integer(row, 'round'), integer(row, 'own')]
  const unit = bytes(row, 'bytes')
  intact(row, 'sum', `unit ${hash}`, rowSum(unitKey(hash, creator, round, own), unit))
  return { hash, creator, round, own: own === 1, bytes: unit }
}

function toVote(row: Row): { readonly height: number; readonly bytes: Uint8Array } {
  const [height, vote] = [integer(row, 'height'), bytes(row, 'bytes')]
  intact(row, 'sum', `vote ${height}`, rowSum(height, vote))
  return { height, bytes: vote }
}

/** What the disk gives back must be what it was given. */
function intact(row: Row, column: string, what: string, found: number): void {
  const wanted = integer(row, column)
  if (found !== wanted)
    throw new StoreError('STORE_CORRUPT', `${what} is damaged: its bytes have checksum ${found}, written was ${wanted}`)
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
