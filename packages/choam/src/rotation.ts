// How a view ends. It orders a bounded number of blocks, or fewer where the members have changed; then an `assemble` block is cut,
// whose hash seats the members of the next view; those publish
// their joins, which are ordered like anything else, while the old committee goes on; and once they are gathered
// the last block, `reconfigure`, hands over. All of it follows from the blocks alone, so every replica ends the view at one height.
//
// Who should sit next and doesn't join holds up nothing but the rotation: the old committee orders on, and after some views' worth
// of blocks a new assemble block seats others.

import { assert, must } from '@quorate/kernel'
import type { Body, Committee, Item, OrderedHead, OrderedUnit, Reconfigure, Seat, SignedJoin } from '@quorate/types'
import { decodePayload } from '@quorate/types'
import { Gathering } from './gathering.ts'

/** A committee that doesn't gather within so many views' worth of blocks is given up for another. */
const GATHERING_VIEWS = 4

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

/** The joins in a block's payloads, in their order. */
export function joinsIn(heads: readonly OrderedHead[]): readonly SignedJoin[] {
  const items = heads.flatMap((head) => head.units.flatMap(itemsOf))
  return items.flatMap((item) => (item.kind === 'join' ? [item.join] : []))
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
  /** Joins ordered before the assemble block was executed here. */
  #early: SignedJoin[] = []
  #gathering: Gathering | undefined
  readonly #faultyMax: number
  /** When each seat asked last for the view to end. */
  readonly #asked = new Map<Seat, number>()

  /**
   * @param faultyMax - Seats that may ask for turns without a reason: one more must ask.
   * @param began - Height of the block that seated the view.
   */
  constructor(blocksMax: number, faultyMax: number, began: number) {
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

  /** Takes the view's next block. */
  add(height: number, body: Body): void {
    this.#at = height
    switch (body.kind) {
      case 'genesis':
        return
      case 'executions':
        // Once a turn is under way, what else was decided waits for the view after: its seats ask again.
        if (this.#stage === 'producing') for (const seat of turnsIn(body.heads)) this.#asked.set(seat, height)
        if (this.#stage === 'assembling') this.#early.push(...joinsIn(body.heads))
        else if (this.#stage === 'gathering') for (const join of joinsIn(body.heads)) this.#gathering?.add(join)
        return
      case 'assemble':
        this.#since = height
        this.#early = []
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
    for (const join of this.#early) this.#gathering.add(join)
    this.#early = []
  }

  /** The block that must follow the newest one, if it is a turn of the view; asked behind every block of executions. */
  due(): { readonly kind: 'assemble' } | Reconfigure | undefined {
    if (this.#at === this.#since || this.#stage === 'ended') return undefined
    if (this.gathering?.isComplete === true) return this.#reconfigure()
    const blocks = this.#stage === 'producing' ? this.#blocksMax : this.#blocksMax * GATHERING_VIEWS
    const isDue = this.#at - this.#since >= blocks || this.#isAskedFor()
    return isDue && this.#stage !== 'assembling' ? { kind: 'assemble' } : undefined
  }

  #isAskedFor(): boolean {
    const lately = [...this.#asked.values()].filter((at) => at > this.#at - TURN_BLOCKS)
    return lately.length > this.#faultyMax
  }

  #reconfigure(): Reconfigure {
    const { committee, joins } = must(this.#gathering, 'a gathering that is complete')
    const seats = committee.members.map(({ id }) => id)
    return { kind: 'reconfigure', next: committee.view, seats, joins }
  }

  #step(event: StageEvent): void {
    const next = PRODUCTION[this.#stage][event]
    assert(next !== 'impossible', `${event} while ${this.#stage}`)
    this.#stage = next ?? this.#stage
  }
}
