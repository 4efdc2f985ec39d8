// An interactive transaction: BEGIN here, COMMIT many requests later, on a snapshot of its own.
//
// It can't hold the ledger up, and nobody else's block waits for it. So it runs optimistically: statements run at once,
// on a copy-on-write view of the pages at one height, and each is recorded with a digest of what its client saw. The
// commit orders the recording; every replica runs it again on the state of that moment. Equal digests mean that the
// client would have seen the same there, so the transaction is serializable at its place; a differing one is a
// conflict, and the client retries.
//
// Time and randomness are the session's own and travel with the recording, so that they are no reason to differ.

import type { Digest, Replay, Reply, Statement, StepReply } from '@quorate/types'
import { millis } from '@quorate/types'
import { replaySeed } from './block-connection.ts'
import { digestOf } from './digest.ts'
import type { Engine, Opened } from './engine.ts'
import { READ_CACHE_KIB } from './engine.ts'
import { LocalTrouble, ProgramFailure } from './failure.ts'
import { STACK_OVERFLOW } from './failure-of.ts'
import { GasMeter } from './gas.ts'
import { SQL } from './ledger-tables.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { ProgramRun } from './program-run.ts'
import { RULES } from './rules.ts'
import { Statements } from './statements.ts'

/** Statements of one interactive transaction. */
export const SESSION_STATEMENTS_MAX = 4096

/** What a statement of a session gave. After `closed`, everything the transaction did is undone and it is over. */
export type SessionStep =
  | { readonly kind: 'open'; readonly reply: StepReply }
  | { readonly kind: 'closed'; readonly reply: Extract<StepReply, { readonly kind: 'error' }> }

/** What a session's commit submits. */
export interface SessionRecording {
  readonly statements: readonly Statement[]
  readonly replay: Replay
}

export class Session {
  readonly #engine: Engine
  readonly #replay: Replay
  readonly #statements: Statements
  readonly #opened: Opened
  readonly #meter = new GasMeter(RULES.transactionGasMax)
  readonly #run: ProgramRun
  readonly #recorded: Statement[] = []
  /** The whole transaction has as much as it will have where it is run again. */
  #fuel: number = RULES.transactionFuelMax
  #wrote = false

  /** @param seed - Fresh entropy of the gateway: what the transaction's random() draws from. */
  constructor(
    engine: Engine,
    pages: PageSource,
    context: { readonly timeMs: number; readonly seed: Digest; readonly isReadonly: boolean },
  ) {
    this.#engine = engine
    this.#replay = { timeMs: millis(context.timeMs), seed: context.seed }
    this.#opened = engine.open(new Overlay(pages), { cacheKib: READ_CACHE_KIB })
    const { connection } = this.#opened
    this.#statements = new Statements(engine, connection)
    connection.exec('BEGIN')
    // As in a block: the journal is begun by our own write, so that its draw is not a client's.
    this.#statements.own('UPDATE _quorate_head SET height = height')
    this.#statements.own(SQL.settle)
    connection.lastInsertRowid = 0n
    this.#run = new ProgramRun({
      engine,
      connection,
      statements: this.#statements,
      meter: this.#meter,
      seed: replaySeed(this.#replay),
      isReader: false,
      onSeen: (words, seen, isWrite) => {
        this.#recorded.push({ ...words, expect: digestOf(seen) })
        if (isWrite) this.#wrote = true
      },
    })
    this.#run.step({
      sql: context.isReadonly ? 'BEGIN TRANSACTION READONLY' : 'BEGIN',
      args: [],
      namedArgs: [],
      wantRows: false,
    })
  }

  /** Runs one statement of the transaction. */
  step(words: Statement): SessionStep {
    if (this.#recorded.length >= SESSION_STATEMENTS_MAX) {
      return {
        kind: 'closed',
        reply: {
          kind: 'error',
          error: { code: 'TRANSACTION_TOO_LARGE', message: `more than ${SESSION_STATEMENTS_MAX} statements` },
        },
      }
    }
    this.#engine.vfs.setTime(this.#replay.timeMs)
    this.#engine.refuel(this.#fuel)
    try {
      const reply = this.#run.step(words)
      this.#fuel = this.#engine.fuel
      return { kind: 'open', reply }
    } catch (error) {
      if (!(error instanceof ProgramFailure)) throw error
      // Other sessions stand on the same memory.
      if (error.error.code === STACK_OVERFLOW || this.#engine.fuel < 0)
        throw new LocalTrouble('a session broke the engine of its thread')
      return { kind: 'closed', reply: { kind: 'error', error: error.error } }
    }
  }

  describe(sql: string): Reply {
    return this.#run.describe(sql)
  }

  /** What must be ordered; undefined where nothing was written, so that there is nothing to order. */
  recording(): SessionRecording | undefined {
    return this.#wrote ? { statements: this.#recorded, replay: this.#replay } : undefined
  }

  close(): void {
    this.#statements.close()
    this.#opened.close()
  }
}
