// When this replica says its words in a dealing, and which words of others it brings into the order for them.

import { must, toHex } from '@quorate/kernel'
import type { MemberId, Millis, SignedDeal, ViewId } from '@quorate/types'
import type { Dealing } from './dealing.ts'
import { WORDS_MAX } from './dealing.ts'

/** A word that was sent to be ordered, and isn't, is sent again, to others. */
const SENT_AGAIN_MS = 300

/** A dealing's work grows with its seats: for each so many it is waited for once more. */
const SEATS_PER_WAIT = 32

/** A word that is empty: the dealing has been waited for long enough. */
const IMPATIENCE = new Uint8Array(0)

/** What is to be done. */
export type DealerTurn =
  /** Our secret is needed: get it from the host. */
  | { readonly kind: 'secret' }
  /** Our share of a key that is dealt: to be kept for as long as our seat's key. */
  | { readonly kind: 'share'; readonly share: Uint8Array }
  /** To be signed and published. */
  | { readonly kind: 'deal'; readonly next: ViewId; readonly message: Uint8Array }

export class Dealer {
  readonly #me: MemberId
  readonly #waitMs: number
  #dealing: Dealing | undefined
  #view: ViewId | undefined
  #secret: Uint8Array | undefined
  #isSecretAsked = false
  #isSecretTried = false
  #isShareTold = false
  #impatientMs = 0
  /** When each of our words is to be said (again), by its hex. */
  readonly #dueMs = new Map<string, number>()
  /** Whose words were brought into the order, and which. */
  readonly #helped = new Map<MemberId, Set<string>>()
  #sent = 0

  /** @param waitMs - How long a dealing among up to 32 seats is waited for, from the moment when the joins are complete here. */
  constructor(me: MemberId, waitMs: number) {
    this.#me = me
    this.#waitMs = waitMs
  }

  /** The 32 bytes behind our receiver key of `view`. */
  knowSecret(view: ViewId, secret: Uint8Array): void {
    this.#view = view
    this.#secret = secret
    this.#isSecretTried = false
  }

  /** Looks at the dealing that is going on in `view`, if any. */
  watch(dealing: Dealing | undefined, view: ViewId, nowMs: Millis): void {
    if (view !== this.#view) this.#secret = undefined
    this.#view = view
    if (dealing !== this.#dealing) this.#begin(dealing, nowMs)
    const seat = dealing?.committee.seatOf(this.#me)
    if (dealing === undefined || seat === undefined || this.#secret === undefined || this.#isSecretTried) return
    this.#isSecretTried = true
    if (dealing.isSecretOf(seat, this.#secret)) dealing.takePart(seat, this.#secret)
  }

  #begin(dealing: Dealing | undefined, nowMs: Millis): void {
    this.#dealing = dealing
    this.#isSecretAsked = false
    this.#isSecretTried = false
    this.#isShareTold = false
    const waits = Math.ceil((dealing?.committee.size ?? 0) / SEATS_PER_WAIT)
    this.#impatientMs = nowMs + waits * this.#waitMs
    this.#dueMs.clear()
    this.#helped.clear()
  }

  /** The dealing, while we hold a seat in it and it goes on. */
  get #open(): Dealing | undefined {
    const dealing = this.#dealing
    return dealing?.committee.seatOf(this.#me) === undefined || dealing.outcome !== undefined ? undefined : dealing
  }

  /** What to do now. `isOrdering`: we bring our words into the order ourselves, so that they are ordered for certain, if late. */
  turn(nowMs: Millis, isOrdering: boolean): readonly DealerTurn[] {
    const dealing = this.#open
    if (dealing === undefined) return this.#share()
    if (this.#secret === undefined && !this.#isSecretAsked) {
      this.#isSecretAsked = true
      return [{ kind: 'secret' }]
    }
    const isImpatient = nowMs >= this.#impatientMs && !dealing.hasHeard(this.#me, IMPATIENCE)
    const words = isImpatient ? [...dealing.unsaid, IMPATIENCE] : dealing.unsaid
    const due = words.filter((word) => (this.#dueMs.get(toHex(word)) ?? 0) <= nowMs)
    for (const word of due) this.#dueMs.set(toHex(word), isOrdering ? Infinity : nowMs + SENT_AGAIN_MS)
    const { view } = dealing.committee
    return due.map((message) => ({ kind: 'deal', next: view, message }))
  }

  #share(): readonly DealerTurn[] {
    const share = this.#dealing?.outcome?.share
    if (share === undefined || this.#isShareTold) return []
    this.#isShareTold = true
    return [{ kind: 'share', share }]
  }

  /** When to look again. */
  wakeAt(): number | undefined {
    const dealing = this.#open
    if (dealing === undefined) return undefined
    const words = dealing.unsaid.map((word) => this.#dueMs.get(toHex(word)) ?? 0)
    const impatience = dealing.hasHeard(this.#me, IMPATIENCE)
      ? Infinity
      : (this.#dueMs.get(toHex(IMPATIENCE)) ?? this.#impatientMs)
    const soonest = Math.min(impatience, ...words)
    return soonest === Infinity ? undefined : soonest
  }

  /** Whom to send a word that is to be ordered: one honest member at least, and others the next time. */
  orderers(seated: readonly MemberId[], faultyMax: number): readonly MemberId[] {
    const first = this.#sent
    this.#sent += 1
    const count = Math.min(faultyMax + 1, seated.length)
    return Array.from({ length: count }, (_, i) => must(seated[(first * count + i) % seated.length], 'an index'))
  }

  /** Whether to bring this word into the order: of a next seat, each once. */
  helps({ member, next, message }: SignedDeal): boolean {
    const dealing = this.#dealing
    if (dealing === undefined || dealing.committee.view !== next || dealing.committee.seatOf(member) === undefined)
      return false
    const helped = this.#helped.get(member) ?? new Set()
    const word = toHex(message)
    if (helped.has(word) || helped.size >= WORDS_MAX || dealing.hasHeard(member, message)) return false
    this.#helped.set(member, helped.add(word))
    return dealing.outcome === undefined
  }
}
