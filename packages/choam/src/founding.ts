// Genesis by consensus: the founders order each other's joins in a view of their own, and the first block is what they ordered.
//
// Waiting for all would let one dead founder prevent the ledger; going on with a quorum at once would leave out whoever starts a
// second later. So a founder that has waited long enough says so by joining a second time, and the order decides: the founding is
// complete at the first head where all have joined, or where a quorum has joined twice. Clocks only decide when somebody speaks,
// never what is agreed.

import { compareText } from '@quorate/kernel'
import type { Body, Committee, Genesis, MemberId, Millis, OrderedHead, SignedJoin } from '@quorate/types'
import { decodePayload, encodeGenesis } from '@quorate/types'
import { BlockTime } from './block-time.ts'

/** The genesis block's body with its time. */
export interface Founded {
  readonly body: Extract<Body, { readonly kind: 'genesis' }>
  readonly timeMs: Millis
}

export class Founding {
  readonly #genesis: Genesis
  readonly #founders: Committee
  readonly #joins = new Map<MemberId, SignedJoin>()
  readonly #impatient = new Set<MemberId>()
  readonly #time = new BlockTime()
  #isDecided = false

  constructor(genesis: Genesis, founders: Committee) {
    this.#genesis = genesis
    this.#founders = founders
  }

  /** Whether enough have joined that the rest may be left waiting. */
  get hasQuorum(): boolean {
    return this.#joins.size >= this.#founders.quorum
  }

  get isDecided(): boolean {
    return this.#isDecided
  }

  /** Takes the next head; gives the genesis block where it completes the founding. */
  add(head: OrderedHead): Founded | undefined {
    if (this.#isDecided) return undefined
    this.#time.add(head.units)
    for (const unit of head.units) {
      const items = decodePayload(unit.payload)
      if (!items.ok) continue
      for (const item of items.value) {
        if (item.kind !== 'join') continue
        if (this.#joins.has(item.join.member)) this.#impatient.add(item.join.member)
        else this.#joins.set(item.join.member, item.join)
      }
    }
    if (this.#joins.size < this.#founders.size && this.#impatient.size < this.#founders.quorum) return undefined
    this.#isDecided = true
    const joins = [...this.#joins.values()].sort((a, b) => compareText(a.member, b.member))
    const body = { kind: 'genesis', genesis: encodeGenesis(this.#genesis), joins } as const
    return { body, timeMs: this.#time.median(this.#founders.size, 0) }
  }
}
