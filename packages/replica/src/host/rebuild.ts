// A replica's data folder, built from blocks that somebody has kept: each is executed by the engine that executed it first, and
// what comes out must be what its header says, state root and all. Certificates are for whoever brings the blocks to check.
//
// The database runs ahead of the ledger by one batch at most. After a crash it is taken back to where the ledger ends, as
// when a replica starts (recovery.ts), and building goes on from there.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { seedOf } from '@quorate/choam'
import { bytesEqual } from '@quorate/kernel'
import type { Digest, Genesis, Header, WholeBlock } from '@quorate/types'
import { blockHash, decodeHeader, ledgerId } from '@quorate/types'
import { STATE_FILE } from '../sql/state-rows.ts'
import { SqlWriter } from '../sql/threads.ts'
import { LEDGER_FILE } from '../store/ledger-file.ts'
import type { StoreRecord } from '../store/record.ts'
import { Store } from '../store/store.ts'
import type { Execution } from './ports.ts'
import { catchUpDatabase } from './recovery.ts'

/** Blocks of one batch at most: the database keeps enough to be taken back by so many. */
export const REBUILD_BATCH_MAX = 64

/** Why a folder can't be built. */
export class RebuildError extends Error {
  override readonly name = 'RebuildError'
  /**
   * REBUILD_FOLDER: the folder holds a database without its ledger. REBUILD_CONFLICT: the folder holds another block at a
   * height. REBUILD_DIVERGED: executing a block gave something else than its header says.
   */
  readonly code: 'REBUILD_FOLDER' | 'REBUILD_CONFLICT' | 'REBUILD_DIVERGED'

  constructor(code: RebuildError['code'], message: string) {
    super(message)
    this.code = code
  }
}

function headerOf(block: WholeBlock): Header {
  const header = decodeHeader(block.header)
  if (!header.ok) throw new RebuildError('REBUILD_CONFLICT', `a header does not decode: ${header.error.message}`)
  return header.value
}

function compare(header: Header, execution: Execution, block: WholeBlock): void {
  const refuse = (what: string, found: string, wanted: string): never => {
    const message = `executing block ${header.height} gave the ${what} ${found}, its header says ${wanted}`
    throw new RebuildError('REBUILD_DIVERGED', message)
  }
  const { transactionsRoot, resultsRoot, stateRoot } = execution
  if (transactionsRoot !== header.transactionsRoot)
    refuse('transactions root', transactionsRoot, header.transactionsRoot)
  if (resultsRoot !== header.resultsRoot) refuse('results root', resultsRoot, header.resultsRoot)
  if (stateRoot !== header.stateRoot) refuse('state root', stateRoot, header.stateRoot)
  if (!bytesEqual(execution.results, block.results)) refuse('results', 'other bytes', 'of one root with them')
}

/** A data folder that is being built. It is locked until `close`. */
export class Rebuild {
  readonly #store: Store
  readonly #writer: SqlWriter
  readonly #ledger: Digest
  #next: number
  /** Hash of the folder's last block. */
  #tip: Digest | undefined
  #stateRoot: Digest | undefined

  private constructor(parts: {
    store: Store
    writer: SqlWriter
    ledger: Digest
    last: Header | undefined
    tip?: Digest
  }) {
    this.#store = parts.store
    this.#writer = parts.writer
    this.#ledger = parts.ledger
    this.#next = parts.last === undefined ? 0 : parts.last.height + 1
    this.#tip = parts.tip
    this.#stateRoot = parts.last?.stateRoot
  }

  /**
   * Opens a folder: a new one, one that is half built, or that of a stopped replica of this ledger.
   * @param onProgress - Told while blocks that are there already are executed again.
   * @throws RebuildError, StoreError, SqlThreadError, RecoveryError
   */
  static async open(folder: string, genesis: Genesis, onProgress: (at: number, tip: number) => void): Promise<Rebuild> {
    if (!existsSync(join(folder, LEDGER_FILE)) && existsSync(join(folder, STATE_FILE)))
      throw new RebuildError('REBUILD_FOLDER', `${folder} holds ${STATE_FILE} without ${LEDGER_FILE}: of which ledger?`)
    const ledger = ledgerId(genesis)
    const store = await Store.open({ folder, ledgerId: ledger })
    let writer: SqlWriter | undefined
    try {
      writer = await SqlWriter.open(folder)
      await catchUpDatabase(store, writer, ledger, onProgress)
      const newest = await store.tip()
      const last = newest === undefined ? undefined : decodeHeader(newest.header)
      if (newest === undefined || last?.ok !== true) return new Rebuild({ store, writer, ledger, last: undefined })
      return new Rebuild({ store, writer, ledger, last: last.value, tip: blockHash(newest.header) })
    } catch (error) {
      await writer?.close()
      await store.close()
      throw error
    }
  }

  /** Height of the next block that the folder lacks. */
  get next(): number {
    return this.#next
  }

  /** Root over the database after the last block; undefined before genesis. */
  get stateRoot(): Digest | undefined {
    return this.#stateRoot
  }

  /** The folder's last block as somebody else has it: must be the same. Its certificate is kept where the folder has none. */
  async meet(block: WholeBlock): Promise<void> {
    const header = headerOf(block)
    const hash = blockHash(block.header)
    if (header.height !== this.#next - 1 || hash !== this.#tip) {
      const message = `the folder's last block is ${this.#next - 1} (${this.#tip}), met is ${header.height} (${hash})`
      throw new RebuildError('REBUILD_CONFLICT', message)
    }
    await this.#store.append([{ kind: 'certificate', height: header.height, bytes: block.certificate }])
  }

  /** Adds the next blocks, certified ones, at most `REBUILD_BATCH_MAX`. Resolves when they are on disk. */
  async add(blocks: readonly WholeBlock[]): Promise<void> {
    const headers = blocks.map(headerOf)
    const executions = await this.#execute(blocks, headers)
    const records: StoreRecord[] = []
    for (const [i, block] of blocks.entries()) {
      const [header, execution] = [headers[i], executions[i]]
      if (header === undefined || execution === undefined) break
      compare(header, execution, block)
      const { header: bytes, body, results, certificate } = block
      const { height } = header
      records.push(
        { kind: 'block', height, header: bytes, body, results, transactions: execution.ids },
        { kind: 'certificate', height, bytes: certificate },
      )
      this.#stateRoot = header.stateRoot
      this.#tip = blockHash(bytes)
    }
    await this.#store.append(records)
    this.#next += blocks.length
  }

  #execute(blocks: readonly WholeBlock[], headers: readonly Header[]): Promise<readonly Execution[]> {
    // Put to the thread all at once: it goes from one to the next without waiting for us.
    return Promise.all(
      headers.map((header, i) =>
        this.#writer.execute({
          height: header.height,
          timeMs: header.timeMs,
          seed: seedOf(this.#ledger, header.height, header.body),
          bodyBytes: blocks[i]?.body ?? new Uint8Array(0),
        }),
      ),
    )
  }

  /** Gives the folder free. */
  async close(): Promise<void> {
    await this.#writer.close()
    await this.#store.close()
  }
}
