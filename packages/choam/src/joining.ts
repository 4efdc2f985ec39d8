// When this replica publishes its join, and which joins of others it brings into the order for them.

import type { MemberId, Millis, SignedJoin } from '@quorate/types'
import type { Gathering } from './gathering.ts'

/** A join that was sent to be ordered, and isn't, is sent again. */
const SENT_AGAIN_MS = 300

export class Joining {
  readonly #me: MemberId
  readonly #waitMs: number
  /** Our join of this view; undefined until the host has made a key for it. */
  own: SignedJoin | undefined
  #isKeyAsked = false
  #gathering: Gathering | undefined
  #nextMs = 0
  #wasEnough = false
  #hasPublished = false
  /** Who was helped, and to which of the two joins. */
  readonly #helped = new Set<string>()

  /**
   * @param founding - Our join of the genesis view.
   * @param waitMs - How long the others are waited for once a quorum has joined.
   */
  constructor(founding: SignedJoin, waitMs: number) {
    this.#me = founding.member
    this.own = founding
    this.#waitMs = waitMs
  }

  /** Looks at the gathering that is going on, if any. */
  watch(gathering: Gathering | undefined, nowMs: Millis): void {
    if (gathering !== this.#gathering) {
      this.#gathering = gathering
      this.#nextMs = nowMs
      this.#wasEnough = false
      this.#hasPublished = false
      this.#isKeyAsked = false
      this.#helped.clear()
    }
    if (gathering?.state !== 'enough' || this.#wasEnough) return
    this.#wasEnough = true
    if (gathering.hasJoined(this.#me)) this.#nextMs = nowMs + this.#waitMs
  }

  /** Whether our own join is wanted at all. */
  get #isAsked(): boolean {
    const gathering = this.#gathering
    return gathering !== undefined && !gathering.isComplete && gathering.committee.seatOf(this.#me) !== undefined
  }

  /**
   * What to do now: publish our join, or get a key for it first. `isOrdering`: we bring it into the order ourselves, so that it is
   * ordered for certain, if late; one that is sent may get lost.
   */
  turn(nowMs: Millis, isOrdering: boolean): SignedJoin | 'key' | undefined {
    if (!this.#isAsked) return undefined
    if (this.own !== undefined) return this.#isDue(nowMs, isOrdering) ? this.own : undefined
    const isFirst = !this.#isKeyAsked
    this.#isKeyAsked = true
    return isFirst ? 'key' : undefined
  }

  #isDue(nowMs: Millis, isOrdering: boolean): boolean {
    if (nowMs < this.#nextMs) return false
    const hasJoined = this.#gathering?.hasJoined(this.#me) === true
    const isFirst = !this.#hasPublished
    this.#hasPublished = true
    this.#nextMs = nowMs + (isOrdering || hasJoined ? this.#waitMs : SENT_AGAIN_MS)
    return hasJoined ? this.#gathering?.state === 'enough' : isFirst || !isOrdering
  }

  /** When to look again. */
  wakeAt(): number | undefined {
    return this.#isAsked && this.own !== undefined ? this.#nextMs : undefined
  }

  /** Whether to bring this join into the order: of a next seat, each of its two once. */
  helps({ member }: SignedJoin): boolean {
    const gathering = this.#gathering
    if (gathering === undefined || gathering.isComplete || gathering.committee.seatOf(member) === undefined)
      return false
    const isSecond = gathering.hasJoined(member)
    if (isSecond && (gathering.state !== 'enough' || gathering.hasJoinedTwice(member))) return false
    const which = `${member} ${isSecond ? 2 : 1}`
    if (this.#helped.has(which)) return false
    this.#helped.add(which)
    return true
  }
}
