// Who is asked for which part of the database while a replica receives it (state transfer from a certified checkpoint).
//
// Asking one peer for everything trusts it with our time and burdens it alone; asking all for everything burdens everybody
// n times. So the database is cut into pieces of 128 neighbouring pages, and each piece is asked of one member at a time,
// with a bounded number of questions out, over all and per member. An answer is proved or it is worth nothing (the host checks it
// against the certified root), so a liar can only cost time: its piece goes to another, and it is left alone for a while
// that doubles with each offence. A member that is silent is treated alike, except that its answer still counts if it comes
// after all: over a slow link everyone is late.
//
// Where there is something to compare with (an older database, or what arrived before a crash), each piece goes through up
// to three phases: its node's hash is compared; where it differs and something is here, its pages' hashes are; and then
// the pages that differ are fetched. Hashes of many pieces are asked for at once.
//
// It ends when every piece is here. One honest member that has them is enough, whatever the others do: every failure
// bars a member for a bounded time only, and a barred member gives its questions back.
//
// Limits: a byte or two of memory a piece (512 KiB of database). Members that answer rightly but slowly are not told from
// slow links. Whether the target is still worth having is for others to say (`stale`).

import { assert } from '@quorate/kernel'
import type { Height, MemberId, Millis, StateAsk, StateRefusal } from '@quorate/types'
import { Bench } from './bootstrap-bench.ts'
import type { MemberFault, MemberReport } from './bootstrap-bench.ts'
import { Pace } from './bootstrap-pace.ts'
import { PieceMap } from './bootstrap-pieces.ts'

/** Bounds of a reception. */
export interface BootstrapLimits {
  /** Questions out at a time; those that are late, and were put to others, don't count. */
  readonly asksMax: number
  /** Questions out to one member, late ones counted. */
  readonly asksPerMemberMax: number
  /** A question not answered for so long is put to another; twice as long for a member that was late once, and so on. */
  readonly answerMs: number
  /** A member that failed is left alone for so long: doubles with each failure in a row, up to the last. */
  readonly penaltyMsMin: number
  readonly penaltyMsMax: number
}

/** The bounds a replica receives with: at most 2 MiB under way from a member, 8 MiB from all. */
export const BOOTSTRAP_LIMITS: BootstrapLimits = {
  asksMax: 16,
  asksPerMemberMax: 4,
  answerMs: 5_000,
  penaltyMsMin: 1_000,
  penaltyMsMax: 60_000,
}

/** What is received. Root and page count are certified; this core needs only the size. */
export interface BootstrapTarget {
  readonly height: Height
  readonly pageCount: number
}

/** What the host made of an answer. */
export type Verdict =
  /** Proved, and on disk. */
  | { readonly kind: 'pages' }
  /** Proved: the nodes that differ from what is here, by index, and those of them under which nothing is here at all. */
  | { readonly kind: 'hashes'; readonly differing: readonly number[]; readonly blank: readonly number[] }
  /** Not proved, or no answer to the question. */
  | { readonly kind: 'wrong' }
  | { readonly kind: 'refused'; readonly code: StateRefusal; readonly retryAfterMs: number }
  /** No answer will come, for no fault that could be told: the link went down. */
  | { readonly kind: 'failed' }

/** Every question is answered once, if only by `failed`. */
export type BootstrapInput =
  /** The members that can be reached now. */
  | { readonly kind: 'peers'; readonly peers: readonly MemberId[] }
  | { readonly kind: 'answer'; readonly id: number; readonly verdict: Verdict }
  | { readonly kind: 'time' }

export type BootstrapEffect =
  | { readonly kind: 'ask'; readonly id: number; readonly to: MemberId; readonly ask: StateAsk }
  /** A member answered wrongly, or kept an answer back: for people to know. Once for each fault of a member. */
  | { readonly kind: 'fault'; readonly member: MemberId; readonly fault: MemberFault }
  /** More members than may lie say that they have not got the target any more: there is a newer one. Once. */
  | { readonly kind: 'stale' }
  /** Everything is here. */
  | { readonly kind: 'whole' }

/** How far a reception is. */
export interface BootstrapProgress {
  /** Pages known to be right, of all; whole pieces count. */
  readonly pagesDone: number
  readonly pagesTotal: number
  /** Pages that came over the network. */
  readonly pagesFetched: number
  readonly pagesPerSecond: number
  /** Undefined while nothing moves. */
  readonly etaMs: number | undefined
  readonly members: readonly MemberReport[]
}

interface Out {
  readonly to: MemberId
  readonly pieces: readonly number[]
  readonly ask: StateAsk
  readonly dueMs: number
  /** Its time is over, and its pieces may be asked for elsewhere; it still counts as out. */
  isLate: boolean
}

/** What a reception begins with. */
export interface BootstrapConfig {
  readonly target: BootstrapTarget
  /** Nothing is here to compare with: everything is fetched. */
  readonly isBlank: boolean
  /** Members that may lie. */
  readonly faultyMax: number
  readonly limits: BootstrapLimits
}

/** Schedules one reception. */
export class Bootstrap {
  readonly #config: BootstrapConfig
  readonly #pieces: PieceMap
  readonly #bench: Bench
  readonly #pace = new Pace()
  readonly #out = new Map<number, Out>()
  /** Of those out, the ones that are not late. */
  #waiting = 0
  #nextId = 1
  #pagesFetched = 0
  #isStale = false
  #isWhole = false
  #effects: BootstrapEffect[] = []

  constructor(config: BootstrapConfig) {
    assert(config.limits.asksMax >= 1 && config.limits.asksPerMemberMax >= 1, 'somebody may be asked')
    this.#config = config
    this.#pieces = new PieceMap(config.target.pageCount, config.isBlank)
    this.#bench = new Bench(config.limits)
  }

  handle(input: BootstrapInput, nowMs: Millis): readonly BootstrapEffect[] {
    if (input.kind === 'peers') this.#bench.reachable(input.peers)
    if (input.kind === 'answer') this.#answer(input.id, input.verdict, nowMs)
    this.#expire(nowMs)
    this.#pace.note(nowMs, this.#pieces.pagesDone)
    if (this.#pieces.isWhole && !this.#isWhole) {
      this.#isWhole = true
      this.#effects.push({ kind: 'whole' })
    }
    if (!this.#isWhole) this.#ask(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When `time` is due, unless something happens before. */
  wakeAt(): Millis | undefined {
    if (this.#isWhole) return undefined
    let at: number | undefined
    for (const { dueMs, isLate } of this.#out.values()) if (!isLate && (at === undefined || dueMs < at)) at = dueMs
    const free = this.#pieces.hasWork && this.#waiting < this.#config.limits.asksMax ? this.#bench.freeAt() : undefined
    return (at === undefined || (free !== undefined && free < at) ? free : at) as Millis | undefined
  }

  progress(): BootstrapProgress {
    const { pagesDone, pagesTotal } = this.#pieces
    const pagesPerSecond = this.#pace.perSecond
    const left = pagesTotal - pagesDone
    return {
      pagesDone,
      pagesTotal,
      pagesFetched: this.#pagesFetched,
      pagesPerSecond,
      etaMs: left === 0 ? 0 : pagesPerSecond === 0 ? undefined : Math.floor((left * 1000) / pagesPerSecond),
      members: this.#bench.reports(),
    }
  }

  #answer(id: number, verdict: Verdict, nowMs: Millis): void {
    const out = this.#out.get(id)
    assert(out !== undefined, `no question ${id} is out`)
    this.#out.delete(id)
    this.#bench.ended(out.to)
    if (verdict.kind === 'pages' || verdict.kind === 'hashes') {
      this.#bench.served(out.to)
      this.#took(out, verdict)
    } else if (verdict.kind === 'refused' && verdict.code !== 'RANGE') {
      this.#bench.refused(out.to, verdict.code, nowMs, verdict.retryAfterMs)
      this.#stale()
    } else if (verdict.kind === 'failed') {
      // What was late has been held against its member already.
      if (!out.isLate) this.#bench.failed(out.to, nowMs)
    } else {
      // What is certified to be there can't be out of range.
      this.#offence(out.to, 'wrong', nowMs)
    }
    if (!out.isLate) this.#release(out)
  }

  #took({ ask, pieces }: Out, verdict: Extract<Verdict, { kind: 'pages' | 'hashes' }>): void {
    if (verdict.kind === 'pages') {
      assert(ask.kind === 'pages', 'pages answer a question for pages')
      // A late answer to what came from elsewhere meanwhile brings nothing new.
      this.#pagesFetched += this.#pieces.fetched(pieces)
      return
    }
    assert(ask.kind === 'hashes', 'hashes answer a question for hashes')
    if (ask.level === 0 && this.#pieces.level > 0) this.#pieces.narrowed(pieces, verdict.differing)
    else this.#pieces.compared(pieces, verdict)
  }

  #offence(member: MemberId, fault: MemberFault, nowMs: Millis): void {
    if (this.#bench.offence(member, fault, nowMs)) this.#effects.push({ kind: 'fault', member, fault })
  }

  #stale(): void {
    if (this.#isStale || this.#bench.goneCount <= this.#config.faultyMax) return
    this.#isStale = true
    this.#effects.push({ kind: 'stale' })
  }

  #expire(nowMs: Millis): void {
    for (const out of this.#out.values()) {
      if (out.isLate || nowMs < out.dueMs) continue
      out.isLate = true
      this.#offence(out.to, 'withheld', nowMs)
      this.#release(out)
    }
  }

  #release({ pieces }: Out): void {
    this.#waiting -= 1
    this.#pieces.release(pieces)
  }

  #ask(nowMs: Millis): void {
    const { limits, target } = this.#config
    while (this.#waiting < limits.asksMax) {
      const to = this.#bench.next(nowMs)
      const work = to === undefined ? undefined : this.#pieces.next()
      if (to === undefined || work === undefined) return
      const id = this.#nextId
      this.#nextId += 1
      const ask: StateAsk =
        work.kind === 'pages'
          ? { kind: 'pages', height: target.height, runs: work.runs }
          : { kind: 'hashes', height: target.height, level: work.level, run: work.run }
      this.#out.set(id, { to, pieces: work.pieces, ask, dueMs: nowMs + this.#bench.patienceMs(to), isLate: false })
      this.#waiting += 1
      this.#bench.asked(to)
      this.#effects.push({ kind: 'ask', id, to, ask })
    }
  }
}
