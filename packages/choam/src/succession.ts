// What this replica does for the committee to come: its own part, where that has a seat for it (its join, then its words in the
// dealing of the coin), and what it brings into the order for others.

import { must } from '@quorate/kernel'
import type { Committee, MemberId, Message, Millis, SignedDeal, SignedJoin } from '@quorate/types'
import { encodeItem } from '@quorate/types'
import type { Committees } from './committees.ts'
import type { DealerTurn } from './dealer.ts'
import { Dealer } from './dealer.ts'
import type { ChoamEffect } from './effect.ts'
import type { Gathering } from './gathering.ts'
import { Joining } from './joining.ts'
import type { View } from './view.ts'

/** What a member of the committee to come wants to have ordered. */
export type Word = Extract<Message, { readonly kind: 'join' | 'deal' }>

/** What is to be done, in order. */
export type SuccessionTurn = ChoamEffect | { readonly kind: 'order'; readonly item: Uint8Array }

/** Where the replica stands. */
export interface Standing {
  readonly view: View
  /** The joins of the committee to come, or of the founders. */
  readonly gathering: Gathering | undefined
  /** Peers that hold seats of the committee that is. */
  readonly seated: readonly MemberId[]
  /** We bring words into its order ourselves. */
  readonly isOrdering: boolean
  readonly nowMs: Millis
}

export class Succession {
  readonly #me: MemberId
  readonly #committees: Committees
  readonly #joining: Joining
  readonly #dealer: Dealer

  /**
   * @param founding - Our join of the genesis view.
   * @param waitMs - How long others are waited for: to join, and then to deal.
   */
  constructor(founding: SignedJoin, committees: Committees, waitMs: number) {
    this.#me = founding.member
    this.#committees = committees
    this.#joining = new Joining(founding, waitMs)
    this.#dealer = new Dealer(founding.member, waitMs)
  }

  /** Another view has begun. */
  begun(): void {
    this.#joining.own = undefined
  }

  /** When to look again. */
  wakeAt(): number | undefined {
    const times = [this.#joining.wakeAt(), this.#dealer.wakeAt()].filter((time) => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** What is due. */
  due(standing: Standing): readonly SuccessionTurn[] {
    const { gathering, isOrdering, nowMs } = standing
    const { rotation, committee } = standing.view
    this.#joining.watch(gathering, nowMs)
    this.#dealer.watch(rotation.dealing, committee.view, nowMs)
    const join = this.#joining.turn(nowMs, isOrdering)
    const turns = this.#dealer.turn(nowMs, isOrdering).map((turn) => this.#dealt(turn, committee))
    if (join === undefined) return turns
    return [
      join === 'key' ? { kind: 'join', view: committee.view } : this.#publish({ kind: 'join', join }, standing),
      ...turns,
    ]
  }

  #dealt(turn: DealerTurn, { view }: Committee): SuccessionTurn {
    switch (turn.kind) {
      case 'secret':
        return { kind: 'join', view }
      case 'deal':
        return { kind: 'deal', deal: { member: this.#me, view, next: turn.next, message: turn.message } }
      case 'share': {
        const { key } = must(this.#joining.own, 'who takes part in a dealing has joined')
        this.#committees.ownShare(key, turn.share)
        return { kind: 'share', key, share: turn.share }
      }
    }
  }

  /** Our join is signed; `secret` is what its receiver key was made from. */
  joined(join: SignedJoin, secret: Uint8Array): void {
    this.#joining.own = join
    this.#dealer.knowSecret(join.view, secret)
    this.#committees.own(join.key)
  }

  /** What we say in a dealing is signed. */
  signed(deal: SignedDeal, standing: Standing): readonly SuccessionTurn[] {
    return deal.view === standing.view.committee.view ? [this.#publish({ kind: 'deal', deal }, standing)] : []
  }

  /** A member that may hold no seat now wants this ordered. */
  heard(word: Word, standing: Standing): readonly SuccessionTurn[] {
    const { view } = word.kind === 'join' ? word.join : word.deal
    if (view !== standing.view.committee.view || !standing.isOrdering) return []
    const helps = word.kind === 'join' ? this.#joining.helps(word.join) : this.#dealer.helps(word.deal)
    return helps ? [this.#publish(word, standing)] : []
  }

  #publish(word: Word, { view, seated, isOrdering }: Standing): SuccessionTurn {
    if (isOrdering) return { kind: 'order', item: encodeItem(word) }
    const to = word.kind === 'deal' ? this.#dealer.orderers(seated, view.committee.faultyMax) : seated
    return { kind: 'send', to, message: word }
  }
}
