// Linearizable reads without ordering anything. Every acknowledged transaction is certified, and a certificate is a quorum of
// voters. So a quorum asked "how far have you voted?" shares an honest member with the voters of any block that was acknowledged
// before the question, and that member names its height or a higher one. Once this replica has certified as much as a quorum
// (itself among them) named, it has everything that was acknowledged before the read began.
//
// A liar may name any height. It is simply not among the quorum that is satisfied: the others are enough. One round of questions
// serves all reads that wait for it; reads that come during a round wait for the next.

import type { Height, MemberId, Millis } from '@quorate/types'
import { height } from '@quorate/types'
import type { ChoamEffect } from './effect.ts'

/** Who speaks for us: ourselves, where we hold a seat. */
type Own = { readonly member: MemberId; readonly voted: number } | undefined

/** A question that is out. */
interface RoundOfQuestions {
  readonly number: number
  readonly requests: readonly number[]
  readonly named: Map<MemberId, number>
  askedAtMs: number
}

export class ReadIndex {
  readonly #retryMs: number
  #number = 0
  #waiting: number[] = []
  #round: RoundOfQuestions | undefined

  constructor(retryMs: number) {
    this.#retryMs = retryMs
  }

  /** A read begins. */
  ask(request: number): void {
    this.#waiting.push(request)
  }

  /** Another committee is to be asked: what the last one answered counts no more. */
  restart(): void {
    if (this.#round === undefined) return
    this.#waiting.unshift(...this.#round.requests)
    this.#round = undefined
  }

  /** The number to ask the committee with now, if a round has to be begun or repeated. `own` is how far we have voted ourselves. */
  due(nowMs: Millis, own: Own): number | undefined {
    if (this.#round === undefined) {
      if (this.#waiting.length === 0) return undefined
      this.#number = (this.#number + 1) % 0xffff_ffff
      this.#round = {
        number: this.#number,
        requests: this.#waiting,
        named: new Map(own === undefined ? [] : [[own.member, own.voted]]),
        askedAtMs: nowMs,
      }
      this.#waiting = []
      return this.#number
    }
    if (nowMs < this.#round.askedAtMs + this.#retryMs) return undefined
    this.#round.askedAtMs = nowMs
    return this.#round.number
  }

  /** A member's answer. */
  answered(from: MemberId, number: number, voted: Height | undefined): void {
    if (this.#round?.number === number) this.#round.named.set(from, voted ?? -1)
  }

  /** The reads that may run now that this replica has certified `certified`. */
  ready(certified: Height, quorum: number): readonly number[] {
    const round = this.#round
    if (round === undefined) return []
    let satisfied = 0
    for (const named of round.named.values()) if (named <= certified) satisfied += 1
    if (satisfied < quorum) return []
    this.#round = undefined
    return round.requests
  }

  wakeAt(): number | undefined {
    return this.#round === undefined ? undefined : this.#round.askedAtMs + this.#retryMs
  }

  /** Reads that may run now, with `certified` as our highest certified height; -1 for none. */
  readable(certified: number, quorum: number): readonly ChoamEffect[] {
    if (certified < 0) return []
    const at = height(certified)
    return this.ready(at, quorum).map((request) => ({ kind: 'readable', request, height: at }))
  }
}
