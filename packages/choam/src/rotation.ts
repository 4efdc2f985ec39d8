// How a view ends. It orders a bounded number of blocks, or fewer where the members have changed; then an `assemble` block is cut,
// whose hash seats the members of the next view; those publish their joins, which are ordered like anything else, while the old
// committee goes on; once they are gathered, they deal the key of their coin in the same way (dealing.ts); and then the last block,
// `reconfigure`, hands over. All of it follows from the blocks alone, so every replica ends the view at one height.
//
// Who should sit next and doesn't join holds up nothing but the rotation: the old committee orders on, and after some views' worth
// of blocks a new assemble block seats others.

import { assert, must } from '@quorate/kernel'
import type { Body, Committee, Item, OrderedHead, OrderedUnit, Reconfigure, Seat, SignedJoin } from '@quorate/types'
import { decodePayload } from '@quorate/types'
import type { CoinScheme } from './coin-scheme.ts'
import { Dealing } from './dealing.ts'
import { Gathering } from './gathering.ts'

/** A committee that doesn't gather within so many views' worth of blocks is given up for another. */
const GATHERING_VIEWS = 4

/** But never before so many blocks for each of its seats: joins and dealings are ordered in blocks too. */
const GATHERING_BLOCKS_PER_SEAT = 16

/** Seats that ask for a turn count for so many blocks: enough to hear each other, few enough to know after a restart. */
export const TURN_BLOCKS = 64

/** Where a view stands. */
export type Stage = 'producing' | 'assembling' | 'gathering' | 'ended'

/** What moves it: blocks, in the order of the ledger, and the execution of an assemble block. */
export type StageEvent =
  /** An assemble block. */
  | 'assemble'
  /** The newest assemble block is executed: its hash seats the next committee. */
  | 'seated'
  /** The view's last block. */
  | 'reconfigure'

/** The table: every state answers every event; `undefined` keeps the state, 'impossible' is a broken invariant. */
export const PRODUCTION: Readonly<Record<Stage, Readonly<Record<StageEvent, Stage | undefined | 'impossible'>>>> = {
  producing: { assemble: 'assembling', seated: 'impossible', reconfigure: 'impossible' },
  assembling: { assemble: 'assembling', seated: 'gathering', reconfigure: 'ended' },
  gathering: { assemble: 'assembling', seated: 'impossible', reconfigure: 'ended' },
  ended: { assemble: 'impossible', seated: undefined, reconfigure: 'impossible' },
}

/** What a unit of the order carries. */
function itemsOf({ payload }: OrderedUnit): readonly Item[] {
  const items = decodePayload(payload)
  assert(items.ok, 'a payload that does not decode never entered the DAG')
  return items.value
}

function itemsIn(heads: readonly OrderedHead[]): readonly Item[] {
  return heads.flatMap((head) => head.units.flatMap(itemsOf))
}

/** The joins in a block's payloads, in their order. */
export function joinsIn(heads: readonly OrderedHead[]): readonly SignedJoin[] {
  return itemsIn(heads).flatMap((item) => (item.kind === 'join' ? [item.join] : []))
}

/** Joins and deals, in their order. */
function wordsIn(heads: readonly OrderedHead[]): readonly Item[] {
  return itemsIn(heads).filter((item) => item.kind === 'join' || item.kind === 'deal')
}

/** The seats that ask for the view to end. */
function turnsIn(heads: readonly OrderedHead[]): readonly Seat[] {
  const units = heads.flatMap((head) => head.units)
  return units.filter((unit) => itemsOf(unit).some((item) => item.kind === 'turn')).map((unit) => unit.creator)
}

export class Rotation {
  readonly #blocksMax: number
  /** Height of the block that began the view, or of its newest assemble block. */
  #since: number
  /** Height of the newest block. */
  #at: number
  #stage: Stage = 'producing'
  /** What was ordered before the assemble block was executed here. */
  #early: Item[] = []
  readonly #coins: CoinScheme
  #gathering: Gathering | undefined
  #dealing: Dealing | undefined
  readonly #faultyMax: number
  /** When each seat asked last for the view to end. */
  readonly #asked = new Map<Seat, number>()

  /**
   * @param faultyMax - Seats that may ask for turns without a reason: one more must ask.
   * @param began - Height of the block that seated the view.
   */
  constructor(blocksMax: number, faultyMax: number, began: number, coins: CoinScheme) {
    this.#coins = coins
    this.#blocksMax = blocksMax
    this.#faultyMax = faultyMax
    this.#since = began
    this.#at = began
  }

  get stage(): Stage {
    return this.#stage
  }

  /** The joins of the next committee, once it is seated. */
  get gathering(): Gathering | undefined {
    return this.#stage === 'gathering' ? this.#gathering : undefined
  }

  /** The dealing among the next committee, from the end of its gathering to the end of the view. */
  get dealing(): Dealing | undefined {
    return this.#dealing
  }

  /** Takes the view's next block. */
  add(height: number, body: Body): void {
    this.#at = height
    switch (body.kind) {
      case 'genesis':
        return
      case 'executions':
        // Once a turn is under way, what else was decided waits for the view after: its seats ask again.
        if (this.#stage === 'producing') for (const seat of turnsIn(body.heads)) this.#asked.set(seat, height)
        if (this.#stage === 'assembling') this.#early.push(...wordsIn(body.heads))
        else if (this.#stage === 'gathering') this.#take(wordsIn(body.heads))
        return
      case 'assemble':
        this.#since = height
        this.#early = []
        this.#dealing = undefined
        this.#asked.clear()
        return this.#step('assemble')
      case 'reconfigure':
        return this.#step('reconfigure')
    }
  }

  /** The assemble block of this height is executed, and its hash seats `committee`, whose keys are still to come. */
  seated(height: number, committee: Committee): void {
    if (height !== this.#since || this.#stage === 'gathering') return
    this.#step('seated')
    this.#gathering = new Gathering(committee)
    this.#take(this.#early)
    this.#early = []
  }

  #take(words: readonly Item[]): void {
    const gathering = must(this.#gathering, 'joins are gathered once their seats are known')
    for (const word of words) {
      if (word.kind === 'join') gathering.add(word.join)
      if (word.kind === 'deal') this.#dealing?.add(word.deal)
      if (gathering.isComplete) this.#dealing ??= new Dealing(this.#coins, gathering)
    }
  }

  /** The block that must follow the newest one, if it is a turn of the view; asked behind every block of executions. */
  due(): { readonly kind: 'assemble' } | Reconfigure | undefined {
    if (this.#at === this.#since || this.#stage === 'ended') return undefined
    const dealt = this.#stage === 'gathering' ? this.#dealing?.outcome : undefined
    if (dealt !== undefined) return this.#reconfigure(dealt.coin)
    const blocks = this.#stage === 'producing' ? this.#blocksMax : this.#gatheringBlocks()
    const isDue = this.#at - this.#since >= blocks || this.#isAskedFor()
    return isDue && this.#stage !== 'assembling' ? { kind: 'assemble' } : undefined
  }

  #isAskedFor(): boolean {
    const lately = [...this.#asked.values()].filter((at) => at > this.#at - TURN_BLOCKS)
    return lately.length > this.#faultyMax
  }

  #gatheringBlocks(): number {
    const seats = this.#gathering?.committee.size ?? 0
    return Math.max(GATHERING_VIEWS * this.#blocksMax, GATHERING_BLOCKS_PER_SEAT * seats)
  }

  #reconfigure(coin: Uint8Array | undefined): Reconfigure {
    const { committee, joins } = must(this.#gathering, 'a gathering that is complete')
    const seats = committee.members.map(({ id }) => id)
    return { kind: 'reconfigure', next: committee.view, seats, joins, ...(coin === undefined ? {} : { coin }) }
  }

  #step(event: StageEvent): void {
    const next = PRODUCTION[this.#stage][event]
    assert(next !== 'impossible', `${event} while ${this.#stage}`)
    this.#stage = next ?? this.#stage
  }
}
