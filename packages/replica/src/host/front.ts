// The replica as its gateway sees it: programs become transactions and outcomes become answers.

import { randomBytes } from 'node:crypto'
import { receiptFor } from '@quorate/choam'
import type { Choam } from '@quorate/choam'
import { AssertionError, toHex, unwrap } from '@quorate/kernel'
import type {
  CertifiedBlock,
  Digest,
  Genesis,
  Header,
  Height,
  Millis,
  Outcome,
  Program,
  Receipt,
  Transaction,
  WholeBlock,
} from '@quorate/types'
import {
  blockHash,
  decodeBody,
  decodeCertificate,
  decodeHeader,
  decodeOutcome,
  decodeTransaction,
  encodeProgram,
  encodeReceipt,
  encodeTransaction,
  height as heightOf,
  isTransactionId,
  millis,
  TRANSACTION_LIMITS,
  transactionHash,
  transactionsOf,
} from '@quorate/types'
import type {
  BlockView,
  OpenReply,
  ReadReply,
  Refused,
  Replica,
  Session,
  SessionOptions,
  Status,
  Submission,
  SubmitReply,
  TransactionView,
  WholeBlocks,
} from '../gateway/ports.ts'
import { decodeOutcomes } from '../sql/outcome-list.ts'
import type { SqlReaders } from '../sql/threads.ts'
import type { StoredBlock } from '../store/record.ts'
import type { Store } from '../store/store.ts'
import type { ReadLevel, Reads } from './reads.ts'
import { READ_WAIT_MS_MAX } from './reads.ts'
import type { Settled, Submissions } from './submissions.ts'
import { WAITERS_MAX } from './submissions.ts'

/** How long a submission is waited for before its outcome is called unknown. */
export const SUBMIT_WAIT_MS = 30_000
/** The SQL readers as the front uses them. */
export type ReadersOfFront = Pick<SqlReaders, 'inSession' | 'newSession' | 'read'>

/** What the front stands on. */
export interface FrontParts {
  readonly core: Choam
  readonly genesis: Genesis
  readonly ledger: Digest
  readonly store: Pick<Store, 'block' | 'blocks' | 'prunedBelow' | 'transaction'>
  readonly readers: ReadersOfFront
  readonly reads: Reads
  readonly submissions: Submissions
  /** Takes a transaction on its way to the core; false where there is no room. */
  readonly submit: (transaction: Uint8Array) => boolean
  readonly status: () => Status
  readonly wallMs: () => Millis
  readonly monotonicMs: () => Millis
}

function refused(code: Refused['code'], message: string, retryAfterMs?: number): Refused {
  return retryAfterMs === undefined
    ? { kind: 'refused', code, message }
    : { kind: 'refused', code, message, retryAfterMs }
}

export class Front implements Replica {
  readonly #parts: FrontParts

  constructor(parts: FrontParts) {
    this.#parts = parts
  }

  status(): Status {
    return this.#parts.status()
  }

  async submit({ id, program, replay, keepMs }: Submission): Promise<SubmitReply> {
    const { core, wallMs } = this.#parts
    if (!isTransactionId(id))
      return refused('TOO_LARGE', `the id has more than ${TRANSACTION_LIMITS.idBytesMax} bytes, or none`)
    const transaction: Transaction = {
      id,
      // The ledger's clock counts: a gateway that is behind it would have its ids forgotten early.
      expiresMs: millis(Math.max(wallMs(), core.status().tip?.timeMs ?? 0) + keepMs),
      program,
      ...(replay === undefined ? {} : { replay }),
    }
    const bytes = encodeTransaction(transaction)
    if (bytes.length > TRANSACTION_LIMITS.bytesMax) {
      return refused(
        'TOO_LARGE',
        `the transaction has ${bytes.length} bytes, at most ${TRANSACTION_LIMITS.bytesMax} are allowed`,
      )
    }
    return this.submitOrder(bytes)
  }

  async submitOrder(bytes: Uint8Array): Promise<SubmitReply> {
    const { core, submissions, monotonicMs } = this.#parts
    const { phase } = core.status()
    if (phase === 'failed' || phase === 'initial') return refused('NOT_READY', `the replica is ${phase}`, 1000)
    if (submissions.size >= WAITERS_MAX || !this.#parts.submit(bytes)) {
      return refused('OVERLOADED', 'too many transactions wait to be ordered', 250)
    }
    return this.#reply(await submissions.wait(transactionHash(bytes), monotonicMs() + SUBMIT_WAIT_MS))
  }

  async #reply(settled: Settled): Promise<SubmitReply> {
    if (settled.kind === 'timeout')
      return refused('TIMEOUT', `no outcome within ${SUBMIT_WAIT_MS} ms; it may still come: ask again with the same id`)
    if (settled.kind === 'stopped')
      return refused('TIMEOUT', 'the replica stops; the outcome may still come: ask another one, with the same id')
    const { height, position } = settled
    const value = unwrap(decodeOutcome(settled.outcome), 'an executed outcome')
    if (value.kind === 'refused') return value
    if (value.kind !== 'duplicate') return { kind: 'executed', height, position, outcome: value, duplicate: false }
    const first = await this.#outcomeAt(value.height, value.position)
    if (first === undefined || first.kind === 'duplicate' || first.kind === 'refused') {
      return refused('HEIGHT_GONE', `the first outcome, at height ${value.height}, is no longer kept`)
    }
    return { kind: 'executed', height: value.height, position: value.position, outcome: first, duplicate: true }
  }

  async #outcomeAt(height: Height, position: number): Promise<Outcome | undefined> {
    const block = await this.#parts.store.block(height)
    const bytes = block === undefined ? undefined : outcomesOf(block)[position]
    const outcome = bytes === undefined ? undefined : decodeOutcome(bytes)
    return outcome?.ok === true ? outcome.value : undefined
  }

  async read(program: Program, level: ReadLevel): Promise<ReadReply> {
    const height = await this.#heightFor(level)
    if (typeof height !== 'number') return height
    const reply = await this.#parts.readers.read({ kind: 'read', height, program: encodeProgram(program) })
    switch (reply.kind) {
      case 'writes':
        return { kind: 'writes' }
      case 'gone':
        return refused('HEIGHT_GONE', `height ${height} is no longer kept`)
      case 'outcome': {
        const value = unwrap(decodeOutcome(reply.outcome), "a reader's outcome")
        if (value.kind === 'duplicate' || value.kind === 'refused')
          return refused('NOT_READY', 'a read was answered as a write')
        return { kind: 'read', height, outcome: value }
      }
      case 'failed':
        return refused('OVERLOADED', reply.message, 250)
      case 'opened':
      case 'stepped':
      case 'described':
      case 'recorded':
      case 'closed':
        throw new AssertionError(`a read was answered with ${reply.kind}`)
    }
  }

  async #heightFor(level: ReadLevel): Promise<Height | Refused> {
    const { reads } = this.#parts
    const height = await reads.heightFor(level)
    if (height !== undefined) return height
    if (reads.certified === undefined) return refused('NOT_READY', 'the ledger is being founded', 500)
    if (level.kind === 'as-of') return refused('HEIGHT_AHEAD', `height ${level.height} is beyond ${reads.certified}`)
    const what = level.kind === 'at-least' ? `height ${level.height} was not reached` : 'no quorum said how far it is'
    return refused(
      'TIMEOUT',
      `${what} within ${READ_WAIT_MS_MAX} ms; level "local" answers from height ${reads.certified}`,
    )
  }

  async openSession({ level, isReadonly }: SessionOptions): Promise<OpenReply> {
    const height = await this.#heightFor(level)
    if (typeof height !== 'number') return height
    const { readers } = this.#parts
    const session = readers.newSession()
    const seed = toHex(randomBytes(32)) as Digest
    const reply = await readers.inSession({ kind: 'open', session, height, seed, isReadonly })
    if (reply.kind === 'gone') return refused('HEIGHT_GONE', `height ${height} is no longer kept`)
    if (reply.kind !== 'opened')
      return refused('OVERLOADED', reply.kind === 'failed' ? reply.message : 'the reader is busy', 250)
    return { kind: 'open', session: sessionOn(readers, session, height) }
  }

  async block(at: Height): Promise<BlockView | undefined> {
    const stored = await this.#certified(at)
    if (stored === undefined) return undefined
    const { block, header, certificate } = stored
    const hashes = transactionsIn(block)
    return {
      ...header,
      hash: blockHash(block.header),
      signers: certificate.signatures.map((each) => each.seat),
      transactions: hashes.map(({ bytes, id }, position) => ({ id, hash: transactionHash(bytes), position })),
    }
  }

  prunedBelow(): Promise<number> {
    return this.#parts.store.prunedBelow()
  }

  async wholeBlocks(from: Height, count: number, bytesMax: number): Promise<WholeBlocks> {
    const { reads, store } = this.#parts
    const tip = reads.certified
    if (tip === undefined) return { kind: 'not-ready' }
    if (from > tip) return { kind: 'blocks', blocks: [], tip }
    const blocks: WholeBlock[] = []
    for (const stored of await store.blocks(from, Math.min(count, tip - from + 1), bytesMax)) {
      const { header, body, certificate, results } = stored
      if (stored.height !== from + blocks.length || certificate === undefined) break
      blocks.push({ header, body, certificate, results })
    }
    const lowest = blocks.length > 0 ? 0 : await store.prunedBelow()
    return from < lowest ? { kind: 'gone', lowest: heightOf(lowest) } : { kind: 'blocks', blocks, tip }
  }

  async transaction(id: string): Promise<TransactionView | undefined> {
    const place = await this.#parts.store.transaction(id)
    const stored = place === undefined ? undefined : await this.#certified(heightOf(place.height))
    if (place === undefined || stored === undefined) return undefined
    const { block, header } = stored
    const transaction = transactionsIn(block)[place.position]
    const outcome = decodeOutcome(outcomesOf(block)[place.position] ?? new Uint8Array(0))
    const decoded = transaction === undefined ? undefined : decodeTransaction(transaction.bytes)
    if (transaction === undefined || decoded?.ok !== true || !outcome.ok) return undefined
    return {
      id,
      hash: transactionHash(transaction.bytes),
      height: header.height,
      block: blockHash(block.header),
      position: place.position,
      timeMs: header.timeMs,
      program: decoded.value.program,
      governance: decoded.value.governance,
      outcome: outcome.value,
    }
  }

  async receipt(id: string): Promise<Uint8Array | undefined> {
    const place = await this.#parts.store.transaction(id)
    const stored = place === undefined ? undefined : await this.#certified(heightOf(place.height))
    if (place === undefined || stored === undefined) return undefined
    const views = await this.#viewsUpTo(stored.header.lastReconfigure.height)
    if (views === undefined) return undefined
    const { header, body, certificate } = stored.block
    if (certificate === undefined) return undefined
    const receipt = receiptFor(views, { header, body, certificate, outcomes: outcomesOf(stored.block) }, place.position)
    return receipt === undefined ? undefined : encodeReceipt(receipt)
  }

  /** The view chain up to the block at `height`, which seats a committee. */
  async #viewsUpTo(height: Height): Promise<Receipt['views'] | undefined> {
    const views: CertifiedBlock[] = []
    for (let at: number | undefined = height; at !== undefined;) {
      const block = await this.#parts.store.block(at)
      const header = block === undefined ? undefined : decodeHeader(block.header)
      if (block?.certificate === undefined || header?.ok !== true) return undefined
      views.unshift({ header: block.header, body: block.body, certificate: block.certificate })
      at = at === 0 ? undefined : header.value.lastReconfigure.height
    }
    return views
  }

  async #certified(height: Height): Promise<
    | {
        block: StoredBlock
        header: Header
        certificate: { signatures: readonly { readonly seat: number }[] }
      }
    | undefined
  > {
    const { reads, store } = this.#parts
    if (reads.certified === undefined || height > reads.certified) return undefined
    const block = await store.block(height)
    if (block?.certificate === undefined) return undefined
    const header = decodeHeader(block.header)
    const certificate = decodeCertificate(block.certificate)
    return header.ok && certificate.ok ? { block, header: header.value, certificate: certificate.value } : undefined
  }
}

function outcomesOf(block: StoredBlock): readonly Uint8Array[] {
  return unwrap(decodeOutcomes(block.results), `stored results of block ${block.height}`)
}

function transactionsIn(block: StoredBlock): readonly { readonly bytes: Uint8Array; readonly id: string }[] {
  const body = decodeBody(block.body)
  if (!body.ok) return []
  return transactionsOf(body.value).map((bytes) => {
    const decoded = decodeTransaction(bytes)
    return { bytes, id: decoded.ok ? decoded.value.id : '' }
  })
}

function sessionOn(readers: ReadersOfFront, session: number, height: Height): Session {
  const lost = { kind: 'error', error: { code: 'SQL_READER', message: 'the session is gone' } } as const
  return {
    height,
    step: async (statement) => {
      const reply = await readers.inSession({ kind: 'step', session, statement })
      if (reply.kind !== 'stepped') return { ...lost, open: false }
      const { reply: step } = reply.step
      if (step.kind === 'result') return { kind: 'result', result: step.result, open: reply.open }
      return step.kind === 'error' ? { kind: 'error', error: step.error, open: reply.open } : { ...lost, open: false }
    },
    describe: async (sql) => {
      const reply = await readers.inSession({ kind: 'describe', session, sql })
      const answer = reply.kind === 'described' ? reply.reply : lost
      return answer.kind === 'description' || answer.kind === 'error' ? answer : lost
    },
    recording: async () => {
      const reply = await readers.inSession({ kind: 'recording', session })
      return reply.kind === 'recorded' ? reply.recording : undefined
    },
    close: () => {
      // Closing twice, or after the thread is gone, is no fault of anyone.
      void readers.inSession({ kind: 'close', session }).catch(() => undefined)
    },
  }
}
