// The connection that a block runs on, with what the ledger itself does there: it begins and commits transactions,
// remembers their ids and writes the head row. Shared by the execution of a block and by its repetition, which must do
// the same in the same order.

import { Writer } from '@quorate/kernel'
import type { Digest, Height, ProgramTransaction, Replay, Transaction } from '@quorate/types'
import { DIGEST_BYTES, governanceHash, hashOf, rawOf } from '@quorate/types'
import type { Connection } from './connection.ts'
import { SqliteError } from './connection.ts'
import type { Engine, Opened, OpenOptions } from './engine.ts'
import { ProgramFailure } from './failure.ts'
import { failureOf } from './failure-of.ts'
import { GasMeter } from './gas.ts'
import { LEDGER_TABLES, SQL } from './ledger-tables.ts'
import { MEMBER_SQL } from './member-tables.ts'
import type { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import type { RunContext } from './program-run.ts'
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
  /** The next committee is drawn from the members as they are after this block. */
  | { readonly kind: 'assemble' }
  /** Its view begins: who had joined by the last assemble block is active, who had left is gone. */
  | { readonly kind: 'reconfigure' }

/** A transaction with what is remembered of it. */
export interface Entry<T extends Transaction = Transaction> {
  readonly transaction: T
  readonly content: Uint8Array
  readonly position: number
}

/** Seed of the transaction at `position`. */
export function transactionSeed(seed: Digest, position: number): Uint8Array {
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
export function contentDigest(transaction: Transaction, bytes: Uint8Array): Digest {
  if (transaction.governance !== undefined) return governanceHash(bytes)
  return hashOf('program', programBytes(bytes, transaction))
}

/** One block's connection, made anew where a transaction has broken the engine. */
export class BlockConnection {
  readonly #engine: Engine
  readonly #block: BlockContext
  readonly #pages: Overlay
  readonly #options: OpenOptions
  #opened: Opened
  #statements: Statements

  constructor(engine: Engine, block: BlockContext, pages: Overlay, options: OpenOptions) {
    this.#engine = engine
    this.#block = block
    this.#pages = pages
    this.#options = options
    this.#opened = this.#open()
    this.#statements = new Statements(engine, this.#opened.connection)
  }

  get connection(): Connection {
    return this.#opened.connection
  }

  get statements(): Statements {
    return this.#statements
  }

  /** Runs a statement of the ledger's own. */
  own(...statement: Parameters<Statements['own']>): ReturnType<Statements['own']> {
    return this.#statements.own(...statement)
  }

  /** Makes the ledger's tables, inside the transaction that founds it. */
  found({ ledger, members }: BlockContent & { readonly kind: 'genesis' }): void {
    for (const table of LEDGER_TABLES) this.own(table)
    this.#writeHead()
    this.own(MEMBER_SQL.found, ledger)
    for (const { id, name } of members) this.own(MEMBER_SQL.founder, id, name)
  }

  /** The block's own writes, before any client's. */
  writeOwn(): void {
    this.begin()
    this.#writeHead()
    this.own(SQL.forget, BigInt(this.#block.timeMs), BigInt(RULES.forgetMax))
    this.commit(new GasMeter(RULES.blockGasMax))
  }

  /** What `assemble` and `reconfigure` blocks do. */
  turnView(kind: 'assemble' | 'reconfigure'): void {
    this.begin()
    if (kind === 'assemble') {
      this.own(MEMBER_SQL.assemble, BigInt(this.#block.height))
    } else {
      this.own(MEMBER_SQL.seat)
      this.own(MEMBER_SQL.dismiss)
    }
    this.commit(new GasMeter(RULES.blockGasMax))
  }

  begin(): void {
    this.#engine.vfs.reseed(rawOf(this.#block.seed))
    this.own(SQL.begin)
  }

  /** On the meter: FTS5 writes what it has gathered only now, and what fails there is the program's failure. */
  commit(meter: GasMeter): void {
    try {
      const commit = (): unknown => this.#engine.vfs.writable(() => this.own(SQL.commit))
      this.#pages.attempt(() => this.#engine.metered(meter, commit))
    } catch (error) {
      const failure = failureOf(error, this.#engine, this.connection)
      throw failure ?? (error instanceof SqliteError ? new ProgramFailure(error.error, false) : error)
    } finally {
      meter.end(0)
    }
  }

  /** Begins a transaction and remembers its id; leaves nothing of the one before to be seen. */
  mark({ transaction, content, position }: Entry): void {
    const { id, expiresMs } = transaction
    this.begin()
    this.own(SQL.remember, id, BigInt(expiresMs), content, BigInt(this.#block.height), BigInt(position))
    this.own(SQL.settle)
    this.connection.lastInsertRowid = 0n
  }

  /** Readies the engine for a program: its own time, and where its randomness comes from. */
  program(entry: Entry<ProgramTransaction>, options: Pick<RunContext, 'meter' | 'watch'>): ProgramRun {
    const { replay } = entry.transaction
    this.#engine.vfs.setTime(replay?.timeMs ?? this.#block.timeMs)
    const seed = replay === undefined ? transactionSeed(this.#block.seed, entry.position) : replaySeed(replay)
    return this.programOf(seed, options)
  }

  /** A program that draws from `seed`. */
  programOf(seed: Uint8Array, options: Pick<RunContext, 'meter' | 'watch'>): ProgramRun {
    const { connection, statements } = this
    return new ProgramRun({ engine: this.#engine, connection, statements, seed, isReader: false, ...options })
  }

  /** It is the block's time again. */
  resetTime(): void {
    this.#engine.vfs.setTime(this.#block.timeMs)
  }

  /** Takes back the transaction under way. @param isBroken - The engine is no longer what it should be. */
  undo(isBroken: boolean): void {
    if (isBroken) {
      this.#reopen()
      return
    }
    this.#statements.drop()
    if (!this.connection.isAutocommit) this.own(SQL.rollback)
    this.connection.setForeignKeys(true)
  }

  close(): void {
    this.#statements.close()
    this.#opened.close()
    this.#engine.vfs.check()
  }

  #writeHead(): void {
    this.own(SQL.head, BigInt(this.#block.height), BigInt(this.#block.timeMs))
  }

  #open(): Opened {
    this.#engine.renew()
    const opened = this.#engine.open(this.#pages, this.#options)
    this.#engine.vfs.setTime(this.#block.timeMs)
    return opened
  }

  /** Goes on with a new engine, on the pages as they were committed. */
  #reopen(): void {
    this.#engine.vfs.check()
    this.#opened = this.#open()
    this.#statements = new Statements(this.#engine, this.#opened.connection)
  }
}
