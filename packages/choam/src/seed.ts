import { Writer } from '@quorate/kernel'
import type { Digest, Height } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'

/** The randomness of a block: bound to ledger, height and everything that was ordered, and known before the block before is executed. */
export function seedOf(ledger: Digest, height: Height, body: Digest): Digest {
  return hashOf('seed', rawOf(ledger), new Writer(8).u64(height).finish(), rawOf(body))
}
