// One view at one replica: what its committee orders is cut into blocks here, up to the block that ends it. A replica that holds a
// seat orders itself; one that holds none, or lost the key of its seat, only takes the blocks of the others.

import type { Body, Committee, MemberId, Millis, OrderedHead } from '@quorate/types'
import type { Coin } from './coin.ts'
import type { CoinScheme } from './coin-scheme.ts'
import { Cutter } from './cutter.ts'
import type { ChoamLimits } from './limits.ts'
import { Ordering } from './ordering.ts'
import { RecentOrder } from './recent-order.ts'
import { Rotation } from './rotation.ts'

/** A block to be appended. */
export interface Cut {
  readonly body: Body
  readonly timeMs: Millis
}

/** What a view is made from. */
export interface ViewConfig {
  readonly committee: Committee
  /** Height of the block that seated the committee. */
  readonly began: number
  /** Blocks before the next committee is assembled. */
  readonly blocksMax: number
  readonly coin: Coin | undefined
  /** What the next coin is dealt with. */
  readonly coins: CoinScheme
  readonly limits: ChoamLimits
}

export class View {
  readonly committee: Committee
  readonly rotation: Rotation
  /** The coin that was dealt to the committee; undefined where it is computed. */
  readonly coin: Coin | undefined
  readonly #limits: ChoamLimits
  readonly #recent: RecentOrder
  #cutter: Cutter
  #ordering: Ordering | undefined
  #height: number
  /** Whether blocks are cut here now, or come from others. */
  #isCutting = false
  /** Heads behind an assemble block that is not executed yet. */
  #waiting: OrderedHead[] = []

  constructor({ committee, began, blocksMax, coin, coins, limits }: ViewConfig) {
    this.committee = committee
    this.coin = coin
    this.rotation = new Rotation(blocksMax, committee.faultyMax, began, coins)
    this.#limits = limits
    this.#height = began
    this.#recent = new RecentOrder(limits.windowRounds)
    this.#cutter = new Cutter(limits.quietRoundsMax, -1)
  }

  /** The order, where this replica takes part in it. */
  get ordering(): Ordering | undefined {
    return this.#ordering
  }

  /** Takes part (again), behind the newest block. Gives the blocks that are due there. */
  enter(me: MemberId, isUnsure: boolean): readonly Cut[] {
    const isCoinDealt = this.coin !== undefined
    this.#ordering = new Ordering(this.committee, me, this.#recent.base(), { isUnsure, isCoinDealt })
    this.#cutter = new Cutter(this.#limits.quietRoundsMax, this.#recent.lastRound)
    this.#isCutting = true
    return this.#turn()
  }

  /** Takes the next head of the order; gives the blocks it ends. Behind the last block there are no more. */
  head(head: OrderedHead): readonly Cut[] {
    if (!this.#isCutting) return []
    const { stage } = this.rotation
    if (stage === 'assembling') this.#waiting.push(head)
    if (stage === 'assembling' || stage === 'ended') return []
    for (const { hash } of head.units) this.#ordering?.ordered(hash)
    const heads = this.#cutter.add(head)
    if (heads === undefined) return []
    return [this.#append({ kind: 'executions', heads }), ...this.#turn()]
  }

  /** A block of this view that was made before a restart, or by others. Until it is entered again, no blocks are cut here. */
  block(height: number, body: Body): void {
    this.#isCutting = false
    this.#waiting = []
    this.#height = height - 1
    if (body.kind === 'executions')
      for (const { units } of body.heads) for (const { hash } of units) this.#ordering?.ordered(hash)
    this.#append(body)
  }

  /** The assemble block of this height is executed; gives the blocks that waited for it. */
  seated(height: number, committee: Committee): readonly Cut[] {
    this.rotation.seated(height, committee)
    const waiting = this.#waiting
    this.#waiting = []
    return [...this.#turn(), ...waiting.flatMap((head) => this.head(head))]
  }

  #append(body: Body): Cut {
    this.#height += 1
    if (body.kind === 'executions') this.#recent.add(body.heads)
    this.rotation.add(this.#height, body)
    return { body, timeMs: this.#recent.timeMs(this.committee.size) }
  }

  /** Blocks of the view's turns follow from the block before. */
  #turn(): readonly Cut[] {
    const due = this.#isCutting ? this.rotation.due() : undefined
    return due === undefined ? [] : [this.#append(due)]
  }
}
