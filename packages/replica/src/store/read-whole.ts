// Blocks out of a data folder, without its replica and without disturbing one that runs: for archives.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Height, WholeBlock } from '@quorate/types'
import { LEDGER_FILE } from './ledger-file.ts'
import { LedgerReads } from './ledger-reads.ts'
import { Pruner } from './pruner.ts'
import type { StoreAnswers } from './record.ts'
import { StoreError, toStoreError } from './store-error.ts'
import { TransactionIndex } from './transaction-index.ts'

/** Certified blocks of a data folder. */
export interface WholeRange {
  readonly blocks: readonly WholeBlock[]
  /** Newest certified height; -1 where there is none. */
  readonly tip: number
  /** Lowest height from which on all are kept. */
  readonly lowest: number
}

/**
 * Certified blocks in `folder` from a height on: at most `count`, and as many as fit into `bytesMax`, but at least one where there is
 * one. @throws StoreError STORE_IO, STORE_CORRUPT, STORE_VERSION
 */
export function readWhole(folder: string, from: Height, count: number, bytesMax: number): WholeRange {
  const path = join(folder, LEDGER_FILE)
  if (!existsSync(path)) throw new StoreError('STORE_IO', `${path} is not there`)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true })
    return rangeIn(new LedgerReads(db, new TransactionIndex(db), new Pruner(db)), from, count, bytesMax)
  } catch (error) {
    throw toStoreError(error, 'reading blocks', path)
  } finally {
    db?.close()
  }
}

function rangeIn(reads: LedgerReads, from: Height, countMax: number, bytesMax: number): WholeRange {
  const tip = (reads.answer({ kind: 'certified-tip' }) as StoreAnswers['certified-tip'])?.height ?? -1
  const lowest = reads.answer({ kind: 'pruned-below' }) as StoreAnswers['pruned-below']
  const stored = reads.answer({ kind: 'blocks', from, countMax, bytesMax }) as StoreAnswers['blocks']
  const blocks: WholeBlock[] = []
  for (const { header, body, certificate, results } of stored) {
    if (certificate === undefined) break
    blocks.push({ header, body, certificate, results })
  }
  return { blocks, tip, lowest }
}
