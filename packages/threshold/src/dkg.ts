// A key that nobody has: every seat deals a secret, and the key is the sum of the dealings (Pedersen 1991), agreed on
// through a public ordered log.
//
// Problem: who counts? Seats may be silent, deal wrong shares to some, or complain falsely, and a deadline needs a clock
// that all share. But the log is one order that all share, so everything is counted on it:
//
// 1. The first n - t well-formed dealings count, one a seat. So many come from honest seats alone, so nobody is waited
//    for who may be silent; and at least n - 2t > t of them are honest.
// 2. Each seat then publishes one verdict: an opening for each of these dealings that gives it a wrong share; mostly
//    none. The first n - t verdicts count, and only those of which every opening convicts (dealing.ts).
// 3. Dealers that a counted verdict convicts are left out. The others' commitments add up to the group.
//
// All of it is a function of the log, so all who read it derive the same group, also who has no seat.
//
// Why it is enough. An honest dealer is never convicted: an opening that holds shows the right share. So an honest
// secret is in the sum, and t seats don't know it. Of the n - t counted verdicts at least n - 2t >= t + 1 are honest,
// and they vouch for their shares of every dealing that stays: so t + 1 honest seats hold true shares of the sum, and
// can make every coin. And those t + 1 determine each dealer's polynomial, so a dealer knows its own part: what it
// added tells it nothing about the rest (Gennaro et al. 2007 on the plain sum: the last dealer can choose between few
// keys, none of which it knows; for coins that's enough).
//
// Limits: an honest seat whose verdict came too late may be left with a wrong share of a guilty dealer. It knows
// the group and checks shares like everybody, but has none itself: `own` is undefined.

import type { DecodeError, Result } from '@quorate/kernel'
import { assert, err, must, ok } from '@quorate/kernel'
import type { CoinGroup, KeyShare } from './coin.ts'
import type { Dealing, DealingTerms, Opening, ReceiverKey, Terms } from './dealing.ts'
import { convicts, dealerSecrets, isDealersOwn, makeDealing, openSeal, openShare, termsOf } from './dealing.ts'
import type { Complaint, DkgMessage } from './message.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import { publicShareOf } from './polynomial.ts'
import type { Scalar } from './ristretto.ts'
import { add, BASE, scalar, sum, timesSecret } from './ristretto.ts'

/** What a member takes part with. */
export interface DkgSeat extends ReceiverKey {
  /** 32 random bytes for this dealing alone. On the disk before the dealing is published: a second one would be another. */
  readonly seed: Uint8Array
}

/** What the dealing of one key is made from. */
export interface DkgConfig {
  readonly terms: DealingTerms
  /** Undefined for who only wants to know the group. */
  readonly own?: DkgSeat
}

/** What happens to the dealing of a key. */
export type DkgInput =
  /** The log is open: publish the own dealing. After a restart again, before the log is read anew. */
  | { readonly kind: 'start' }
  /** The next message in the log, and the seat that is known to have sent it. */
  | { readonly kind: 'ordered'; readonly seat: number; readonly message: Uint8Array }

/** Why a message in the log doesn't count. */
export type DkgRefusal =
  | DecodeError
  | {
      /**
       * `TWICE` the seat had its say; `LATE` the step is over; `EARLY` it hasn't begun; `PROOF` the dealer doesn't show
       * that the dealing is its own; `UNFOUNDED` an opening of the verdict convicts nobody.
       */
      readonly code: 'TWICE' | 'LATE' | 'EARLY' | 'PROOF' | 'UNFOUNDED'
      readonly message: string
    }

/** What the host must do, in order. */
export type DkgEffect =
  /** Put the message into the log, as this seat's. */
  | { readonly kind: 'publish'; readonly message: Uint8Array }
  /** The message just fed doesn't count. An honest seat's is refused as LATE at most, or TWICE after a restart. */
  | { readonly kind: 'refused'; readonly seat: number; readonly reason: DkgRefusal }
  /** `by` has shown that `dealer` dealt it a wrong share. */
  | { readonly kind: 'convicted'; readonly dealer: number; readonly by: number }
  /** The key is there. `own` is undefined without a seat, and where a guilty dealer's wrong share is in it. */
  | {
      readonly kind: 'done'
      readonly group: CoinGroup
      readonly dealers: readonly number[]
      readonly own: KeyShare | undefined
    }

/** The dealing of one key as a function of an ordered log. */
export class Dkg {
  readonly #terms: Terms
  readonly #own: DkgSeat | undefined
  readonly #quorum: number
  /** Seats whose dealing was looked at, and whose verdict was: each has one try. */
  readonly #dealt = new Set<number>()
  readonly #judged = new Set<number>()
  readonly #dealings = new Map<number, Dealing>()
  readonly #guilty = new Set<number>()
  /** What the dealers dealt this seat, where it is right. */
  readonly #shares = new Map<number, Scalar>()
  #verdicts = 0
  #step: 'dealings' | 'verdicts' | 'done' = 'dealings'
  #effects: DkgEffect[] = []

  constructor({ terms, own }: DkgConfig) {
    this.#terms = termsOf(terms)
    this.#own = own
    this.#quorum = terms.receivers.length - terms.threshold
    if (own === undefined) return
    const key = must(terms.receivers[own.seat], `seat ${own.seat} of ${terms.receivers.length}`)
    assert(key.equals(timesSecret(BASE, own.secret)), 'the own secret belongs to the own receiver key')
  }

  /** What is waited for. */
  get step(): 'dealings' | 'verdicts' | 'done' {
    return this.#step
  }

  /** Takes one input and returns what the host must do, in order. */
  handle(input: DkgInput): DkgEffect[] {
    this.#effects = []
    if (input.kind === 'start') this.#deal()
    else this.#ordered(input.seat, input.message)
    return this.#effects
  }

  #deal(): void {
    if (this.#own === undefined) return
    const { seat, seed } = this.#own
    const dealing = makeDealing(this.#terms, seat, dealerSecrets(this.#terms, seat, seed))
    this.#publish({ kind: 'dealing', dealing })
  }

  #publish(message: DkgMessage): void {
    this.#effects.push({ kind: 'publish', message: encodeMessage(message) })
  }

  #ordered(seat: number, bytes: Uint8Array): void {
    const { receivers } = this.#terms
    assert(Number.isInteger(seat) && seat >= 0 && seat < receivers.length, `seat ${seat} of ${receivers.length}`)
    const taken = this.#take(seat, bytes)
    if (!taken.ok) this.#effects.push({ kind: 'refused', seat, reason: taken.error })
  }

  #take(seat: number, bytes: Uint8Array): Result<undefined, DkgRefusal> {
    // Before anything is computed: the work of a message that can't count any more is not worth doing.
    if (this.#step === 'done') return err({ code: 'LATE', message: 'the key is dealt' })
    const decoded = decodeMessage(bytes, this.#terms)
    if (!decoded.ok) return decoded
    const message = decoded.value
    return message.kind === 'dealing'
      ? this.#takeDealing(seat, message.dealing)
      : this.#takeVerdict(seat, message.complaints)
  }

  #takeDealing(seat: number, dealing: Dealing): Result<undefined, DkgRefusal> {
    if (this.#step !== 'dealings') return err({ code: 'LATE', message: 'enough dealings are ordered' })
    if (this.#dealt.has(seat)) return err({ code: 'TWICE', message: `a second dealing of seat ${seat}` })
    this.#dealt.add(seat)
    if (!isDealersOwn(this.#terms, seat, dealing))
      return err({ code: 'PROOF', message: `not a dealing of seat ${seat}` })
    this.#dealings.set(seat, dealing)
    if (this.#dealings.size === this.#quorum) this.#judge()
    return ok(undefined)
  }

  /** Dealings are complete: which of them wrong us? */
  #judge(): void {
    this.#step = 'verdicts'
    const own = this.#own
    if (own === undefined) return
    const complaints: Complaint[] = []
    for (const [dealer, dealing] of this.#inOrder()) {
      const share = openShare(this.#terms, dealer, dealing, own)
      if (share === undefined) complaints.push({ dealer, opening: openSeal(this.#terms, dealer, dealing, own) })
      else this.#shares.set(dealer, share)
    }
    this.#publish({ kind: 'verdict', complaints })
  }

  #takeVerdict(seat: number, complaints: readonly Complaint[]): Result<undefined, DkgRefusal> {
    if (this.#step !== 'verdicts') return err({ code: 'EARLY', message: 'dealings are still being taken' })
    if (this.#judged.has(seat)) return err({ code: 'TWICE', message: `a second verdict of seat ${seat}` })
    this.#judged.add(seat)
    const wrong = complaints.find(({ dealer, opening }) => !this.#holds(seat, dealer, opening))
    if (wrong !== undefined)
      return err({ code: 'UNFOUNDED', message: `seat ${seat} shows no fault of dealer ${wrong.dealer}` })
    for (const { dealer } of complaints) {
      if (!this.#guilty.has(dealer)) this.#effects.push({ kind: 'convicted', dealer, by: seat })
      this.#guilty.add(dealer)
    }
    this.#verdicts += 1
    if (this.#verdicts === this.#quorum) this.#finish()
    return ok(undefined)
  }

  #holds(seat: number, dealer: number, opening: Opening): boolean {
    const dealing = this.#dealings.get(dealer)
    return dealing !== undefined && convicts(this.#terms, dealer, dealing, seat, opening)
  }

  /** The dealings that count, by dealer. */
  #inOrder(): readonly (readonly [number, Dealing])[] {
    return [...this.#dealings].filter(([dealer]) => !this.#guilty.has(dealer)).sort(([a], [b]) => a - b)
  }

  #finish(): void {
    this.#step = 'done'
    const { threshold, receivers } = this.#terms
    const counted = this.#inOrder()
    const commitments = Array.from({ length: threshold + 1 }, (_, degree) =>
      sum(counted.map(([, dealing]) => must(dealing.commitments[degree], 'as many commitments as the terms ask for'))),
    )
    const keys = receivers.map((_, seat) => publicShareOf(commitments, seat))
    const group = { threshold, key: must(commitments[0], 'a commitment to the secret'), keys }
    const dealers = counted.map(([dealer]) => dealer)
    this.#effects.push({ kind: 'done', group, dealers, own: this.#ownShare(dealers) })
  }

  #ownShare(dealers: readonly number[]): KeyShare | undefined {
    if (this.#own === undefined) return undefined
    let secret: Scalar = scalar(0n)
    for (const dealer of dealers) {
      const share = this.#shares.get(dealer)
      if (share === undefined) return undefined
      secret = add(secret, share)
    }
    return { seat: this.#own.seat, secret }
  }
}
