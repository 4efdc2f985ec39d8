// How a view ends. It orders a bounded number of blocks; then an `assemble` block is cut, whose hash seats the members of the next
// view; those publish their joins, which are ordered like anything else, while the old committee goes on; and once they are gathered
// the last block, `reconfigure`, hands over. All of it follows from the blocks alone, so every replica ends the view at one height.
//
// Who should sit next and doesn't join holds up nothing but the rotation: the old committee orders on, and after some views' worth
// of blocks a new assemble block seats others.

import { assert, must } from '@quorate/kernel'
import type { Body, Committee, Reconfigure, SignedJoin } from '@quorate/types'
import { decodePayload } from '@quorate/types'
import { Gathering } from './gathering.ts'

/** A committee that doesn't gather within so many views' worth of blocks is given up for another. */
const GATHERING_VIEWS = 4

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

/** The joins in a block's payloads, in their order. */
export function joinsIn(heads: Extract<Body, { readonly kind: 'executions' }>['heads']): readonly SignedJoin[] {
  return heads.flatMap((head) =>
    head.units.flatMap(({ payload }) => {
      const items = decodePayload(payload)
      assert(items.ok, 'a payload that does not decode never entered the DAG')
      return items.value.flatMap((item) => (item.kind === 'join' ? [item.join] : []))
    }),
  )
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

  /** @param began - Height of the block that seated the view. */
  constructor(blocksMax: number, began: number) {
    this.#blocksMax = blocksMax
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
        if (this.#stage === 'assembling') this.#early.push(...joinsIn(body.heads))
        else if (this.#stage === 'gathering') for (const join of joinsIn(body.heads)) this.#gathering?.add(join)
        return
      case 'assemble':
        this.#since = height
        this.#early = []
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
    return this.#at - this.#since >= blocks && this.#stage !== 'assembling' ? { kind: 'assemble' } : undefined
  }

  #reconfigure(): Reconfigure {
    const { committee, joins } = must(this.#gathering, 'a gathering that is complete')
    return { kind: 'reconfigure', next: committee.view, seats: committee.members.map(({ id }) => id), joins }
  }

  #step(event: StageEvent): void {
    const next = PRODUCTION[this.#stage][event]
    assert(next !== 'impossible', `${event} while ${this.#stage}`)
    this.#stage = next ?? this.#stage
  }
}
