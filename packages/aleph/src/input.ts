import type { AdmittedUnit, Digest, Millis, Round, Seat } from '@quorate/types'
import type { Bit } from './order/rules.ts'

/** Everything that can happen to the ordering of one view. Units are admitted: their signatures are checked. */
export type AlephInput =
  /** Encoded items of this member. What `room` has no place for comes back as `refused`. */
  | { readonly kind: 'submit'; readonly items: readonly Uint8Array[] }
  /** Units of anyone, pushed or answered by a peer. */
  | { readonly kind: 'units'; readonly from: Seat; readonly units: readonly AdmittedUnit[] }
  /** The highest round a peer knows of each seat. */
  | { readonly kind: 'frontier'; readonly from: Seat; readonly rounds: readonly (Round | undefined)[] }
  /** Answer to `create`: the unit is signed, and it and what was listed with it are durable. */
  | { readonly kind: 'created'; readonly unit: AdmittedUnit }
  /**
   * What the disk holds of this view, in any order; `own` is the own unit of the highest round, whatever its age.
   * First input after a restart.
   */
  | { readonly kind: 'restored'; readonly units: readonly AdmittedUnit[]; readonly own: AdmittedUnit | undefined }
  /** Back-pressure: while on, no own units are made; everything else goes on. */
  | { readonly kind: 'hold'; readonly on: boolean }
  /** A peer can be reached (again): it is told how far we are at once. */
  | { readonly kind: 'connected'; readonly seat: Seat }
  /** The coin of this round has come up: f + 1 shares are there. Fed as soon as it is known, and again where `coin` is. */
  | { readonly kind: 'coin'; readonly round: Round; readonly value: Bit }
  /** The peer needs the coin of this round: its share came in, and is right; or it has none, and says so. */
  | { readonly kind: 'coin-wanted'; readonly from: Seat; readonly round: Round }
  /** Time has reached `wakeAt`. */
  | { readonly kind: 'tick' }

/** Time as an input: monotonic for waiting, the wall clock only for the timestamps of own units. */
export interface Now {
  readonly monotonicMs: Millis
  readonly wallMs: Millis
}

/** A unit that is ordered already, as blocks name it. */
export interface OrderedRef {
  readonly creator: Seat
  readonly round: Round
  readonly hash: Digest
}

/** Where an order is continued after a restart or a state transfer: behind the last head of a block. */
export interface Base {
  /** Round of the last head. */
  readonly round: Round
  /** Its slot. */
  readonly slot: number
  /** Everything ordered up to there with a round of at least `round - windowRounds`. */
  readonly ordered: readonly OrderedRef[]
}
