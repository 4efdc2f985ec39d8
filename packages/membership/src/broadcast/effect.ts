import type { Height, MemberId } from '@quorate/types'
import type { SpreadBlock } from './input.ts'

/** What a member did: passed off as a block what is none, or did not give what it said to have. */
export type SpreadFault = 'GARBAGE' | 'WITHHELD'

/** What the host must do, in the order of the list. Whatever is sent may be lost. */
export type BroadcastEffect =
  /** Check the block's certificate, hash and height; then feed `checked`. Nothing of it was looked at before. */
  | { readonly kind: 'check'; readonly block: SpreadBlock }
  /** The next block: valid, and every one before it was delivered. */
  | { readonly kind: 'deliver'; readonly block: SpreadBlock }
  /** Send the block to each of `to`. */
  | { readonly kind: 'push'; readonly to: readonly MemberId[]; readonly block: SpreadBlock }
  /** Tell each of `to` that all blocks up to `height` are here. */
  | { readonly kind: 'tell'; readonly to: readonly MemberId[]; readonly height: Height }
  /** Ask for `count` blocks from `first` on. */
  | { readonly kind: 'ask'; readonly to: MemberId; readonly first: Height; readonly count: number }
  /** Send these blocks, as far as they are on the disk. */
  | { readonly kind: 'serve'; readonly to: MemberId; readonly first: Height; readonly count: number }
  /** For logs and status. Nothing else follows from it: it is no proof. */
  | { readonly kind: 'fault'; readonly member: MemberId; readonly code: SpreadFault; readonly height: Height }
