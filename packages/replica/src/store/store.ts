// The durable ledger of a replica, as the replica's loop sees it: promises. The work is done in a thread of its own.

import { Worker } from 'node:worker_threads'
import { concatBytes } from '@quorate/kernel'
import type { StoreOptions } from './ledger-file.ts'
import type {
  StoreAnswers,
  StoredBlock,
  StoredEvidence,
  StoredHeader,
  StoredUnit,
  StoreRead,
  StoreRecord,
  TransactionPlace,
  UnitCursor,
  UnitPage,
} from './record.ts'
import { recordBytes, STORE_LIMITS } from './record.ts'
import { StoreError } from './store-error.ts'
import type { StoreReply, StoreRequest } from './store-message.ts'

interface Waiting {
  readonly records: number
  readonly bytes: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: StoreError) => void
}

/** Counters of a store since it was opened. */
export interface StoreStats {
  readonly appends: number
  /** Commits, each of which took an fsync; fewer than `appends` under load. */
  readonly commits: number
  readonly bytes: number
  /** Requests not answered yet. */
  readonly waiting: number
}

/** Where all units of a view begin. */
const FIRST_UNITS: UnitCursor = { round: -1, row: -1 }

/**
 * `ledger.db` behind promises. An append resolves once it is on disk. The first failure is final: it rejects everything
 * that waits and everything after, and the replica has to stop.
 */
export class Store {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #closed: Promise<void>
  #failure: StoreError | undefined
  #nextId = 0
  #recordsWaiting = 0
  #bytesWaiting = 0
  #appends = 0
  #commits = 0
  #bytes = 0

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: StoreReply) => this.#onReply(reply))
    this.#closed = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#fail(new StoreError('STORE_CLOSED', 'the ledger store is closed'))
        resolve()
      })
    })
    worker.on('error', (error) => {
      this.#fail(new StoreError('STORE_IO', `the ledger store's thread ended: ${error.message}`))
    })
  }

  /**
   * Opens the store, making it where there is none.
   * @throws StoreError STORE_LOCKED, STORE_VERSION, STORE_LEDGER, STORE_CORRUPT, STORE_IO (as rejection)
   */
  static async open(options: StoreOptions): Promise<Store> {
    const file = import.meta.url.endsWith('.ts') ? './store-worker.ts' : './store-worker.js'
    const worker = new Worker(new URL(file, import.meta.url), {
      name: 'store',
      workerData: { ...options },
      resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8 },
    })
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (reply: StoreReply) => {
        worker.off('error', reject)
        if (reply.kind === 'failed') reject(new StoreError(reply.code, reply.message))
        else resolve()
      })
      worker.once('error', reject)
    })
    return new Store(worker)
  }

  /**
   * Makes all records durable together. The bytes are copied before this returns.
   * @throws StoreError STORE_CONFLICT, STORE_PRUNED, STORE_IO, STORE_CORRUPT, STORE_OVERLOADED, STORE_CLOSED (as rejection)
   */
  append(records: readonly StoreRecord[]): Promise<void> {
    let bytes = 0
    for (const record of records) bytes += recordBytes(record)
    if (
      this.#recordsWaiting + records.length > STORE_LIMITS.recordsMax ||
      this.#bytesWaiting + bytes > STORE_LIMITS.bytesMax
    ) {
      const found = `${this.#recordsWaiting + records.length} records of ${this.#bytesWaiting + bytes} bytes`
      const wanted = `at most ${STORE_LIMITS.recordsMax} of ${STORE_LIMITS.bytesMax}`
      return Promise.reject(new StoreError('STORE_OVERLOADED', `waiting for the disk: ${found}, ${wanted}`))
    }
    this.#appends += 1
    this.#bytes += bytes
    const transfer: ArrayBuffer[] = []
    const owned = records.map((record) => detach(record, transfer))
    return this.#ask<void>({ kind: 'append', records: owned }, { records: records.length, bytes }, transfer)
  }

  /**
   * Blocks from `from` on, in a row: at most `countMax`, and as many as fit into `bytesMax`, but at least one. None where there is
   * none at `from`.
   */
  blocks(from: number, countMax: number, bytesMax: number): Promise<readonly StoredBlock[]> {
    return this.#read({ kind: 'blocks', from, countMax, bytesMax })
  }

  /** One block, or undefined. */
  async block(height: number): Promise<StoredBlock | undefined> {
    const [block] = await this.blocks(height, 1, 0)
    return block
  }

  /** Below this height only blocks that are kept for good are here, or few others that are about to go; 0 if none was pruned. */
  prunedBelow(): Promise<number> {
    return this.#read({ kind: 'pruned-below' })
  }

  /** The highest block, certified or not. */
  tip(): Promise<StoredHeader | undefined> {
    return this.#read({ kind: 'tip' })
  }

  /** The highest block that has a certificate. */
  certifiedTip(): Promise<StoredHeader | undefined> {
    return this.#read({ kind: 'certified-tip' })
  }

  /** The view's units by round, in pages of about `bytesMax`: all, or those after the last page's `next`. */
  units(view: string, bytesMax: number, after: UnitCursor = FIRST_UNITS): Promise<UnitPage> {
    return this.#read({ kind: 'units', view, after, bytesMax })
  }

  /** Our unit of the highest round in the view. */
  ownUnit(view: string): Promise<StoredUnit | undefined> {
    return this.#read({ kind: 'own-unit', view })
  }

  /** Our vote at the height. */
  vote(height: number): Promise<Uint8Array | undefined> {
    return this.#read({ kind: 'vote', height })
  }

  /** Our vote at the greatest height. */
  lastVote(): Promise<{ readonly height: number; readonly bytes: Uint8Array } | undefined> {
    return this.#read({ kind: 'last-vote' })
  }

  /** Where the transaction stands. */
  transaction(id: string): Promise<TransactionPlace | undefined> {
    return this.#read({ kind: 'transaction', id })
  }

  meta(key: string): Promise<string | undefined> {
    return this.#read({ kind: 'meta', key })
  }

  /** Proofs of members' faults, oldest first. */
  evidence(): Promise<readonly StoredEvidence[]> {
    return this.#read({ kind: 'evidence' })
  }

  stats(): StoreStats {
    return { appends: this.#appends, commits: this.#commits, bytes: this.#bytes, waiting: this.#waiting.size }
  }

  /** Resolves once everything appended before is durable and the data directory is free. */
  close(): Promise<void> {
    if (this.#failure === undefined) this.#worker.postMessage({ kind: 'close' } satisfies StoreRequest)
    return this.#closed
  }

  #read<K extends StoreRead['kind']>(read: Extract<StoreRead, { readonly kind: K }>): Promise<StoreAnswers[K]> {
    return this.#ask<StoreAnswers[K]>({ kind: 'read', read }, { records: 0, bytes: 0 }, [])
  }

  #ask<T>(
    request: { kind: 'append'; records: readonly StoreRecord[] } | { kind: 'read'; read: StoreRead },
    cost: { readonly records: number; readonly bytes: number },
    transfer: readonly ArrayBuffer[],
  ): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#nextId
    this.#nextId += 1
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { ...cost, resolve: resolve as (answer: unknown) => void, reject })
      this.#recordsWaiting += cost.records
      this.#bytesWaiting += cost.bytes
      this.#worker.postMessage({ ...request, id } satisfies StoreRequest, [...transfer])
    })
  }

  #onReply(reply: StoreReply): void {
    switch (reply.kind) {
      case 'appended':
        this.#commits += 1
        for (const id of reply.ids) this.#settle(id, undefined)
        return
      case 'answer':
        this.#settle(reply.id, reply.answer)
        return
      case 'failed':
        this.#fail(new StoreError(reply.code, reply.message))
        return
      case 'opened':
      case 'closed':
        return
    }
  }

  #settle(id: number, answer: unknown): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    this.#recordsWaiting -= waiting.records
    this.#bytesWaiting -= waiting.bytes
    waiting.resolve(answer)
  }

  #fail(error: StoreError): void {
    this.#failure ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure)
    this.#waiting.clear()
  }
}

/**
 * The record with bytes of its own, to be given away: a view would take its whole buffer along, and the caller's with
 * it.
 */
function detach(record: StoreRecord, transfer: ArrayBuffer[]): StoreRecord {
  const own = (bytes: Uint8Array): Uint8Array => {
    const copy = concatBytes([bytes])
    transfer.push(copy.buffer as ArrayBuffer)
    return copy
  }
  switch (record.kind) {
    case 'block':
      return { ...record, header: own(record.header), body: own(record.body), results: own(record.results) }
    case 'unit':
    case 'certificate':
    case 'vote':
    case 'evidence':
      return { ...record, bytes: own(record.bytes) }
    case 'meta':
    case 'prune-units':
    case 'prune-view':
    case 'prune-blocks':
      return record
  }
}
