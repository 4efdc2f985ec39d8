// A ledger in memory for tests: an engine, its pages by number, and short ways to say what a client says.

import type {
  Digest,
  LedgerMember,
  Outcome,
  Program,
  ProgramRequest,
  ProgramTransaction,
  Reply,
  SqlValue,
  Statement,
  Step,
} from '@quorate/types'
import { decodeOutcome, encodeTransaction, hashOf, height, millis } from '@quorate/types'
import type { Engine, OpenOptions } from '../engine.ts'
import type { BlockContent, BlockContext } from '../block-connection.ts'
import { executeBlock } from '../executor.ts'
import type { PageSource } from '../pages.ts'
import { NO_PAGES } from '../pages.ts'
import { newCatalogMemory } from '../live-catalog.ts'
import type { TransactionChanges } from '../replay.ts'
import { changesOfBlock } from '../replay.ts'
import { pageHash } from '../state-hash.ts'
import { StateTree } from '../state-tree.ts'

/** Time of block 0: 2026-01-02T03:04:05.678Z. */
export const GENESIS_MS = 1_767_323_045_678

/** A statement with positional arguments that wants its rows. */
export function statement(sql: string, ...args: readonly SqlValue[]): Statement {
  return { sql, args, namedArgs: [], wantRows: true }
}

/** A program of statements, one request each. */
export function executes(...statements: readonly (string | Statement)[]): Program {
  return {
    requests: statements.map((each) => ({
      kind: 'execute',
      statement: typeof each === 'string' ? statement(each) : each,
    })),
  }
}

/** A program of one sequence. */
export function sequence(sql: string): Program {
  return { requests: [{ kind: 'sequence', sql }] }
}

/** A program of one batch, as libSQL's clients make it: each step if the one before was ok. */
export function chain(...statements: readonly string[]): Program {
  const steps: Step[] = statements.map((sql, i) =>
    i === 0 ? { statement: statement(sql) } : { condition: { kind: 'ok', step: i - 1 }, statement: statement(sql) },
  )
  return { requests: [{ kind: 'batch', steps } satisfies ProgramRequest] }
}

let nextId = 0

/** Canonical bytes of a transaction that runs `program`. */
export function transaction(program: Program, parts: Partial<ProgramTransaction> = {}): Uint8Array {
  nextId += 1
  return encodeTransaction({ id: `test-${nextId}`, expiresMs: millis(GENESIS_MS + 3_600_000), program, ...parts })
}

/** Seed of the block at `at`. */
export function seedAt(at: number): Digest {
  return hashOf('seed', Uint8Array.of(at % 256, Math.floor(at / 256)))
}

/** The id of every ledger in tests. */
export const LEDGER: Digest = hashOf('genesis', Uint8Array.of(0))

/** One replica's database. */
export class TestLedger {
  engine: Engine
  readonly #options: OpenOptions
  readonly pages = new Map<number, Uint8Array>()
  tree = new StateTree()
  /** Height of the next block. */
  next = 0
  /** The last block, with what it was executed on and what came of it. */
  last:
    | {
        readonly base: PageSource
        readonly context: BlockContext
        readonly content: BlockContent
        readonly outcomes: readonly Uint8Array[]
      }
    | undefined
  founders: readonly { readonly id: string; readonly name: string }[] = [{ id: 'aa', name: 'one' }]
  /** What the last block that changed anything about members said of them. */
  members: readonly LedgerMember[] = []
  readonly #memory = newCatalogMemory()
  #count = 0

  constructor(engine: Engine, options: OpenOptions = {}) {
    this.engine = engine
    this.#options = options
  }

  /** The pages as they are; later blocks don't change what was given out. */
  get source(): PageSource {
    if (this.#count === 0) return NO_PAGES
    const pages = new Map(this.pages)
    return {
      pageCount: this.#count,
      page: (number) => {
        const page = pages.get(number)
        if (page === undefined) throw new Error(`page ${number} is missing`)
        return page
      },
    }
  }

  get root(): Digest {
    return this.tree.root
  }

  /** Time of the block at `at`: a second each. */
  static timeMs(at: number): number {
    return GENESIS_MS + at * 1000
  }

  found(...sql: readonly string[]): this {
    this.#block({ kind: 'genesis', ledger: LEDGER, members: this.founders, sql }, TestLedger.timeMs(0))
    return this
  }

  /** Executes one block of encoded transactions. */
  block(transactions: readonly Uint8Array[], timeMs = TestLedger.timeMs(this.next)): readonly Outcome[] {
    return this.blockBytes(transactions, timeMs).map((bytes) => {
      const decoded = decodeOutcome(bytes)
      if (!decoded.ok) throw new Error(decoded.error.message)
      return decoded.value
    })
  }

  blockBytes(transactions: readonly Uint8Array[], timeMs = TestLedger.timeMs(this.next)): readonly Uint8Array[] {
    return this.#block({ kind: 'executions', transactions }, timeMs)
  }

  /** Executes a block of one transaction each for `programs`. */
  run(...programs: readonly Program[]): readonly Outcome[] {
    return this.block(programs.map((program) => transaction(program)))
  }

  /** Executes one program; fails unless it was executed. */
  replies(program: Program): readonly Reply[] {
    const [outcome] = this.run(program)
    if (outcome?.kind !== 'executed')
      throw new Error(
        `${outcome?.kind}: ${JSON.stringify(outcome, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v))}`,
      )
    return outcome.replies
  }

  /** Rows of one statement; fails where it does. */
  rows(sql: string, ...args: readonly SqlValue[]): readonly (readonly SqlValue[])[] {
    const [reply] = this.replies(executes(statement(sql, ...args)))
    if (reply?.kind !== 'result')
      throw new Error(reply?.kind === 'error' ? `${reply.error.code}: ${reply.error.message}` : reply?.kind)
    return reply.result.rows
  }

  /** The error of one statement, which must fail by itself or as a program. */
  error(
    sql: string,
    ...args: readonly SqlValue[]
  ): { readonly code: string; readonly message: string; readonly offset?: number } {
    const [outcome] = this.run(executes(statement(sql, ...args)))
    if (outcome?.kind === 'failed') return outcome.error
    const reply = outcome?.kind === 'executed' ? outcome.replies[0] : undefined
    if (reply?.kind !== 'error') throw new Error(`no error: ${sql}`)
    return reply.error
  }

  /** A committee is drawn, or takes over. */
  turnView(kind: 'assemble' | 'reconfigure'): void {
    this.#block({ kind }, TestLedger.timeMs(this.next))
  }

  /** What the last block changed, found by repeating it on `engine`. */
  changes(engine: Engine): readonly TransactionChanges[] {
    if (this.last === undefined) throw new Error('no block yet')
    const { base, context, content, outcomes } = this.last
    return changesOfBlock(engine, base, context, content, outcomes, this.#memory)
  }

  #block(content: BlockContent, timeMs: number): readonly Uint8Array[] {
    const context = { height: height(this.next), timeMs, seed: seedAt(this.next) }
    const base = this.source
    const { outcomes, pages, members } = executeBlock(this.engine, base, context, content, this.#options)
    this.last = { base, context, content, outcomes }
    const changed = pages.changed()
    for (const [number, bytes] of changed) this.pages.set(number, bytes)
    for (const number of this.pages.keys()) if (number > pages.pageCount) this.pages.delete(number)
    this.#count = pages.pageCount
    this.tree.update(
      this.#count,
      changed.map(([number, bytes]) => [number, pageHash(number, bytes)]),
    )
    this.next += 1
    this.members = members ?? this.members
    return outcomes
  }
}
