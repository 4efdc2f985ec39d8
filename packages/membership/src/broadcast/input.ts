import type { Digest, Height, MemberId } from '@quorate/types'
import type { Spread } from './spread.ts'

/** A certified block as it travels. What is in the bytes is the host's affair; height and hash are what the sender says of them. */
export interface SpreadBlock {
  readonly height: Height
  readonly hash: Digest
  readonly bytes: Uint8Array
}

/**
 * What checking a block gave: its certificate is a quorum's and its bytes are those of its height and hash; or not; or the view that
 * certifies it isn't known here yet, which is nobody's fault.
 */
export type Verdict = 'valid' | 'invalid' | 'unknown'

/** Everything that can happen to a broadcast. */
export type BroadcastInput =
  /** We hold this block, certified, and all before it: we made it, or know of it in another way. */
  | { readonly kind: 'own'; readonly block: SpreadBlock }
  /** All blocks up to `height` came in another way, and need not be pushed on. */
  | { readonly kind: 'advanced'; readonly height: Height }
  /** A peer pushed a block, or answers what it was asked. */
  | { readonly kind: 'block'; readonly from: MemberId; readonly block: SpreadBlock }
  /** Answer to `check`. */
  | { readonly kind: 'checked'; readonly height: Height; readonly hash: Digest; readonly verdict: Verdict }
  /** A peer says that it holds all blocks up to `height`. */
  | { readonly kind: 'have'; readonly from: MemberId; readonly height: Height }
  /** A peer asks for `count` blocks from `first` on. */
  | { readonly kind: 'want'; readonly from: MemberId; readonly first: Height; readonly count: number }
  | { readonly kind: 'peer'; readonly member: MemberId; readonly up: boolean }
  /** Blocks from height `first` on are of another view. */
  | { readonly kind: 'view'; readonly first: Height; readonly spread: Spread }
  /** Time has reached `wakeAt`. */
  | { readonly kind: 'tick' }
