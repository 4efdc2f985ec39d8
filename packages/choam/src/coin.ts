// The coin of a view whose committee was dealt a key: which shares are told, to whom, and whose are listened to.
//
// The order asks for the coin of a round only where its votes stay split (aleph's asked-coin.ts). Then our share goes to all seats; a
// share that comes in is the word of a peer that it needs the coin, which the order judges; and once f + 1 are in, the value is there.
// A share is the same bytes each time, so nothing of this is stored. What gets lost is asked for again by who needs it: `wanted` in
// its message is answered with our share, once ours is told.
//
// To check a share costs milliseconds. So nobody's share is checked where it isn't needed; who sends a wrong one isn't listened to
// again; and for rounds that only one seat has brought up, it gets so many checks.

import type { AlephEffect, AlephInput } from '@quorate/aleph'
import { coinBit } from '@quorate/threshold'
import { Writer } from '@quorate/kernel'
import type { CoinMessage, Committee, Millis, Round, Seat } from '@quorate/types'
import { seat as toSeat } from '@quorate/types'
import type { CoinKey, CoinScheme, CoinToss } from './coin-scheme.ts'

/** A value that is still missing is asked for so often. */
const WANTED_AGAIN_MS = 300

/** Rounds that one seat alone brings up and that are looked at, of those that are kept. */
const FAVOURS_MAX = 16

/** Rounds above the DAG for which shares are taken; aleph asks for no coin further up. */
const AHEAD_ROUNDS = 128

/** What is to be done, in order. */
export type CoinTurn =
  | { readonly kind: 'send'; readonly to: readonly Seat[]; readonly message: CoinMessage }
  /** For the order of the view. */
  | { readonly kind: 'feed'; readonly input: AlephInput }
  | Extract<AlephEffect, { readonly kind: 'trace' }>

/** The rounds that the order keeps. */
export interface KeptRounds {
  readonly floor: number
  /** The highest that is known. */
  readonly round: number
}

interface Tossed {
  readonly toss: CoinToss
  /** Who brought it up before we needed it. */
  readonly broughtBy: Seat | undefined
  isTold: boolean
  /** The value is in the order. */
  isFed: boolean
  wantedMs: number
}

export class Coin {
  readonly #key: CoinKey
  readonly #committee: Committee
  readonly #others: readonly Seat[]
  readonly #rounds = new Map<Round, Tossed>()
  readonly #liars = new Set<Seat>()

  /** @param own - Our seat; undefined for who only follows. */
  constructor(key: CoinKey, committee: Committee, own: Seat | undefined) {
    this.#key = key
    this.#committee = committee
    this.#others = committee.members.map((_, index) => toSeat(index)).filter((seat) => seat !== own)
  }

  /** The order needs the coin of this round, and our share may be told. */
  tell(round: Round, kept: KeptRounds, nowMs: Millis): readonly CoinTurn[] {
    this.#forget(kept.floor)
    const tossed = this.#tossed(round, undefined)
    tossed.isTold = true
    tossed.toss.tell()
    return [this.#said(round, tossed, this.#others, nowMs), ...this.#values(round, tossed)]
  }

  /** A peer's share, or its wish for ours. */
  hear(from: Seat, { round, share, wanted }: CoinMessage, kept: KeptRounds): readonly CoinTurn[] {
    this.#forget(kept.floor)
    if (this.#liars.has(from) || round < kept.floor || round > kept.round + AHEAD_ROUNDS) return []
    const known = this.#rounds.get(round)
    if (known === undefined && this.#favoursOf(from) >= FAVOURS_MAX) return []
    const tossed = known ?? this.#tossed(round, from)
    if (share !== undefined && !tossed.toss.hear(from, share)) {
      this.#liars.add(from)
      return [{ kind: 'trace', event: 'coin-refused', detail: { seat: from, round } }]
    }
    const turns: CoinTurn[] = []
    if (!tossed.isTold) turns.push({ kind: 'feed', input: { kind: 'coin-wanted', from, round } })
    else if (wanted) turns.push({ kind: 'send', to: [from], message: this.#message(round, tossed, false) })
    return [...turns, ...(tossed.isFed ? [] : this.#values(round, tossed))]
  }

  /** A seat can be reached (again). */
  connected(seat: Seat, nowMs: Millis): readonly CoinTurn[] {
    return this.#told().map(([round, tossed]) => this.#said(round, tossed, [seat], nowMs))
  }

  /** What is to be said again by now. */
  due(kept: KeptRounds, nowMs: Millis): readonly CoinTurn[] {
    this.#forget(kept.floor)
    const due = this.#missing().filter(([, { wantedMs }]) => wantedMs <= nowMs)
    return due.map(([round, tossed]) => this.#said(round, tossed, this.#others, nowMs))
  }

  /** When something is due. */
  wakeAt(): number | undefined {
    const times = this.#missing().map(([, { wantedMs }]) => wantedMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #tossed(round: Round, broughtBy: Seat | undefined): Tossed {
    const known = this.#rounds.get(round)
    if (known !== undefined) return known
    const toss = this.#key.toss(nameOf(round))
    const tossed = { toss, broughtBy, isTold: false, isFed: false, wantedMs: 0 }
    this.#rounds.set(round, tossed)
    return tossed
  }

  #told(): readonly (readonly [Round, Tossed])[] {
    return [...this.#rounds].filter(([, { isTold }]) => isTold).sort(([a], [b]) => a - b)
  }

  /** Told, and too few others did yet. */
  #missing(): readonly (readonly [Round, Tossed])[] {
    return this.#told().filter(([, { toss }]) => toss.value === undefined)
  }

  #favoursOf(seat: Seat): number {
    let count = 0
    for (const { broughtBy, isTold } of this.#rounds.values()) if (!isTold && broughtBy === seat) count += 1
    return count
  }

  #said(round: Round, tossed: Tossed, to: readonly Seat[], nowMs: Millis): CoinTurn {
    tossed.wantedMs = nowMs + WANTED_AGAIN_MS
    return { kind: 'send', to, message: this.#message(round, tossed, tossed.toss.value === undefined) }
  }

  #message(round: Round, { toss }: Tossed, wanted: boolean): CoinMessage {
    return { kind: 'coin', view: this.#committee.view, round, share: toss.tell(), wanted }
  }

  #values(round: Round, tossed: Tossed): readonly CoinTurn[] {
    const { value } = tossed.toss
    if (value === undefined) return []
    tossed.isFed = true
    return [{ kind: 'feed', input: { kind: 'coin', round, value: coinBit(value) } }]
  }

  /** Rounds below the floor are decided for ever. */
  #forget(floor: number): void {
    for (const round of this.#rounds.keys()) if (round < floor) this.#rounds.delete(round)
  }
}

/** The coin of a committee, from the public side of its key as the ledger has it. Undefined where that is none: then it is computed. */
export function coinOf(
  coins: CoinScheme,
  committee: Committee,
  group: Uint8Array | undefined,
  own: { readonly seat: Seat | undefined; readonly share: Uint8Array | undefined },
): Coin | undefined {
  if (group === undefined) return undefined
  const key = coins.key(group, committee.size, committee.faultyMax, own.share)
  return key === undefined ? undefined : new Coin(key, committee, own.seat)
}

function nameOf(round: Round): Uint8Array {
  return new Writer(16).text('round').u32(round).finish()
}
