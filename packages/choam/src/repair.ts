// Gaps. A replica that was cut off, stopped or started late learns from its peers' tips that there are certified blocks it does
// not have, and fetches them. One request is out at a time; a peer that doesn't answer, or whose answer doesn't help, is followed
// by the next. Nobody is trusted: a block counts by its certificate.

import type { Height, MemberId, Millis } from '@quorate/types'
import { height } from '@quorate/types'
import type { ChoamLimits } from './limits.ts'

/** Behind by so little, ordering closes the gap faster than asking for blocks. */
const LEVEL_WITHIN = 2

interface Tip {
  readonly certified: number
  readonly voted: number
}

/** A request for blocks that should go out. */
export interface BlockRequest {
  readonly to: MemberId
  readonly from: Height
  readonly count: number
}

export class Repair {
  readonly #limits: ChoamLimits
  readonly #tips = new Map<MemberId, Tip>()
  #request: { readonly to: MemberId; readonly from: Height; readonly sentAtMs: number } | undefined
  #progressAtMs = 0
  #asked: MemberId | undefined

  constructor(limits: ChoamLimits) {
    this.#limits = limits
  }

  heard(from: MemberId, certified: Height | undefined, voted: Height | undefined): void {
    this.#tips.set(from, { certified: certified ?? -1, voted: voted ?? -1 })
  }

  tipOf(member: MemberId): Tip | undefined {
    return this.#tips.get(member)
  }

  /** A height became certified here, or a peer answered: there is progress. */
  progressed(nowMs: Millis): void {
    this.#progressAtMs = nowMs
  }

  /**
   * A peer has answered, while `certified` is our highest certified height. The next request may go out at once if the answer helped, or
   * if what was asked for has come in another way meanwhile. Otherwise the peer has its turn until the time for an answer is up: asking
   * again at once would be a loop.
   */
  answered(by: MemberId, isUseful: boolean, certified: number): void {
    const request = this.#request
    if (request?.to === by && (isUseful || request.from <= certified)) this.#request = undefined
  }

  /**
   * What to ask now. `certified` is ours, `have` the highest block we have in any state (-1 for none). Who only follows (`isFollower`)
   * gets no blocks in another way, and asks at once.
   */
  due(nowMs: Millis, certified: number, have: number, isFollower: boolean): BlockRequest | undefined {
    const dueMs = this.dueMs(certified, have, isFollower)
    if (dueMs === undefined || nowMs < dueMs) return undefined
    // Peers take turns, so that one that answers nonsense, or nothing, costs one turn.
    const ahead = this.#ahead(certified)
    const { to } = ahead[(ahead.findIndex((each) => each.to === this.#asked) + 1) % ahead.length] ?? {}
    if (to === undefined) return undefined
    this.#asked = to
    const from = height(certified + 1)
    this.#request = { to, from, sentAtMs: nowMs }
    return { to, from, count: this.#limits.requestBlocks }
  }

  /** When blocks will be asked for if nothing changes; undefined while no peer is ahead. */
  dueMs(certified: number, have: number, isFollower: boolean): number | undefined {
    const ahead = this.#ahead(certified)
    if (ahead.length === 0) return undefined
    const answered = this.#request === undefined ? 0 : this.#request.sentAtMs + this.#limits.requestMs
    const isFar = isFollower || ahead.some((each) => each.certified > have + this.#limits.farBehind)
    return isFar ? answered : Math.max(answered, this.#progressAtMs + this.#limits.stallMs)
  }

  #ahead(certified: number): readonly { readonly to: MemberId; readonly certified: number }[] {
    return [...this.#tips]
      .filter(([, tip]) => tip.certified > certified)
      .map(([to, tip]) => ({ to, certified: tip.certified }))
  }

  /**
   * Whether no more peers than may lie say that they have certified more than a moment's worth above `certified`: one that claims
   * heights nobody has must not keep us from ordering for ever.
   */
  isLevel(certified: number, faultyMax: number): boolean {
    let ahead = 0
    for (const tip of this.#tips.values()) if (tip.certified > certified + LEVEL_WITHIN) ahead += 1
    return ahead <= faultyMax
  }
}
