// A replica that is one SQLite file: what the gateway needs to be tested, and nothing of consensus.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Digest, Height, MemberId, Millis, Program, Reply, Statement, StepReply } from '@quorate/types'
import { encodeProgram, height } from '@quorate/types'
import type { ReadLevel } from '../../host/reads.ts'
import type {
  BlockView,
  FinalOutcome,
  OpenReply,
  ReadReply,
  Refused,
  Replica,
  Session,
  SessionOptions,
  SessionReply,
  Status,
  Submission,
  SubmitReply,
  TransactionView,
  WholeBlocks,
} from '../ports.ts'
import { describeStatement, digestOf, runProgram, runStatement } from './sqlite.ts'

const ZEROS = '0'.repeat(64) as Digest

class FakeSession implements Session {
  readonly height: Height
  readonly #db: DatabaseSync
  readonly #statements: Statement[] = []
  #wrote = false
  #closed = false

  constructor(db: DatabaseSync, at: Height, isReadonly: boolean) {
    this.#db = db
    this.height = at
    db.exec(isReadonly ? 'PRAGMA query_only=1; BEGIN' : 'BEGIN')
  }

  async step(statement: Statement): Promise<SessionReply> {
    const one = runStatement(this.#db, statement)
    this.#statements.push({ ...statement, expect: digestOf(one) })
    this.#wrote ||= !/^\s*select/i.test(statement.sql)
    return { ...one, open: this.#db.isTransaction }
  }

  async describe(sql: string): ReturnType<Session['describe']> {
    return describeStatement(this.#db, sql)
  }

  async recording(): ReturnType<Session['recording']> {
    return this.#wrote ? { statements: this.#statements, replay: { timeMs: 0 as Millis, seed: ZEROS } } : undefined
  }

  close(): void {
    if (!this.#closed) this.#db.close()
    this.#closed = true
  }
}

export class FakeReplica implements Replica {
  /** When set, every submission and read is refused so. */
  refusal: Refused | undefined
  /** Blocks below are not kept. */
  pruned = 0
  submissions = 0
  readonly orders: Uint8Array[] = []
  reads = 0
  readonly #folder = mkdtempSync(join(tmpdir(), 'quorate-gateway-'))
  readonly #db = new DatabaseSync(join(this.#folder, 'main.db'))
  readonly #reader: DatabaseSync
  readonly #done = new Map<string, { program: string; view: TransactionView }>()
  #height = 0
  #sessions = 0

  constructor() {
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON')
    this.#reader = new DatabaseSync(join(this.#folder, 'main.db'), { readOnly: true })
  }

  async submit(submission: Submission): Promise<SubmitReply> {
    if (this.refusal !== undefined) return this.refusal
    this.submissions += 1
    const { id, program, replay } = submission
    const text = Buffer.from(encodeProgram(program)).toString('base64')
    const known = this.#done.get(id)
    if (known !== undefined) {
      if (known.program !== text)
        return { kind: 'refused', code: 'ID_REUSED', message: `the id ${id} was used for another program` }
      const { height: at, position, outcome } = known.view
      return { kind: 'executed', height: at, position, outcome: outcome as FinalOutcome, duplicate: true }
    }
    this.#height += 1
    const outcome: FinalOutcome =
      replay === undefined
        ? { kind: 'executed', replies: runProgram(this.#db, program), gas: 1 }
        : this.#replay(program)
    const at = height(this.#height)
    this.#done.set(id, {
      program: text,
      view: {
        id,
        hash: ZEROS,
        height: at,
        block: ZEROS,
        position: 0,
        timeMs: 0 as Millis,
        program,
        governance: undefined,
        outcome,
      },
    })
    return { kind: 'executed', height: at, position: 0, outcome, duplicate: false }
  }

  /** Keeps the order, and answers as a ledger that opened a proposal. */
  async submitOrder(transaction: Uint8Array): Promise<SubmitReply> {
    if (this.refusal !== undefined) return this.refusal
    this.orders.push(transaction)
    this.#height += 1
    const result = { columns: [{ name: 'proposal' }, { name: 'state' }], rows: [[1n, 'open']], affectedRows: 0 }
    const outcome: FinalOutcome = { kind: 'executed', replies: [{ kind: 'result', result }], gas: 1 }
    return { kind: 'executed', height: height(this.#height), position: 0, outcome, duplicate: false }
  }

  #replay(program: Program): FinalOutcome {
    this.#db.exec('SAVEPOINT whole')
    const statements = program.requests
      .slice(1, -1)
      .flatMap((request) => (request.kind === 'execute' ? [request.statement] : []))
    for (const [index, statement] of statements.entries()) {
      if (digestOf(runStatement(this.#db, statement)) === statement.expect) continue
      this.#db.exec('ROLLBACK TO whole; RELEASE whole')
      return { kind: 'conflict', statement: index, gas: 1 }
    }
    const commit = runStatement(this.#db, { sql: 'RELEASE whole', args: [], namedArgs: [], wantRows: false })
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    return { kind: 'executed', replies: [commit], gas: 1 }
  }

  async read(program: Program, _level: ReadLevel): Promise<ReadReply> {
    if (this.refusal !== undefined) return this.refusal
    this.reads += 1
    const replies = runProgram(this.#reader, program)
    const steps = replies.flatMap((reply): readonly (Reply | StepReply)[] =>
      reply.kind === 'batch' ? reply.steps : [reply],
    )
    if (steps.some((step) => step.kind === 'error' && step.error.code === 'SQLITE_READONLY')) return { kind: 'writes' }
    return { kind: 'read', height: height(this.#height), outcome: { kind: 'executed', replies, gas: 1 } }
  }

  async openSession(options: SessionOptions): Promise<OpenReply> {
    if (this.refusal !== undefined) return this.refusal
    this.#sessions += 1
    const file = join(this.#folder, `session-${this.#sessions}.db`)
    this.#db.exec(`VACUUM INTO '${file}'`)
    return { kind: 'open', session: new FakeSession(new DatabaseSync(file), height(this.#height), options.isReadonly) }
  }

  status(): Status {
    return {
      version: '0.0.0',
      name: 'fake',
      ledger: ZEROS,
      member: ZEROS as unknown as MemberId,
      seats: 4,
      quorum: 3,
      era: 1,
      view: ZEROS,
      height: height(this.#height),
      block: ZEROS,
      blockTimeMs: 0 as Millis,
      stateRoot: ZEROS,
      round: 0,
      voted: height(this.#height),
      wallMs: 0 as Millis,
      transactions: this.#height,
      queued: 0,
      ready: this.refusal === undefined,
      stage: 'producing',
      coin: 'dealt',
      phase: 'operational',
      peers: [],
      faults: [],
    }
  }

  async block(at: Height): Promise<BlockView | undefined> {
    if (at > this.#height || at < this.pruned) return undefined
    const roots = { previous: ZEROS, transactionsRoot: ZEROS, resultsRoot: ZEROS, stateRoot: ZEROS, body: ZEROS }
    return {
      height: at,
      hash: ZEROS,
      era: 1,
      view: ZEROS,
      timeMs: 0 as Millis,
      ...roots,
      signers: [0, 1, 2],
      transactions: [],
    }
  }

  async prunedBelow(): Promise<number> {
    return this.pruned
  }

  /** Each is of four bytes that tell its height. */
  async wholeBlocks(from: Height, count: number): Promise<WholeBlocks> {
    const tip = height(this.#height)
    if (from < this.pruned) return { kind: 'gone', lowest: height(this.pruned) }
    const part = (at: number): Uint8Array => Uint8Array.of(at % 256)
    const blocks = Array.from({ length: Math.max(0, Math.min(count, tip - from + 1)) }, (_, i) => {
      const bytes = part(from + i)
      return { header: bytes, body: bytes, certificate: bytes, results: bytes }
    })
    return { kind: 'blocks', blocks, tip }
  }

  async transaction(id: string): Promise<TransactionView | undefined> {
    return this.#done.get(id)?.view
  }

  async receipt(id: string): Promise<Uint8Array | undefined> {
    return this.#done.has(id) ? new Uint8Array([1, 2, 3]) : undefined
  }

  close(): void {
    this.#db.close()
    this.#reader.close()
    rmSync(this.#folder, { recursive: true })
  }
}
