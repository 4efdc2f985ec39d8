// What a view's coin is made with. The core speaks of keys, groups and shares as bytes; what they are is the scheme's matter. A replica
// runs with `RISTRETTO_COINS` (ristretto-coins.ts). Tests that turn thousands of views put something cheaper in its place.

import type { ReceiverKey } from '@quorate/types'

/** Among whom a key is dealt. */
export interface DealingTerms {
  /** Distinguishes this dealing from every other. */
  readonly context: Uint8Array
  /** So many seats together can't foresee a coin, one more can make it. */
  readonly threshold: number
  /** By seat; undefined where a seat published none that can be used. */
  readonly receivers: readonly (ReceiverKey | undefined)[]
  /** Our seat, and the 32 bytes that our receiver key was made from. */
  readonly own: { readonly seat: number; readonly secret: Uint8Array } | undefined
}

/** What came of a message of the dealing, or of its beginning. */
export type DealingEffect =
  /** To be put into the order, as this seat's. */
  | { readonly kind: 'publish'; readonly message: Uint8Array }
  /** The key is dealt: its public side, and our share of it where we have one. */
  | { readonly kind: 'done'; readonly group: Uint8Array; readonly share: Uint8Array | undefined }

/** The dealing of one key, as a function of the order. */
export interface DealingRun {
  start(): readonly DealingEffect[]
  ordered(seat: number, message: Uint8Array): readonly DealingEffect[]
}

/** One coin on its way. */
export interface CoinToss {
  /** 32 bytes, once shares of enough seats are in. */
  readonly value: Uint8Array | undefined
  /** Our share, which counts from now on; undefined where we have none to give. */
  tell(): Uint8Array | undefined
  /** Takes a share; false where it is wrong, which no honest one is. Doesn't look where it is not needed. */
  hear(seat: number, share: Uint8Array): boolean
}

/** A dealt key, as one seat holds it. */
export interface CoinKey {
  toss(name: Uint8Array): CoinToss
}

/** How coins are made. */
export interface CoinScheme {
  /** The public half of 32 random bytes. */
  receiver(secret: Uint8Array): ReceiverKey
  /** Whether anything can be dealt to this key. */
  isReceiver(key: ReceiverKey): boolean
  dealing(terms: DealingTerms): DealingRun
  /** Reads the public side of a key for so many seats, undefined where it isn't one; `share` is left out where it doesn't fit. */
  key(group: Uint8Array, seats: number, threshold: number, share: Uint8Array | undefined): CoinKey | undefined
}
