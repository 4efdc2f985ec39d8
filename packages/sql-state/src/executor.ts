// Executes blocks: from the pages before and a list of transactions to the pages after and a list of outcomes.
//
// Problem: every replica must get the same bytes and the same outcomes, whatever it did before. SQLite keeps much
// between statements: caches, prepared statements whose step counters set the phase of the gas meter, FTS5's internal
// statements, a random generator, a heap with its free lists. So a block runs on a NEW engine (its memory is put back
// to what it was when it was loaded) and a fresh connection: the transition is a function of (pages, block) alone.
//
// A transaction of the ledger is a transaction of SQLite, committed to the block's overlay of pages in memory. A
// savepoint inside one transaction per block is a tenth faster, but an interrupted write, ON CONFLICT ROLLBACK or a
// full heap makes SQLite roll back the whole transaction: then the block, and its innocent part must be run again. With
// a transaction each, whatever happens to one stays with it.
//
// Its own row in `_quorate_outcomes` is the first thing that a transaction writes: the pager's draw of randomness, for
// its journal, happens there and not in a client's statement.
//
// Limits: the dirty pages of a transaction stay in the heap until its commit (cache_spill=OFF: spilling would let the
// cache's size change the bytes); gas and heap limit bound them. The overlay holds the changed pages of the block
// outside the heap; block gas bounds it.

import { assert, bytesEqual, Writer } from '@quorate/kernel'
import type {
  Digest,
  GovernanceTransaction,
  Height,
  LedgerMember,
  Outcome,
  ProgramTransaction,
  Replay,
  Transaction,
} from '@quorate/types'
import { decodeTransaction, DIGEST_BYTES, encodeOutcome, governanceHash, hashOf, rawOf } from '@quorate/types'
import { SqliteError } from './connection.ts'
import type { Engine, Opened, OpenOptions } from './engine.ts'
import { OWN_FUEL } from './engine.ts'
import { ProgramConflict, ProgramFailure } from './failure.ts'
import { failureOf } from './failure-of.ts'
import { GasMeter } from './gas.ts'
import { Assembly, listMembers } from './governance.ts'
import { LEDGER_TABLES, SQL } from './ledger-tables.ts'
import { MEMBER_SQL } from './member-tables.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import { RULES } from './rules.ts'
import { Statements } from './statements.ts'

/** What a block says of when and with what randomness it runs. */
export interface BlockContext {
  readonly height: Height
  readonly timeMs: number
  readonly seed: Digest
}

/** A block's transactions, or the founding, or a change of views. */
export type BlockContent =
  | { readonly kind: 'executions'; readonly transactions: readonly Uint8Array[] }
  | {
      readonly kind: 'genesis'
      readonly ledger: Digest
      readonly members: readonly { readonly id: string; readonly name: string }[]
      readonly sql: readonly string[]
    }
  /** A view begins, drawn from the members as they were decided by that height: those are seated, those who left are gone. */
  | { readonly kind: 'reconfigure'; readonly decidedBy: Height }

/** What executing a block gave. */
export interface BlockResult {
  /** Encoded outcomes, by position. */
  readonly outcomes: readonly Uint8Array[]
  /** Ids by position; empty for bytes that are no transaction, and for one that was refused: its id is free for another try. */
  readonly ids: readonly string[]
  readonly pages: Overlay
  readonly gas: number
  /** All members after the block, in the order of their ids; undefined where it changed nothing about them. */
  readonly members: readonly LedgerMember[] | undefined
}

/** The founders' SQL is wrong: nobody can found this ledger. */
export class GenesisSqlError extends Error {
  override readonly name = 'GenesisSqlError'
  readonly code = 'GENESIS_SQL'
}

/** Seed of the transaction at `position`. */
function transactionSeed(seed: Digest, position: number): Uint8Array {
  return rawOf(hashOf('seed', rawOf(seed), new Writer(4).u32(position).finish()))
}

/** Seed of a transaction that carries its own. */
export function replaySeed(replay: Replay): Uint8Array {
  return transactionSeed(replay.seed, 0)
}

/**
 * The program's own bytes within those of its transaction: between id, expiry and tag, and the replay. As `contentHash`
 * takes them.
 */
function programBytes(bytes: Uint8Array, { replay }: ProgramTransaction): Uint8Array {
  const [first = 0, second = 0] = bytes
  const idEnd = first < 128 ? 1 + first : 2 + (first - 128) + second * 128
  return bytes.subarray(idEnd + 9, bytes.length - 1 - (replay === undefined ? 0 : 8 + DIGEST_BYTES))
}

/** What tells a transaction from another one of the same id. */
function contentDigest(transaction: Transaction, bytes: Uint8Array): Digest {
  if (transaction.governance !== undefined) return governanceHash(bytes)
  return hashOf('program', programBytes(bytes, transaction))
}

/** A transaction with what is remembered of it. */
interface Entry<T extends Transaction = Transaction> {
  readonly transaction: T
  readonly content: Uint8Array
  readonly position: number
}

/** One block's execution. */
class BlockRun {
  readonly #engine: Engine
  readonly #block: BlockContext
  readonly #pages: Overlay
  readonly #options: OpenOptions
  #opened: Opened
  #statements: Statements
  /** Fuel that its transactions took. */
  #fuel = 0
  #changedMembers = false
  gas = 0

  constructor(engine: Engine, block: BlockContext, pages: Overlay, options: OpenOptions) {
    this.#engine = engine
    this.#block = block
    this.#pages = pages
    this.#options = options
    this.#opened = this.#open()
    this.#statements = new Statements(engine, this.#opened.connection)
  }

  found({ ledger, members, sql }: BlockContent & { readonly kind: 'genesis' }): void {
    this.#begin()
    for (const table of LEDGER_TABLES) this.#own(table)
    this.#writeHead()
    this.#own(MEMBER_SQL.found, ledger)
    for (const { id, name } of members) this.#own(MEMBER_SQL.founder, id, name)
    this.#changedMembers = true
    const requests = sql.map((text) => ({ kind: 'sequence', sql: text }) as const)
    const meter = new GasMeter(RULES.blockGasMax)
    const replies = this.#program(transactionSeed(this.#block.seed, 0), meter).run({ requests })
    replies.forEach((reply, i) => {
      if (reply.kind === 'error')
        throw new GenesisSqlError(`genesis.json: sql[${i}]: ${reply.error.code}: ${reply.error.message}`)
    })
    this.#commit(meter)
  }

  /** The block's own writes, before any client's. */
  open(): void {
    this.#begin()
    this.#writeHead()
    this.#own(SQL.forget, BigInt(this.#block.timeMs), BigInt(RULES.forgetMax))
    this.#commit(new GasMeter(RULES.blockGasMax))
  }

  /** Settles what was decided about members by `decidedBy`. */
  beginView(decidedBy: Height): void {
    this.#begin()
    this.#own(MEMBER_SQL.seat, BigInt(decidedBy))
    this.#own(MEMBER_SQL.dismiss, BigInt(decidedBy))
    this.#changedMembers = true
    this.#commit(new GasMeter(RULES.blockGasMax))
  }

  /** The members now, if this block changed anything about them. */
  get members(): readonly LedgerMember[] | undefined {
    return this.#changedMembers ? listMembers(this.#statements) : undefined
  }

  close(): void {
    this.#statements.close()
    this.#opened.close()
    this.#engine.vfs.check()
  }

  execute(bytes: Uint8Array, position: number): { readonly id: string; readonly outcome: Outcome } {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return { id: '', outcome: { kind: 'refused', code: 'MALFORMED', message: decoded.error.message } }
    const transaction = decoded.value
    const content = rawOf(contentDigest(transaction, bytes))
    const refusal = this.#refusal({ transaction, content, position })
    if (refusal !== undefined) return { id: transaction.id, outcome: refusal }
    const outcome =
      transaction.governance === undefined
        ? this.#run({ transaction, content, position })
        : this.#govern({ transaction, content, position }, bytes)
    return { id: transaction.id, outcome }
  }

  #open(): Opened {
    this.#engine.renew()
    const opened = this.#engine.open(this.#pages, this.#options)
    this.#engine.vfs.setTime(this.#block.timeMs)
    return opened
  }

  /**
   * The connection's engine is no longer what it should be: go on with a new one, on the pages as they were committed.
   */
  #reopen(): void {
    this.#engine.vfs.check()
    this.#opened = this.#open()
    this.#statements = new Statements(this.#engine, this.#opened.connection)
  }

  #own(...statement: Parameters<Statements['own']>): ReturnType<Statements['own']> {
    return this.#statements.own(...statement)
  }

  #begin(): void {
    this.#engine.vfs.reseed(rawOf(this.#block.seed))
    this.#own(SQL.begin)
  }

  #writeHead(): void {
    this.#own(SQL.head, BigInt(this.#block.height), BigInt(this.#block.timeMs))
  }

  /** On the meter: FTS5 writes what it has gathered only now, and what fails there is the program's failure. */
  #commit(meter: GasMeter): void {
    try {
      const commit = (): unknown => this.#engine.vfs.writable(() => this.#own(SQL.commit))
      this.#pages.attempt(() => this.#engine.metered(meter, commit))
    } catch (error) {
      const failure = failureOf(error, this.#engine, this.#opened.connection)
      throw failure ?? (error instanceof SqliteError ? new ProgramFailure(error.error, false) : error)
    } finally {
      meter.end(0)
    }
  }

  #refusal({ transaction, content }: Entry): Outcome | undefined {
    const { timeMs } = this.#block
    const { expiresMs, id } = transaction
    const replay = transaction.governance === undefined ? transaction.replay : undefined
    if (expiresMs < timeMs)
      return { kind: 'refused', code: 'EXPIRED', message: `expired at ${expiresMs}, the block's time is ${timeMs}` }
    if (expiresMs > timeMs + RULES.rememberMsMax) {
      return {
        kind: 'refused',
        code: 'EXPIRES_TOO_FAR',
        message: `expires at ${expiresMs}, at most ${timeMs + RULES.rememberMsMax} is remembered`,
      }
    }
    const known = this.#own(SQL.find, id)
    if (known !== undefined) {
      const [before, height, position] = known
      if (before instanceof Uint8Array && bytesEqual(before, content)) {
        return { kind: 'duplicate', height: Number(height) as Height, position: Number(position) }
      }
      return {
        kind: 'refused',
        code: 'ID_REUSED',
        message: `the id stands for another transaction at height ${Number(height)}, position ${Number(position)}`,
      }
    }
    if (replay !== undefined && (replay.timeMs > timeMs || replay.timeMs < timeMs - RULES.replayMsMax)) {
      return {
        kind: 'refused',
        code: 'REPLAY_TIME',
        message: `the transaction began at ${replay.timeMs}, the block's time is ${timeMs}`,
      }
    }
    if (this.gas >= RULES.blockGasMax || this.#fuel >= RULES.blockFuelMax)
      return { kind: 'refused', code: 'BLOCK_FULL', message: `the block has used its ${RULES.blockGasMax} gas` }
    return undefined
  }

  /** A member's order: refused where nobody of this ledger has signed it, else done or forbidden, and remembered. */
  #govern(entry: Entry<GovernanceTransaction>, bytes: Uint8Array): Outcome {
    const { governance } = entry.transaction
    const gas = RULES.governanceGas
    this.gas += gas
    const assembly = new Assembly(this.#statements, this.#block)
    const refusal = assembly.refusal(governance, bytes, this.#engine.verify)
    if (refusal !== undefined) return { kind: 'refused', ...refusal }
    this.#mark(entry)
    const carried = assembly.carryOut(governance)
    this.#commit(new GasMeter(RULES.transactionGasMax))
    if (carried.kind === 'forbidden') return { kind: 'failed', error: carried.error, gas }
    this.#changedMembers ||= carried.changedMembers
    return { kind: 'executed', replies: [carried.reply], gas }
  }

  #run(entry: Entry<ProgramTransaction>): Outcome {
    const { position, transaction } = entry
    const { replay, program } = transaction
    const meter = new GasMeter(RULES.transactionGasMax)
    const engine = this.#engine
    this.#mark(entry)
    engine.vfs.setTime(replay?.timeMs ?? this.#block.timeMs)
    const seed = replay === undefined ? transactionSeed(this.#block.seed, position) : replaySeed(replay)
    engine.refuel(RULES.transactionFuelMax)
    let outcome: Outcome
    try {
      const replies = this.#program(seed, meter).run(program)
      this.#commit(meter)
      this.#fuel += RULES.transactionFuelMax - engine.fuel
      outcome = { kind: 'executed', replies, gas: meter.used }
    } catch (error) {
      this.#fuel += RULES.transactionFuelMax - Math.max(0, engine.fuel)
      outcome = this.#undo(error, meter)
      engine.refuel(OWN_FUEL)
      this.#mark(entry)
      this.#commit(new GasMeter(RULES.transactionGasMax))
    }
    engine.refuel(OWN_FUEL)
    engine.vfs.setTime(this.#block.timeMs)
    this.gas += meter.used
    return outcome
  }

  #program(seed: Uint8Array, meter: GasMeter): ProgramRun {
    const { connection } = this.#opened
    return new ProgramRun({
      engine: this.#engine,
      connection,
      statements: this.#statements,
      meter,
      seed,
      isReader: false,
    })
  }

  /** Begins a transaction and remembers its id; leaves nothing of the one before to be seen. */
  #mark({ transaction, content, position }: Entry): void {
    const { id, expiresMs } = transaction
    this.#begin()
    this.#own(SQL.remember, id, BigInt(expiresMs), content, BigInt(this.#block.height), BigInt(position))
    this.#own(SQL.settle)
    this.#opened.connection.lastInsertRowid = 0n
  }

  /** Takes back everything a transaction did. Rethrows what is not its own doing. */
  #undo(error: unknown, meter: GasMeter): Outcome {
    const { connection } = this.#opened
    if (this.#engine.fuel < RULES.fuelReserve) meter.exhaust()
    const failure = error instanceof ProgramConflict ? undefined : failureOf(error, this.#engine, connection)
    if (failure === undefined && !(error instanceof ProgramConflict)) throw error
    if (failure?.brokeEngine === true) {
      this.#reopen()
    } else {
      this.#statements.drop()
      if (!connection.isAutocommit) this.#own(SQL.rollback)
      connection.setForeignKeys(true)
    }
    if (failure !== undefined) return { kind: 'failed', error: failure.error, gas: meter.used }
    assert(error instanceof ProgramConflict, 'neither a failure nor a conflict')
    return { kind: 'conflict', statement: error.statement, gas: meter.used }
  }
}

/**
 * Executes a block on `base`. The outcomes and the pages are a function of the arguments alone. Connections that were
 * open on `engine` are void afterwards.
 * @throws LocalTrouble, or what `base` throws, where the machine is at fault: the replica must stop. GenesisSqlError
 * where the founders' SQL fails.
 */
export function executeBlock(
  engine: Engine,
  base: PageSource,
  block: BlockContext,
  content: BlockContent,
  options: OpenOptions = {},
): BlockResult {
  const pages = new Overlay(base)
  const run = new BlockRun(engine, block, pages, options)
  const outcomes: Uint8Array[] = []
  const ids: string[] = []
  switch (content.kind) {
    case 'genesis':
      run.found(content)
      break
    case 'reconfigure':
      run.open()
      run.beginView(content.decidedBy)
      break
    case 'executions':
      run.open()
      content.transactions.forEach((bytes, position) => {
        const { id, outcome } = run.execute(bytes, position)
        ids.push(outcome.kind === 'refused' ? '' : id)
        outcomes.push(encodeOutcome(outcome))
      })
  }
  const { members } = run
  run.close()
  return { outcomes, ids, pages, gas: run.gas, members }
}
