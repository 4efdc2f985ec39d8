// Executes blocks: from the pages before and a list of transactions to the pages after and a list of outcomes.
//
// Problem: every replica must get the same bytes and the same outcomes, whatever it did before. SQLite keeps much between
// statements: caches, prepared statements whose step counters set the phase of the gas meter, FTS5's internal statements, a
// random generator. The obvious way, one connection for ever, makes a restarted replica differ from one that ran on.
// So a block runs on a FRESH connection: nothing of the engine outlives a block, and the transition is a function of (pages,
// block) alone. Opening costs a fraction of a millisecond and the schema's parsing.
//
// A block is one SQLite transaction, a ledger transaction a savepoint in it. Where SQLite itself rolls back everything (a write
// interrupted for gas, OR ROLLBACK, heap limit), the transactions since the last commit point are run again on a fresh
// connection and committed, the culprit is recorded as failed, and the block goes on from there: at most twice the work,
// however many culprits there are, and the same path on every replica.
//
// Limits: the dirty pages of a block stay in memory until its commit (cache_spill=OFF: spilling would let the cache's size change
// the bytes); gas and heap limit bound them.

import { assert, bytesEqual, Writer } from '@quorate/kernel'
import type { Digest, Height, Outcome, Replay, Transaction } from '@quorate/types'
import { decodeTransaction, encodeOutcome, hashOf, programHash, rawOf } from '@quorate/types'
import type { Engine } from './engine.ts'
import { GasMeter } from './engine.ts'
import { ProgramConflict, ProgramFailure } from './failure.ts'
import { LEDGER_TABLES, SQL } from './ledger-tables.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import { RULES } from './rules.ts'
import { Statements } from './statements.ts'

const TRANSACTION = '_quorate_transaction'

/** What a block says of when and with what randomness it runs. */
export interface BlockContext {
  readonly height: Height
  readonly timeMs: number
  readonly seed: Digest
}

/** A block's transactions, or the founding. */
export type BlockContent =
  | { readonly kind: 'executions'; readonly transactions: readonly Uint8Array[] }
  | { readonly kind: 'genesis'; readonly members: readonly { readonly id: string; readonly name: string }[]; readonly sql: readonly string[] }

/** What executing a block gave. */
export interface BlockResult {
  /** Encoded outcomes, by position. */
  readonly outcomes: readonly Uint8Array[]
  /** Ids by position; empty for bytes that are no transaction. */
  readonly ids: readonly string[]
  readonly pages: Overlay
  readonly gas: number
}

/** The founders' SQL is wrong: nobody can found this ledger. */
export class GenesisSqlError extends Error {
  override readonly name = 'GenesisSqlError'
  readonly code = 'GENESIS_SQL'
}

interface Session {
  readonly statements: Statements
  readonly connection: ReturnType<Engine['open']>['connection']
  readonly close: () => void
}

/** Seed of the transaction at `position`. */
function transactionSeed(seed: Digest, position: number): Uint8Array {
  return rawOf(hashOf('seed', rawOf(seed), new Writer(4).u32(position).finish()))
}

/** Seed of a transaction that carries its own. */
export function replaySeed(replay: Replay): Uint8Array {
  return transactionSeed(replay.seed, 0)
}

/** One block's execution. */
class BlockRun {
  readonly #engine: Engine
  readonly #block: BlockContext
  readonly #pages: Overlay
  readonly #cacheKib: number | undefined
  #session: Session
  /** What has left its mark since the last commit point; `ran` where more than its id. */
  #sinceCommit: { readonly position: number; readonly transaction: Transaction; readonly ran: boolean }[] = []
  gas = 0

  constructor(engine: Engine, block: BlockContext, pages: Overlay, cacheKib: number | undefined) {
    this.#engine = engine
    this.#block = block
    this.#pages = pages
    this.#cacheKib = cacheKib
    this.#session = this.#begin()
  }

  get statements(): Statements {
    return this.#session.statements
  }

  #begin(): Session {
    const { connection, close } = this.#engine.open(this.#pages, this.#cacheKib === undefined ? {} : { cacheKib: this.#cacheKib })
    this.#engine.vfs.setTime(this.#block.timeMs)
    this.#engine.vfs.reseed(rawOf(this.#block.seed))
    connection.exec('BEGIN IMMEDIATE')
    return { statements: new Statements(this.#engine, connection), connection, close }
  }

  /** Writes the head row first: the pager's own draw, for its journal, happens here and not in a client's statement. */
  writeHead(): void {
    this.statements.own(SQL.head, BigInt(this.#block.height), BigInt(this.#block.timeMs))
  }

  commit(): void {
    this.#session.statements.drop()
    this.#session.connection.exec('COMMIT')
    this.end()
  }

  end(): void {
    this.#session.statements.close()
    this.#session.close()
    this.#engine.vfs.check()
  }

  execute(bytes: Uint8Array, position: number): { readonly id: string; readonly outcome: Outcome } {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return { id: '', outcome: { kind: 'refused', code: 'MALFORMED', message: decoded.error.message } }
    const transaction = decoded.value
    return { id: transaction.id, outcome: this.#refusal(transaction) ?? this.#run(transaction, position) }
  }

  /** The founders' own SQL. Whatever fails, fails the founding. */
  runFounders(sql: readonly string[]): void {
    const requests = sql.map((text) => ({ kind: 'sequence', sql: text }) as const)
    const meter = new GasMeter(RULES.blockGasMax)
    const { connection, statements } = this.#session
    const seed = transactionSeed(this.#block.seed, 0)
    const replies = new ProgramRun({ engine: this.#engine, connection, statements, meter, seed, isReader: false }).run({ requests })
    replies.forEach((reply, i) => {
      if (reply.kind === 'error') throw new GenesisSqlError(`genesis.json: sql[${i}]: ${reply.error.code}: ${reply.error.message}`)
    })
  }

  #refusal(transaction: Transaction): Outcome | undefined {
    const { timeMs } = this.#block
    const { expiresMs, replay } = transaction
    if (expiresMs < timeMs) return { kind: 'refused', code: 'EXPIRED', message: `expired at ${expiresMs}, the block's time is ${timeMs}` }
    if (expiresMs > timeMs + RULES.rememberMsMax) {
      return { kind: 'refused', code: 'EXPIRES_TOO_FAR', message: `expires at ${expiresMs}, at most ${timeMs + RULES.rememberMsMax} is remembered` }
    }
    const known = this.statements.own(SQL.find, transaction.id)
    if (known !== undefined) {
      const [program, height, position] = known
      if (program instanceof Uint8Array && bytesEqual(program, rawOf(programHash(transaction)))) {
        return { kind: 'duplicate', height: Number(height) as Height, position: Number(position) }
      }
      return { kind: 'refused', code: 'ID_REUSED', message: `the id stands for another program at height ${height}, position ${position}` }
    }
    if (replay !== undefined && (replay.timeMs > timeMs || replay.timeMs < timeMs - RULES.replayMsMax)) {
      return { kind: 'refused', code: 'REPLAY_TIME', message: `the transaction began at ${replay.timeMs}, the block's time is ${timeMs}` }
    }
    if (this.gas >= RULES.blockGasMax) return { kind: 'refused', code: 'BLOCK_FULL', message: `the block has used its ${RULES.blockGasMax} gas` }
    return undefined
  }

  #run(transaction: Transaction, position: number): Outcome {
    const meter = new GasMeter(RULES.transactionGasMax)
    const outcome = this.#attempt(transaction, position, meter)
    this.gas += meter.used
    this.#remember(transaction, position)
    this.#sinceCommit.push({ position, transaction, ran: outcome.kind === 'executed' })
    return outcome
  }

  #attempt(transaction: Transaction, position: number, meter: GasMeter): Outcome {
    const { statements, connection } = this.#session
    const { replay } = transaction
    this.#engine.vfs.setTime(replay?.timeMs ?? this.#block.timeMs)
    statements.own(SQL.settle)
    connection.lastInsertRowid = 0n
    statements.own(`SAVEPOINT ${TRANSACTION}`)
    const seed = replay === undefined ? transactionSeed(this.#block.seed, position) : replaySeed(replay)
    const run = new ProgramRun({ engine: this.#engine, connection, statements, meter, seed, isReader: false })
    try {
      const replies = run.run(transaction.program)
      statements.own(`RELEASE ${TRANSACTION}`)
      return { kind: 'executed', replies, gas: meter.used }
    } catch (error) {
      if (error instanceof ProgramConflict) {
        this.#undo()
        return { kind: 'conflict', statement: error.statement, gas: meter.used }
      }
      if (!(error instanceof ProgramFailure)) throw error
      if (error.tookBlock) this.#redo()
      else this.#undo()
      return { kind: 'failed', error: error.error, gas: meter.used }
    }
  }

  #undo(): void {
    const { statements, connection } = this.#session
    statements.drop()
    connection.exec(`ROLLBACK TO ${TRANSACTION};RELEASE ${TRANSACTION}`)
    connection.setForeignKeys(true)
  }

  /** SQLite took the whole block back: do again what stood since the last commit point, and make that a commit point. */
  #redo(): void {
    const again = this.#sinceCommit
    this.#sinceCommit = []
    this.end()
    this.#session = this.#begin()
    this.writeHead()
    for (const { position, transaction, ran } of again) {
      if (ran) {
        const outcome = this.#attempt(transaction, position, new GasMeter(RULES.transactionGasMax))
        assert(outcome.kind === 'executed', `transaction ${position} executed once, and then did not`)
      }
      this.#remember(transaction, position)
    }
    this.commit()
    this.#session = this.#begin()
    this.writeHead()
  }

  #remember(transaction: Transaction, position: number): void {
    const { id, expiresMs } = transaction
    const { height } = this.#block
    this.statements.own(SQL.remember, id, BigInt(expiresMs), rawOf(programHash(transaction)), BigInt(height), BigInt(position))
  }
}

function found(run: BlockRun, content: Extract<BlockContent, { readonly kind: 'genesis' }>): void {
  for (const sql of LEDGER_TABLES) run.statements.own(sql)
  run.writeHead()
  for (const { id, name } of content.members) run.statements.own(SQL.member, id, name)
  run.runFounders(content.sql)
}

/**
 * Executes a block on `base`. The outcomes and the pages are a function of the arguments alone.
 * @throws LocalTrouble where the machine is at fault: the replica must stop. GenesisSqlError where the founders' SQL fails.
 */
export function executeBlock(
  engine: Engine,
  base: PageSource,
  block: BlockContext,
  content: BlockContent,
  options: { readonly cacheKib?: number } = {},
): BlockResult {
  const pages = new Overlay(base)
  const run = new BlockRun(engine, block, pages, options.cacheKib)
  const outcomes: Uint8Array[] = []
  const ids: string[] = []
  if (content.kind === 'genesis') {
    found(run, content)
  } else {
    run.writeHead()
    run.statements.own(SQL.forget, BigInt(block.timeMs), BigInt(RULES.forgetMax))
    content.transactions.forEach((bytes, position) => {
      const { id, outcome } = run.execute(bytes, position)
      ids.push(id)
      outcomes.push(encodeOutcome(outcome))
    })
  }
  run.commit()
  return { outcomes, ids, pages, gas: run.gas }
}
