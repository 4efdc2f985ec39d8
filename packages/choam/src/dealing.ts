// How the coin of the view to come is dealt: among its seats, through the order of the view that is.
//
// It begins where the joins are gathered: they hold the keys that shares are sealed for. What the seats say is ordered like anything
// else, so all who read the blocks find the same key at the same place. A seat that didn't join gets a key that nobody has: it counts
// among the f that may be silent.
//
// A dealing ends with n - f dealings and n - f verdicts, so f silent seats don't stop it. More than that, or a slow network, might: so
// a seat that has waited long enough says so, and where a quorum says so first, the view goes without. Its coin is then one that
// everybody can compute: an adversary that also rules the network may hold up its order. Clocks only decide when somebody speaks.
//
// Whoever only follows needs none of it: the blocks hold what came out. So messages are put aside as they come, and read (which costs
// milliseconds each) only by who has to know: who holds one of the seats, or has to make the block that hands over.

import { assert, must, toHex } from '@quorate/kernel'
import type { Committee, MemberId, ReceiverKey, Seat, SignedDeal } from '@quorate/types'
import { rawOf } from '@quorate/types'
import type { CoinScheme, DealingEffect, DealingRun } from './coin-scheme.ts'
import type { Gathering } from './gathering.ts'

/** A seat's dealing, its verdict, its impatience: who says more isn't listened to. */
export const WORDS_MAX = 3

/** How far a dealing is. */
export type Dealt = 'dealing' | 'dealt' | 'without'

/** What moves it. */
export type DealingEvent =
  /** The key is there. */
  | 'key'
  /** A quorum has waited long enough. */
  | 'impatient'

/** The table: every state answers every event; `undefined` keeps the state, 'impossible' is a broken invariant. */
export const DEALING: Readonly<Record<Dealt, Readonly<Record<DealingEvent, Dealt | undefined | 'impossible'>>>> = {
  dealing: { key: 'dealt', impatient: 'without' },
  dealt: { key: 'impossible', impatient: undefined },
  without: { key: 'impossible', impatient: undefined },
}

/** What a dealing came to. */
export interface Outcome {
  /** The public side of the key; undefined for a view with a coin that is computed. */
  readonly coin: Uint8Array | undefined
  /** Our share of it. */
  readonly share: Uint8Array | undefined
}

interface Word {
  readonly seat: Seat
  readonly message: Uint8Array
}

export class Dealing {
  readonly committee: Committee
  readonly #scheme: CoinScheme
  readonly #receivers: readonly (ReceiverKey | undefined)[]
  readonly #words: Word[] = []
  /** What each seat has said, as hex: a word that others brought into the order too counts once. */
  readonly #said = new Map<MemberId, Set<string>>()
  readonly #impatient = new Set<number>()
  readonly #first: Dealt
  #own: { readonly seat: number; readonly secret: Uint8Array } | undefined
  #run: DealingRun | undefined
  #read = 0
  #published: Uint8Array[] = []
  #state: Dealt
  #outcome: Outcome = { coin: undefined, share: undefined }

  /** @param gathering - The joins, complete. */
  constructor(scheme: CoinScheme, { committee, joins }: Gathering) {
    this.committee = committee
    this.#scheme = scheme
    const keys = new Map(joins.map(({ member, receiver }) => [member, receiver]))
    this.#receivers = committee.members.map(({ id }) => keys.get(id))
    const usable = this.#receivers.filter((key) => key !== undefined && scheme.isReceiver(key))
    // Where nobody may be faulty, nobody needs to be kept from foreseeing anything.
    this.#first = committee.faultyMax === 0 || usable.length < committee.quorum ? 'without' : 'dealing'
    this.#state = this.#first
  }

  /** Whether we take part. */
  get isOurs(): boolean {
    return this.#own !== undefined
  }

  /** Whether this secret is the one behind the receiver key that `seat` joined with. */
  isSecretOf(seat: Seat, secret: Uint8Array): boolean {
    return this.#receivers[seat] === this.#scheme.receiver(secret)
  }

  /** Takes part as `seat`, whose secret this is. What is in the order already is read again. */
  takePart(seat: Seat, secret: Uint8Array): void {
    this.#own = { seat, secret }
    this.#run = undefined
    this.#read = 0
    this.#published = []
    this.#impatient.clear()
    this.#state = this.#first
  }

  /** Takes the next deal of the order. */
  add({ member, next, message }: SignedDeal): void {
    const seat = this.committee.seatOf(member)
    if (seat === undefined || next !== this.committee.view || this.hasHeard(member, message)) return
    this.#said.set(member, (this.#said.get(member) ?? new Set()).add(toHex(message)))
    this.#words.push({ seat, message })
  }

  /** Whether the order has this word of a member already, or takes no more of its words. */
  hasHeard(member: MemberId, message: Uint8Array): boolean {
    const said = this.#said.get(member)
    return said !== undefined && (said.size >= WORDS_MAX || said.has(toHex(message)))
  }

  /** What it came to; undefined while it goes on. Reads what has come since: not for free. */
  get outcome(): Outcome | undefined {
    this.#advance()
    return this.#state === 'dealing' ? undefined : this.#outcome
  }

  /** What we have to say and the order doesn't have yet. */
  get unsaid(): readonly Uint8Array[] {
    if (this.#own === undefined || this.outcome !== undefined) return []
    const { id } = must(this.committee.members[this.#own.seat], 'our seat')
    return this.#published.filter((message) => !this.hasHeard(id, message))
  }

  #advance(): void {
    if (this.#state !== 'dealing') return
    const run = this.#run ?? this.#begin()
    for (let word = this.#words[this.#read]; word !== undefined; word = this.#words[this.#read]) {
      this.#read += 1
      if (word.message.length > 0) this.#take(run.ordered(word.seat, word.message))
      else if (this.#impatient.add(word.seat).size >= this.committee.quorum) this.#step('impatient')
      if (this.#state !== 'dealing') return
    }
  }

  #begin(): DealingRun {
    this.#run = this.#scheme.dealing({
      context: rawOf(this.committee.view),
      threshold: this.committee.faultyMax,
      receivers: this.#receivers,
      own: this.#own,
    })
    this.#take(this.#run.start())
    return this.#run
  }

  #take(effects: readonly DealingEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'publish') this.#published.push(effect.message)
      else {
        this.#outcome = { coin: effect.group, share: effect.share }
        this.#step('key')
      }
    }
  }

  #step(event: DealingEvent): void {
    const next = DEALING[this.#state][event]
    assert(next !== 'impossible', `${event} while ${this.#state}`)
    this.#state = next ?? this.#state
  }
}
