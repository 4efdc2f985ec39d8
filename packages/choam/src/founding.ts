// Genesis by consensus: the founders order each other's joins in a view of their own, and the first block is what they ordered.

import type { Body, Committee, Genesis, Millis, OrderedHead } from '@quorate/types'
import { encodeGenesis } from '@quorate/types'
import { BlockTime } from './block-time.ts'
import { Gathering } from './gathering.ts'
import { joinsIn } from './rotation.ts'

/** The genesis block's body with its time. */
export interface Founded {
  readonly body: Extract<Body, { readonly kind: 'genesis' }>
  readonly timeMs: Millis
}

export class Founding {
  readonly gathering: Gathering
  readonly #genesis: Genesis
  readonly #time = new BlockTime()

  constructor(genesis: Genesis, founders: Committee) {
    this.gathering = new Gathering(founders)
    this.#genesis = genesis
  }

  /** Takes the next head; gives the genesis block where it completes the founding. */
  add(head: OrderedHead): Founded | undefined {
    if (this.gathering.isComplete) return undefined
    this.#time.add(head.units)
    for (const join of joinsIn([head])) this.gathering.add(join)
    if (!this.gathering.isComplete) return undefined
    const body = { kind: 'genesis', genesis: encodeGenesis(this.#genesis), joins: this.gathering.joins } as const
    return { body, timeMs: this.#time.median(this.gathering.committee.size, 0) }
  }
}
