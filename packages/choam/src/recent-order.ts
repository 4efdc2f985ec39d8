// What was ordered lately: enough to continue the order behind a block without the DAG that led to it.

import type { Base, OrderedRef } from '@quorate/aleph'
import type { Millis, OrderedHead } from '@quorate/types'
import { BlockTime } from './block-time.ts'

export class RecentOrder {
  readonly #windowRounds: number
  readonly #time = new BlockTime()
  #refs: OrderedRef[] = []
  #last: { readonly round: OrderedHead['round']; readonly slot: number } | undefined

  constructor(windowRounds: number) {
    this.#windowRounds = windowRounds
  }

  /** The heads of the next block. */
  add(heads: readonly OrderedHead[]): void {
    for (const head of heads) {
      for (const { creator, round, hash } of head.units) this.#refs.push({ creator, round, hash })
      this.#time.add(head.units)
      this.#last = { round: head.round, slot: head.slot }
    }
    const last = this.#last
    if (last === undefined || this.#refs.length < 4 * this.#windowRounds) return
    this.#refs = this.#refs.filter((ref) => ref.round >= last.round - this.#windowRounds)
  }

  /** Round of the last head; -1 before the first. */
  get lastRound(): number {
    return this.#last?.round ?? -1
  }

  /** Time of a block that ends here, by the clocks of a committee of `seats`. */
  timeMs(seats: number): Millis {
    return this.#time.median(seats, this.lastRound - this.#windowRounds)
  }

  /** Where the order continues; undefined at the beginning of a view. */
  base(): Base | undefined {
    const last = this.#last
    if (last === undefined) return undefined
    return { ...last, ordered: this.#refs.filter((ref) => ref.round >= last.round - this.#windowRounds) }
  }
}
