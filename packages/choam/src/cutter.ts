// From heads to blocks. Where a block ends is a function of the order alone, so that every replica cuts the same: a head that
// orders at least one item ends a block, and so does a head that is `quietRoundsMax` above the last block's, so that
// whoever reads only blocks is never far behind what is ordered.

import { assert } from '@quorate/kernel'
import type { OrderedHead, OrderedUnit } from '@quorate/types'
import { decodePayload } from '@quorate/types'

function hasItem(units: readonly OrderedUnit[]): boolean {
  return units.some((unit) => {
    const items = decodePayload(unit.payload)
    assert(items.ok, 'a payload that does not decode never entered the DAG')
    return items.value.length > 0
  })
}

export class Cutter {
  readonly #quietRoundsMax: number
  #heads: OrderedHead[] = []
  #lastRound: number

  /** @param lastRound - Round of the last head in a block; -1 at the beginning of a view. */
  constructor(quietRoundsMax: number, lastRound: number) {
    this.#quietRoundsMax = quietRoundsMax
    this.#lastRound = lastRound
  }

  /** Takes the next head; gives a block's heads where it ends one. */
  add(head: OrderedHead): readonly OrderedHead[] | undefined {
    this.#heads.push(head)
    if (head.round < this.#lastRound + this.#quietRoundsMax && !hasItem(head.units)) return undefined
    const heads = this.#heads
    this.#heads = []
    this.#lastRound = head.round
    return heads
  }
}
