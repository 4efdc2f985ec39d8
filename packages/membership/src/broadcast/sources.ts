// Of whom blocks may be asked. What a member says it has is no more than a reason to ask it: who does not give it is not believed for a
// while, twice as long each time, and who gave something else is not listened to at all in that time.

import type { MemberId } from '@quorate/types'
import type { BroadcastLimits } from './limits.ts'

interface Source {
  /** It says that it has all blocks up to this height. */
  claimed: number
  /** Blocks that it gave bring this down again. */
  failures: number
  /** A valid block came of it since it last failed. */
  gives: boolean
  asks: number
  doubtedUntilMs: number
  mutedUntilMs: number
  isUp: boolean
  /** Questions of its that were answered since `servedSinceMs`. */
  serves: number
  servedSinceMs: number
}

const SECOND_MS = 1000

export class Sources {
  readonly #limits: BroadcastLimits
  #sources = new Map<MemberId, Source>()
  #serves = 0
  #servedSinceMs = 0

  constructor(limits: BroadcastLimits) {
    this.#limits = limits
  }

  /** These are the others now, in the order in which equals are asked; what is known of them stays known. */
  members(others: readonly MemberId[]): void {
    const before = this.#sources
    this.#sources = new Map(others.map((member) => [member, before.get(member) ?? newcomer()]))
  }

  has(member: MemberId): boolean {
    return this.#sources.has(member)
  }

  isUp(member: MemberId): boolean {
    return this.#sources.get(member)?.isUp === true
  }

  peer(member: MemberId, isUp: boolean): void {
    const source = this.#sources.get(member)
    if (source === undefined) return
    source.isUp = isUp
    source.claimed = -1
  }

  /** It says how far it is; false where that is not believed for now. */
  claims(member: MemberId, at: number, nowMs: number): boolean {
    const source = this.#sources.get(member)
    if (source === undefined || source.doubtedUntilMs > nowMs) return false
    if (source.claimed < at) source.claimed = at
    return true
  }

  /** Whether what it sends is to be ignored for now. */
  isMuted(member: MemberId, nowMs: number): boolean {
    return (this.#sources.get(member)?.mutedUntilMs ?? 0) > nowMs
  }

  /** Who is asked for a block: of those that say to have it who failed least, then who gave blocks, then who was asked least. */
  next(at: number): { readonly member: MemberId; readonly claimed: number } | undefined {
    let best: readonly [MemberId, Source] | undefined
    for (const each of this.#sources) {
      const [, source] = each
      if (!source.isUp || source.claimed < at) continue
      if (best === undefined || isBetter(source, best[1])) best = each
    }
    return best === undefined ? undefined : { member: best[0], claimed: best[1].claimed }
  }

  asked(member: MemberId): void {
    const source = this.#sources.get(member)
    if (source !== undefined) source.asks += 1
  }

  /** It gave a valid block. */
  gave(member: MemberId): void {
    const source = this.#sources.get(member)
    if (source === undefined) return
    source.gives = true
    if (source.failures > 0) source.failures -= 1
  }

  /** It did not give what it said to have. Gives how often that happened, less what it gave since. */
  withheld(member: MemberId, nowMs: number): number {
    const source = this.#sources.get(member)
    if (source === undefined) return 0
    source.claimed = -1
    source.gives = false
    source.doubtedUntilMs = nowMs + this.#penaltyMs(source)
    return source.failures
  }

  /** What it gave is no block. */
  lied(member: MemberId, nowMs: number): void {
    this.withheld(member, nowMs)
    const source = this.#sources.get(member)
    if (source !== undefined) source.mutedUntilMs = source.doubtedUntilMs
  }

  /** Whether a question of its is answered: a second has room for so many, of one member and of all. */
  admits(member: MemberId, nowMs: number): boolean {
    const source = this.#sources.get(member)
    if (source === undefined) return false
    if (nowMs >= this.#servedSinceMs + SECOND_MS) [this.#servedSinceMs, this.#serves] = [nowMs, 0]
    if (nowMs >= source.servedSinceMs + SECOND_MS) [source.servedSinceMs, source.serves] = [nowMs, 0]
    if (source.serves >= this.#limits.servesPerMemberMax || this.#serves >= this.#limits.servesMax) return false
    source.serves += 1
    this.#serves += 1
    return true
  }

  #penaltyMs(source: Source): number {
    const { penaltyMsMin, penaltyMsMax } = this.#limits
    let ms = penaltyMsMin
    for (let i = 0; i < source.failures && ms < penaltyMsMax; i += 1) ms *= 2
    source.failures += 1
    return Math.min(ms, penaltyMsMax)
  }
}

function newcomer(): Source {
  return {
    claimed: -1,
    failures: 0,
    gives: false,
    asks: 0,
    doubtedUntilMs: 0,
    mutedUntilMs: 0,
    isUp: false,
    serves: 0,
    servedSinceMs: 0,
  }
}

function isBetter(a: Source, b: Source): boolean {
  if (a.failures !== b.failures) return a.failures < b.failures
  return a.gives === b.gives ? a.asks < b.asks : a.gives
}
