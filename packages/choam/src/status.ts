import type { Digest, MemberId, Seat, ViewId } from '@quorate/types'
import type { Phase } from './life.ts'

/** A proven fault of a member. */
export interface Fault {
  readonly member: MemberId
  readonly kind: 'fork' | 'wrong-vote'
  /** Round of the fork, or height of the vote. */
  readonly at: number
}

/** What a replica's core says of itself. Heights are undefined before the first block. */
export interface ChoamStatus {
  readonly phase: Phase
  readonly view: ViewId
  readonly seat: Seat | undefined
  readonly quorum: number
  readonly certified: number | undefined
  readonly voted: number | undefined
  /** Highest round of the view's DAG; -1 before the first unit. */
  readonly round: number
  /** The newest certified block. */
  readonly tip: { readonly hash: Digest; readonly timeMs: number; readonly stateRoot: Digest } | undefined
  readonly committee: readonly {
    readonly member: MemberId
    readonly certified: number | undefined
    readonly voted: number | undefined
    /** Round of its newest unit here; undefined before its first in this view. */
    readonly round: number | undefined
  }[]
  readonly faults: readonly Fault[]
}
