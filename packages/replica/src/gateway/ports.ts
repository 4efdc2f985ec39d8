// What the gateway asks of the replica. The running replica stands behind these in a process, a single SQLite file in
// the gateway's tests. No promise here is ever rejected for a reason a client can cause: refusals are values.

import type {
  Digest,
  Governance,
  Height,
  MemberId,
  Millis,
  Outcome,
  Program,
  RefusalCode,
  Reply,
  Replay,
  SqlError,
  Statement,
  StatementResult,
  WholeBlock,
} from '@quorate/types'
import type { ReadLevel } from '../host/reads.ts'

/** A program on its way to the ledger. */
export interface Submission {
  /**
   * Made by the client (`Idempotency-Key`) or at random by the gateway. The same id and program again gives the first
   * outcome.
   */
  readonly id: string
  readonly program: Program
  /** Only for the commit of an interactive transaction: what its session recorded. */
  readonly replay?: Replay
  /** How long the id must be remembered, counted from now. The transaction's `expiresMs` follows from it. */
  readonly keepMs: number
}

/** What an executed program became. Duplicates are resolved to their first outcome, refusals are `Refused`. */
export type FinalOutcome = Exclude<Outcome, { readonly kind: 'duplicate' } | { readonly kind: 'refused' }>

/** Why there is no outcome. */
export interface Refused {
  readonly kind: 'refused'
  readonly code:
    | RefusalCode
    /** A queue is full; nothing was done. */
    | 'OVERLOADED'
    /** The replica is starting, catching up or stopping; nothing was done. */
    | 'NOT_READY'
    /** More bytes than one transaction may have. */
    | 'TOO_LARGE'
    /** No answer in time. A write may still be executed: only the same id tells. */
    | 'TIMEOUT'
    /** The height asked for is no longer retained. */
    | 'HEIGHT_GONE'
    /** The height asked for lies beyond the ledger's end. */
    | 'HEIGHT_AHEAD'
  readonly message: string
  readonly retryAfterMs?: number
}

/** Answer to a submission: executed, durable here and certified by a quorum, or refused. */
export type SubmitReply =
  | {
      readonly kind: 'executed'
      readonly height: Height
      readonly position: number
      readonly outcome: FinalOutcome
      /** The same id and program stood in the ledger before; this is its first outcome. */
      readonly duplicate: boolean
    }
  | Refused

/** Answer to a read. */
export type ReadReply =
  | { readonly kind: 'read'; readonly height: Height; readonly outcome: FinalOutcome }
  /** A statement of the program would write; nothing ran. */
  | { readonly kind: 'writes' }
  | Refused

/** What one statement of an interactive transaction gave, and whether the transaction is still open after it. */
export type SessionReply =
  | { readonly kind: 'result'; readonly result: StatementResult; readonly open: boolean }
  | { readonly kind: 'error'; readonly error: SqlError; readonly open: boolean }

/** What an interactive transaction did and saw: each statement with the digest of its result. */
export interface Recording {
  readonly statements: readonly Statement[]
  readonly replay: Replay
}

/** An interactive transaction, already begun, on a snapshot of its own. Steps are asked one at a time. */
export interface Session {
  /** Height of the snapshot. */
  readonly height: Height
  /**
   * Runs one statement. BEGIN, COMMIT, END and a plain ROLLBACK never come here; SAVEPOINT, RELEASE and ROLLBACK TO do.
   */
  step(statement: Statement): Promise<SessionReply>
  /** A statement's shape, as this transaction sees the schema. */
  describe(sql: string): Promise<Extract<Reply, { readonly kind: 'description' } | { readonly kind: 'error' }>>
  /** What must be ordered for the transaction to commit; undefined where it has written nothing. */
  recording(): Promise<Recording | undefined>
  /** Drops the snapshot and everything done on it. May be called at any time, also twice. */
  close(): void
}

/** How to open a session. */
export interface SessionOptions {
  readonly level: ReadLevel
  /** Every writing statement fails with SQLITE_READONLY. */
  readonly isReadonly: boolean
}

/** Answer to a session's opening. */
export type OpenReply = { readonly kind: 'open'; readonly session: Session } | Refused

/** A member caught at something that only a faulty member does. */
export interface Fault {
  readonly member: MemberId
  /** Its name in genesis.json. */
  readonly name: string
  readonly kind: string
  readonly message: string
}

/** A peer as this replica sees it. */
export interface PeerStatus {
  readonly member: MemberId
  readonly name: string
  readonly seat?: number
  readonly address: string
  /** URL where it serves clients, where genesis.json tells. */
  readonly http?: string
  readonly connected: boolean
  /** Highest height it is known to have voted for. */
  readonly height?: Height
  /** Round of its newest unit here, in this view. */
  readonly round?: number
}

/** The replica's state, for people and monitors. */
export interface Status {
  readonly version: string
  readonly ledger: Digest
  /** This replica's name in genesis.json. */
  readonly name: string
  readonly member: MemberId
  readonly seat?: number
  readonly seats: number
  readonly quorum: number
  readonly era: number
  readonly view: Digest
  /** Of the newest certified block here. */
  readonly height: Height
  readonly block: Digest
  readonly blockTimeMs: Millis
  readonly stateRoot: Digest
  /** Newest round of the DAG known here. */
  readonly round: number
  /** Round of this replica's own newest unit, in this view. */
  readonly ownRound?: number
  /** Highest height this replica has executed and voted for; below `height` only before genesis. */
  readonly voted: Height
  /** This machine's clock, in milliseconds since 1970. */
  readonly wallMs: Millis
  /** Free on the disk of its data folder, in bytes. */
  readonly freeBytes?: number
  /** Transactions executed since this replica started. */
  readonly transactions: number
  /** Transactions of this replica's clients that wait to be ordered. */
  readonly queued: number
  /** Whether it takes part and can serve clients. */
  readonly ready: boolean
  /** One word for where it stands: operational, recovering, ... */
  readonly phase: string
  /** How far the view is from its end: producing, assembling, gathering or ended. */
  readonly stage: string
  /** Whether the view's coin was dealt to its committee, or is one that everybody can compute. */
  readonly coin: 'dealt' | 'computed'
  readonly peers: readonly PeerStatus[]
  readonly faults: readonly Fault[]
}

/** A transaction's place. */
export interface TransactionPlace {
  readonly id: string
  readonly hash: Digest
  readonly position: number
}

/** A block for people. Digests only; receipts prove. */
export interface BlockView {
  readonly height: Height
  readonly hash: Digest
  readonly era: number
  readonly view: Digest
  readonly previous: Digest
  readonly timeMs: Millis
  readonly transactionsRoot: Digest
  readonly resultsRoot: Digest
  readonly stateRoot: Digest
  readonly body: Digest
  /** Seats whose signatures certify it. */
  readonly signers: readonly number[]
  readonly transactions: readonly TransactionPlace[]
}

/** Whole blocks in a row, or why there are none. */
export type WholeBlocks =
  /** As many as were asked for and fit; none beyond the newest certified height. */
  | { readonly kind: 'blocks'; readonly blocks: readonly WholeBlock[]; readonly tip: Height }
  /** The first is not kept any more. `lowest` is the lowest height of those that are. */
  | { readonly kind: 'gone'; readonly lowest: Height }
  /** The ledger is being founded. */
  | { readonly kind: 'not-ready' }

/** An executed transaction. */
export interface TransactionView {
  readonly id: string
  readonly hash: Digest
  readonly height: Height
  readonly block: Digest
  readonly position: number
  readonly timeMs: Millis
  /** Undefined where it is a member's order. */
  readonly program: Program | undefined
  readonly governance: Governance | undefined
  readonly outcome: Outcome
}

/** The replica, as its gateway sees it. */
export interface Replica {
  /** Resolves once the program is executed, durable and certified, or refused. */
  submit(submission: Submission): Promise<SubmitReply>
  /**
   * Likewise, with a transaction that is whole: a member has signed it, expiry and all. @param transaction - Bytes that
   * `decodeTransaction` reads.
   */
  submitOrder(transaction: Uint8Array): Promise<SubmitReply>
  /**
   * Runs a program that only reads, at a height that `level` allows. Describing is not writing, nor are BEGIN, COMMIT,
   * ROLLBACK and savepoints by themselves. A statement that SQLite can't prepare is an error in its reply, not `writes`.
   */
  read(program: Program, level: ReadLevel): Promise<ReadReply>
  openSession(options: SessionOptions): Promise<OpenReply>
  /** Cheap: asked at every scrape and every health check. */
  status(): Status
  block(height: Height): Promise<BlockView | undefined>
  /** Blocks below this height are no longer kept here, but for a few that always are; 0 where all are. */
  prunedBelow(): Promise<number>
  /** Certified blocks from a height on: at most `count`, and as many as fit into `bytesMax`, but at least one where there is one. */
  wholeBlocks(from: Height, count: number, bytesMax: number): Promise<WholeBlocks>
  /** The first transaction of this id. */
  transaction(id: string): Promise<TransactionView | undefined>
  /** Bytes of the receipt that proves it (see `encodeReceipt`). */
  receipt(id: string): Promise<Uint8Array | undefined>
}
