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

import { assert, bytesEqual } from '@quorate/kernel'
import type { GovernanceTransaction, Height, LedgerMember, Outcome, ProgramTransaction } from '@quorate/types'
import { decodeTransaction, encodeOutcome, rawOf } from '@quorate/types'
import type { BlockContent, BlockContext, Entry } from './block-connection.ts'
import { BlockConnection, contentDigest, transactionSeed } from './block-connection.ts'
import type { Engine, OpenOptions } from './engine.ts'
import { OWN_FUEL } from './engine.ts'
import { ProgramConflict } from './failure.ts'
import { failureOf } from './failure-of.ts'
import { GasMeter } from './gas.ts'
import { Assembly, listMembers } from './governance.ts'
import { SQL } from './ledger-tables.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { RULES } from './rules.ts'

/** What executing a block gave. */
export interface BlockResult {
  /** Encoded outcomes, by position. */
  readonly outcomes: readonly Uint8Array[]
  /** Ids by position; empty for bytes that are no transaction, and for one that was refused: its id is free for another try. */
  readonly ids: readonly string[]
  readonly pages: Overlay
  readonly gas: number
  /**
   * All members after the block, in the order of their ids: of genesis, `assemble` and `reconfigure` blocks, and where an
   * order changed anything about them.
   */
  readonly members: readonly LedgerMember[] | undefined
}

/** The founders' SQL is wrong: nobody can found this ledger. */
export class GenesisSqlError extends Error {
  override readonly name = 'GenesisSqlError'
  readonly code = 'GENESIS_SQL'
}

/** One block's execution. */
class BlockRun {
  readonly #engine: Engine
  readonly #block: BlockContext
  readonly #connection: BlockConnection
  /** Fuel that its transactions took. */
  #fuel = 0
  #changedMembers = false
  gas = 0

  constructor(engine: Engine, block: BlockContext, pages: Overlay, options: OpenOptions) {
    this.#engine = engine
    this.#block = block
    this.#connection = new BlockConnection(engine, block, pages, options)
  }

  found(content: BlockContent & { readonly kind: 'genesis' }): void {
    const connection = this.#connection
    connection.begin()
    connection.found(content)
    this.#changedMembers = true
    const requests = content.sql.map((text) => ({ kind: 'sequence', sql: text }) as const)
    const meter = new GasMeter(RULES.blockGasMax)
    const replies = connection.programOf(transactionSeed(this.#block.seed, 0), { meter }).run({ requests })
    replies.forEach((reply, i) => {
      if (reply.kind === 'error')
        throw new GenesisSqlError(`genesis.json: sql[${i}]: ${reply.error.code}: ${reply.error.message}`)
    })
    connection.commit(meter)
  }

  open(): void {
    this.#connection.writeOwn()
  }

  turnView(kind: 'assemble' | 'reconfigure'): void {
    this.#connection.turnView(kind)
    this.#changedMembers = true
  }

  /** The members now, if this block is one that tells of them. */
  get members(): readonly LedgerMember[] | undefined {
    return this.#changedMembers ? listMembers(this.#connection.statements) : undefined
  }

  close(): void {
    this.#connection.close()
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
    const known = this.#connection.own(SQL.find, id)
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
    const assembly = new Assembly(this.#connection.statements, this.#block)
    const refusal = assembly.refusal(governance, bytes, this.#engine.verify)
    if (refusal !== undefined) return { kind: 'refused', ...refusal }
    this.#connection.mark(entry)
    const carried = assembly.carryOut(governance)
    this.#connection.commit(new GasMeter(RULES.transactionGasMax))
    if (carried.kind === 'forbidden') return { kind: 'failed', error: carried.error, gas }
    this.#changedMembers ||= carried.changedMembers
    return { kind: 'executed', replies: [carried.reply], gas }
  }

  #run(entry: Entry<ProgramTransaction>): Outcome {
    const meter = new GasMeter(RULES.transactionGasMax)
    const engine = this.#engine
    const connection = this.#connection
    connection.mark(entry)
    engine.refuel(RULES.transactionFuelMax)
    let outcome: Outcome
    try {
      const replies = connection.program(entry, { meter }).run(entry.transaction.program)
      connection.commit(meter)
      this.#fuel += RULES.transactionFuelMax - engine.fuel
      outcome = { kind: 'executed', replies, gas: meter.used }
    } catch (error) {
      this.#fuel += RULES.transactionFuelMax - Math.max(0, engine.fuel)
      outcome = this.#undo(error, meter)
      engine.refuel(OWN_FUEL)
      connection.mark(entry)
      connection.commit(new GasMeter(RULES.transactionGasMax))
    }
    engine.refuel(OWN_FUEL)
    connection.resetTime()
    this.gas += meter.used
    return outcome
  }

  /** Takes back everything a transaction did. Rethrows what is not its own doing. */
  #undo(error: unknown, meter: GasMeter): Outcome {
    if (this.#engine.fuel < RULES.fuelReserve) meter.exhaust()
    const failure =
      error instanceof ProgramConflict ? undefined : failureOf(error, this.#engine, this.#connection.connection)
    if (failure === undefined && !(error instanceof ProgramConflict)) throw error
    this.#connection.undo(failure?.brokeEngine === true)
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
    case 'assemble':
    case 'reconfigure':
      run.open()
      run.turnView(content.kind)
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
