import type { Digest, Genesis, Height, LedgerMember, MemberId, Seat, ViewId } from '@quorate/types'
import { height } from '@quorate/types'
import type { Phase } from './life.ts'
import type { Stage } from './rotation.ts'

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
  /** How far the view is from its end. */
  readonly stage: Stage
  readonly view: ViewId
  readonly seat: Seat | undefined
  readonly seats: number
  readonly quorum: number
  /** Whether the view's coin was dealt to its committee, or is one that everybody can compute. */
  readonly coin: 'dealt' | 'computed'
  readonly certified: number | undefined
  readonly voted: number | undefined
  /** Highest round of the view's DAG; -1 before the first unit. */
  readonly round: number
  /** The newest certified block. */
  readonly tip: { readonly hash: Digest; readonly timeMs: number; readonly stateRoot: Digest } | undefined
  /** Every member, whether seated or not. */
  readonly members: readonly {
    readonly member: MemberId
    readonly name: string
    readonly seat: Seat | undefined
    readonly certified: number | undefined
    readonly voted: number | undefined
    /** Round of its newest unit here; undefined before its first in this view. */
    readonly round: number | undefined
  }[]
  readonly faults: readonly Fault[]
}

/** The members before any block says who they are. */
export function foundersOf({ founders }: Genesis): readonly LedgerMember[] {
  return founders.map(({ id, name }) => ({ id, name, address: undefined, status: 'active', since: height(0) }))
}

/** Heights as a status tells them: from -1, where there is none, to undefined. */
export function heightsOf(tip: { readonly certified: number; readonly voted: number } | undefined): {
  readonly certified: Height | undefined
  readonly voted: Height | undefined
} {
  const orUndefined = (at = -1): Height | undefined => (at < 0 ? undefined : height(at))
  return { certified: orUndefined(tip?.certified), voted: orUndefined(tip?.voted) }
}
