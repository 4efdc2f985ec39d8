// The three messages of the broadcast as bytes. A block's bytes stay as they came: what is in them is looked at by who checks the
// block, and only if no other copy of it was here before.

import type { DecodeError, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import type { Height } from '@quorate/types'
import { DIGEST_BYTES } from '@quorate/types'
import type { Digest } from '@quorate/types'
import type { SpreadBlock } from './input.ts'

/** What members say to each other. */
export type BroadcastMessage =
  | { readonly kind: 'block'; readonly block: SpreadBlock }
  | { readonly kind: 'have'; readonly height: Height }
  | { readonly kind: 'want'; readonly first: Height; readonly count: number }

/** Canonical bytes of a message. */
export function encodeBroadcast(message: BroadcastMessage): Uint8Array {
  switch (message.kind) {
    case 'block': {
      const { height, hash, bytes } = message.block
      return new Writer(48 + bytes.length).uleb(0).u64(height).hex(hash, DIGEST_BYTES).bytes(bytes).finish()
    }
    case 'have':
      return new Writer(9).uleb(1).u64(message.height).finish()
    case 'want':
      return new Writer(13).uleb(2).u64(message.first).u32(message.count).finish()
  }
}

/** Reads a message. A block's bytes are a view of `bytes`, `blockBytesMax` at most. */
export function decodeBroadcast(bytes: Uint8Array, blockBytesMax: number): Result<BroadcastMessage, DecodeError> {
  return decode(bytes, (reader): BroadcastMessage => {
    const tag = reader.uleb()
    if (tag === 0) {
      const block = {
        height: reader.u64() as Height,
        hash: reader.hex(DIGEST_BYTES) as Digest,
        bytes: reader.bytes(blockBytesMax),
      }
      return { kind: 'block', block }
    }
    if (tag === 1) return { kind: 'have', height: reader.u64() as Height }
    if (tag === 2) return { kind: 'want', first: reader.u64() as Height, count: reader.u32() }
    return reader.refuse('INVALID', `broadcast tag ${tag}`)
  })
}
