// Repeats a block that was executed, on the pages it was executed on, to find out which rows each of its transactions
// changed (see change-recorder.ts).
//
// Watching changes what is watched: with the hook SQLite clears a table row by row instead of page by page, which takes
// other steps and leaves the free pages in another order. So nobody watches where blocks are
// executed, and here what became of each transaction is not found out again but taken from the block: what was executed
// runs without bounds of gas and must give the same replies; what failed is run as it was run there and then undone,
// since even that leaves traces that SQL can see (total_changes()).
//
// Limits: what can't be watched at all (the heap is too small to clear a large table row by row) runs unwatched, and is
// told as a reset of everything.

import { assert, bytesEqual } from '@quorate/kernel'
import type { GovernanceTransaction, Outcome, ProgramTransaction, Reply } from '@quorate/types'
import { decodeOutcome, decodeTransaction, encodeOutcome, rawOf } from '@quorate/types'
import type { BlockContent, BlockContext, Entry } from './block-connection.ts'
import { BlockConnection, contentDigest, transactionSeed } from './block-connection.ts'
import type { Change } from './change.ts'
import { ChangeRecorder } from './change-recorder.ts'
import type { Engine } from './engine.ts'
import { OWN_FUEL, READ_CACHE_KIB } from './engine.ts'
import { LocalTrouble, ProgramConflict } from './failure.ts'
import { failureOf } from './failure-of.ts'
import type { CatalogMemory } from './live-catalog.ts'
import { newCatalogMemory } from './live-catalog.ts'
import { GasMeter } from './gas.ts'
import { Assembly } from './governance.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { RULES } from './rules.ts'

/** What one transaction changed. */
export interface TransactionChanges {
  /** Its position in the block. */
  readonly index: number
  /** Its id; empty for the founding. */
  readonly id: string
  /** In the order in which a copy may apply them. */
  readonly changes: readonly Change[]
}

const RESET: readonly Change[] = [{ kind: 'reset', table: undefined }]

class BlockReplay {
  readonly #engine: Engine
  readonly #block: BlockConnection
  readonly #context: BlockContext
  readonly #recorder: ChangeRecorder

  constructor(engine: Engine, base: PageSource, context: BlockContext, memory: CatalogMemory) {
    this.#engine = engine
    this.#context = context
    this.#block = new BlockConnection(engine, context, new Overlay(base), { cacheKib: READ_CACHE_KIB })
    this.#recorder = new ChangeRecorder(engine, this.#block, memory)
  }

  found(content: BlockContent & { readonly kind: 'genesis' }): TransactionChanges {
    const block = this.#block
    block.begin()
    block.found(content)
    const requests = content.sql.map((text) => ({ kind: 'sequence', sql: text }) as const)
    this.#recorder.begin()
    const options = { meter: new GasMeter(Infinity), watch: this.#recorder }
    block.programOf(transactionSeed(this.#context.seed, 0), options).run({ requests })
    const changes = this.#recorder.finish()
    block.commit(new GasMeter(Infinity))
    return { index: 0, id: '', changes }
  }

  open(): void {
    this.#block.writeOwn()
  }

  close(): void {
    this.#block.close()
  }

  /** Repeats a transaction; undefined where it changed nothing. */
  repeat(bytes: Uint8Array, index: number, recorded: Outcome): TransactionChanges | undefined {
    if (recorded.kind === 'refused' || recorded.kind === 'duplicate') return undefined
    const decoded = decodeTransaction(bytes)
    assert(decoded.ok, `transaction ${index} was run, so that it decodes`)
    const transaction = decoded.value
    const content = rawOf(contentDigest(transaction, bytes))
    if (transaction.governance !== undefined) {
      this.#govern({ transaction, content, position: index })
      return undefined
    }
    const entry = { transaction, content, position: index }
    if (recorded.kind !== 'executed') {
      this.#fail(entry)
      return undefined
    }
    const changes = this.#watched(entry, recorded) ?? this.#unwatched(entry, recorded)
    this.#block.resetTime()
    return changes.length === 0 ? undefined : { index, id: transaction.id, changes }
  }

  /** A member's order, whose signature was found good when it was executed. It changes the ledger's own tables. */
  #govern(entry: Entry<GovernanceTransaction>): void {
    this.#block.mark(entry)
    new Assembly(this.#block.statements, this.#context).carryOut(entry.transaction.governance)
    this.#block.commit(new GasMeter(RULES.transactionGasMax))
  }

  /** Undefined where it can't be run watched. */
  #watched(
    entry: Entry<ProgramTransaction>,
    recorded: Outcome & { readonly kind: 'executed' },
  ): readonly Change[] | undefined {
    this.#block.mark(entry)
    this.#recorder.begin()
    this.#engine.refuel(OWN_FUEL)
    try {
      const options = { meter: new GasMeter(Infinity), watch: this.#recorder }
      const replies = this.#block.program(entry, options).run(entry.transaction.program)
      const changes = this.#recorder.finish()
      this.#engine.refuel(OWN_FUEL)
      this.#block.commit(new GasMeter(Infinity))
      this.#require(replies, recorded, entry)
      return changes
    } catch (error) {
      this.#undo(error)
      return undefined
    }
  }

  #unwatched(entry: Entry<ProgramTransaction>, recorded: Outcome & { readonly kind: 'executed' }): readonly Change[] {
    const meter = new GasMeter(RULES.transactionGasMax)
    this.#block.mark(entry)
    this.#engine.refuel(RULES.transactionFuelMax)
    try {
      const replies = this.#block.program(entry, { meter }).run(entry.transaction.program)
      this.#block.commit(meter)
      this.#require(replies, recorded, entry)
    } catch (error) {
      throw this.#strange(entry, error)
    }
    this.#engine.refuel(OWN_FUEL)
    return RESET
  }

  #fail(entry: Entry<ProgramTransaction>): void {
    this.#recorder.pause()
    this.#block.mark(entry)
    this.#engine.refuel(RULES.transactionFuelMax)
    try {
      this.#block.program(entry, { meter: new GasMeter(RULES.transactionGasMax) }).run(entry.transaction.program)
      this.#block.undo(false)
    } catch (error) {
      this.#undo(error)
    }
    this.#engine.refuel(OWN_FUEL)
    this.#block.resetTime()
    this.#block.mark(entry)
    this.#block.commit(new GasMeter(RULES.transactionGasMax))
  }

  /** Takes back what a program did that failed. Rethrows what is not its own doing. */
  #undo(error: unknown): void {
    const failure = failureOf(error, this.#engine, this.#block.connection)
    if (failure === undefined && !(error instanceof ProgramConflict)) throw error
    this.#engine.refuel(OWN_FUEL)
    this.#recorder.pause()
    this.#block.undo(failure?.brokeEngine === true)
  }

  #require(replies: readonly Reply[], recorded: Outcome & { readonly kind: 'executed' }, entry: Entry): void {
    const found: Outcome = { kind: 'executed', replies, gas: recorded.gas }
    if (!bytesEqual(encodeOutcome(found), encodeOutcome(recorded)))
      throw this.#strange(entry, new Error('other replies'))
  }

  #strange({ position }: Entry, error: unknown): Error {
    if (error instanceof LocalTrouble) return error
    const what = error instanceof Error ? error.message : String(error)
    return new LocalTrouble(
      `transaction ${position} of block ${this.#context.height}, repeated, gave something else: ${what}`,
    )
  }
}

/**
 * What the transactions of a block changed: a function of the pages before the block, the block, and its outcomes, alike
 * on every replica. Transactions that changed nothing are left out. Connections that were open on `engine` are void
 * afterwards.
 * @param outcomes - What executing the block gave, encoded.
 * @param memory - Give the same for blocks of one ledger: it makes those that follow each other faster, and changes nothing.
 * @throws LocalTrouble, or what `base` throws, where the machine is at fault.
 */
export function changesOfBlock(
  engine: Engine,
  base: PageSource,
  block: BlockContext,
  content: BlockContent,
  outcomes: readonly Uint8Array[],
  memory: CatalogMemory = newCatalogMemory(),
): readonly TransactionChanges[] {
  const replay = new BlockReplay(engine, base, block, memory)
  const found: TransactionChanges[] = []
  switch (content.kind) {
    case 'genesis':
      found.push(replay.found(content))
      break
    case 'assemble':
    case 'reconfigure':
      // It changes the ledger's own tables.
      break
    case 'executions':
      replay.open()
      for (const [index, bytes] of content.transactions.entries()) {
        const recorded = decodeOutcome(outcomes[index] ?? new Uint8Array(0))
        assert(recorded.ok, `the outcome of transaction ${index} of block ${block.height} decodes`)
        const changes = replay.repeat(bytes, index, recorded.value)
        if (changes !== undefined) found.push(changes)
      }
  }
  replay.close()
  return found.filter((each) => each.changes.length > 0)
}
