import type { Rows } from '../statement.ts'

/** The transaction stands in the ledger: durable, executed, certified by a quorum. */
export interface Executed {
  readonly kind: 'executed'
  readonly id: string
  /** Height of its block: a token for reads `at-least` this height. */
  readonly height: number
  /** Position in the block, from 0. */
  readonly position: number
  /** The id stood in the ledger before; this is its first outcome. */
  readonly duplicate: boolean
  readonly results: readonly Rows[]
}

/** The transaction changed nothing and never will. */
export interface Rejected {
  readonly kind: 'rejected'
  readonly id: string
  /** The SQL error's code; ID_REUSED; TOO_LARGE; WITHDRAWN where its caller gave it up before it was sent; ... */
  readonly code: string
  readonly reason: string
  /** Where it stands in the ledger as failed; undefined where it was refused before. */
  readonly height: number | undefined
}

/** Nothing was done, and the same transaction may go well later. */
export interface Overloaded {
  readonly kind: 'overloaded'
  readonly id: string
  /**
   * OVERLOADED: this session's queue is full, or the members' are; NOT_READY, UNREACHABLE: no member could take it; or
   * another refusal of the members. DEADLINE: its time ran out before it was sent.
   */
  readonly code: string
  readonly reason: string
  /** A good time to come again, in milliseconds from now. */
  readonly retryAfterMs: number
}

/** It was sent, and its time ran out before its outcome came. `resolve(id)` asks again. */
export interface Unknown {
  readonly kind: 'unknown'
  readonly id: string
  /** What the last attempt came to. */
  readonly code: string
  readonly reason: string
}

/** What became of a transaction. */
export type SubmitOutcome = Executed | Rejected | Overloaded | Unknown

/** What one attempt came to. */
export type Verdict =
  /** The outcome. `isPlaced`: it stands in the ledger, so no other attempt can come to another. */
  | { readonly kind: 'final'; readonly outcome: Executed | Rejected; readonly isPlaced: boolean }
  /** Nothing was done. `busy`: the member has too much to do; `away`: it takes nothing at all. */
  | {
      readonly kind: 'refused'
      readonly why: 'busy' | 'away'
      readonly code: string
      readonly reason: string
      /** The member's own wish for how long to wait. */
      readonly wishMs: number
    }
  /** Whether it was done is unknown. */
  | { readonly kind: 'silent'; readonly code: string; readonly reason: string }
