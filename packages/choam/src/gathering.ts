// Joins, as the order gives them, for one committee that is to come: the first, made of the founders, or a view's successor.
//
// Waiting for all would let one dead member prevent the view; going on with a quorum at once would leave out whoever is a second
// late. So a member that has waited long enough says so by joining a second time, and the order decides: the gathering is complete
// where all have joined, or where a quorum has joined twice. Clocks only decide when somebody speaks, never what is agreed.

import { assert, compareText } from '@quorate/kernel'
import type { Committee, MemberId, SignedJoin } from '@quorate/types'

/** How far a gathering is. */
export type Gathered = 'few' | 'enough' | 'complete'

/** What moves it. */
export type GatheringEvent =
  /** A quorum has joined. */
  | 'quorum'
  /** Every seat has joined. */
  | 'all'
  /** A quorum has joined twice. */
  | 'impatient'

/** The table: every state answers every event; `undefined` keeps the state, 'impossible' is a broken invariant. */
export const GATHERING: Readonly<
  Record<Gathered, Readonly<Record<GatheringEvent, Gathered | undefined | 'impossible'>>>
> = {
  few: { quorum: 'enough', all: 'complete', impatient: 'impossible' },
  enough: { quorum: undefined, all: 'complete', impatient: 'complete' },
  complete: { quorum: undefined, all: undefined, impatient: undefined },
}

export class Gathering {
  /** The seats to come; their keys are not known yet. */
  readonly committee: Committee
  readonly #joins = new Map<MemberId, SignedJoin>()
  readonly #impatient = new Set<MemberId>()
  #state: Gathered = 'few'

  constructor(committee: Committee) {
    this.committee = committee
  }

  get state(): Gathered {
    return this.#state
  }

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /** The first join of each member, by member. */
  get joins(): readonly SignedJoin[] {
    return [...this.#joins.values()].sort((a, b) => compareText(a.member, b.member))
  }

  hasJoined(member: MemberId): boolean {
    return this.#joins.has(member)
  }

  hasJoinedTwice(member: MemberId): boolean {
    return this.#impatient.has(member)
  }

  /** Takes the next join of the order. Who holds none of the seats is not asked. */
  add(join: SignedJoin): void {
    if (this.committee.seatOf(join.member) === undefined || this.isComplete) return
    if (this.#joins.has(join.member)) this.#impatient.add(join.member)
    else this.#joins.set(join.member, join)
    const { quorum, size } = this.committee
    if (this.#joins.size >= quorum) this.#step('quorum')
    if (this.#joins.size === size) this.#step('all')
    if (this.#impatient.size >= quorum) this.#step('impatient')
  }

  #step(event: GatheringEvent): void {
    const next = GATHERING[this.#state][event]
    assert(next !== 'impossible', `${event} while ${this.#state}`)
    this.#state = next ?? this.#state
  }
}
