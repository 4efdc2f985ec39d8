// The coin that stands in for a real one: a hash everybody can compute, and everybody can foresee.
// It keeps the order the same for all, and it breaks ties against accident; against a scheduler that delays messages
// knowing the coming bits, liveness is not guaranteed. Safety doesn't depend on the coin at all.

import { Writer } from '@quorate/kernel'
import type { ViewId } from '@quorate/types'
import { hashOf, rawOf } from '@quorate/types'
import type { Coin } from './rules.ts'

/** The bit of a round in a view, from a hash of both. */
export function deterministicCoin(view: ViewId): Coin {
  const seed = rawOf(view)
  return (round) => {
    const digest = hashOf('coin', seed, new Writer(4).u32(round).finish())
    return parseInt(digest.slice(0, 1), 16) % 2 === 0 ? 0 : 1
  }
}
