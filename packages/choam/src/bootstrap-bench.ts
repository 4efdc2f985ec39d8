// The members that a database is received from: who may be asked now, and who is left alone for a while. A member begins with one
// question at a time and is given one more with each answer that was right; a failure takes it back to one.

import { compareText } from '@quorate/kernel'
import type { MemberId, StateRefusal } from '@quorate/types'

/** What a member did: answered what is not certified, or kept its answer back. */
export type MemberFault = 'withheld' | 'wrong'

/** A member as people see it. */
export interface MemberReport {
  readonly member: MemberId
  /** Answers that were right. */
  readonly answers: number
  readonly faults: readonly MemberFault[]
  /** It said that it has not got the target any more. */
  readonly isGone: boolean
}

/** Bounds and times, as in `BootstrapLimits`. */
export interface BenchLimits {
  readonly asksPerMemberMax: number
  readonly answerMs: number
  readonly penaltyMsMin: number
  readonly penaltyMsMax: number
}

interface Member {
  isReachable: boolean
  /** Questions out to it, late ones too. */
  out: number
  /** How many may be. */
  share: number
  /** In a row, as far as right answers did not make up for them. */
  failures: number
  freeAtMs: number
  answers: number
  isGone: boolean
  readonly faults: Set<MemberFault>
}

/** Doublings that still change anything. */
const FAILURES_MAX = 16
/** A member that is busy is asked again after this at the soonest, and the latest. */
const BUSY_MS_MIN = 100
const BUSY_MS_MAX = 10_000

/** `base` doubled so often, up to `max`. */
function doubled(base: number, times: number, max: number): number {
  let value = base
  for (let i = 0; i < times && value < max; i += 1) value *= 2
  return Math.min(value, max)
}

export class Bench {
  readonly #limits: BenchLimits
  readonly #members = new Map<MemberId, Member>()

  constructor(limits: BenchLimits) {
    this.#limits = limits
  }

  /** Members that said they have not got the target any more. */
  get goneCount(): number {
    let count = 0
    for (const { isGone } of this.#members.values()) if (isGone) count += 1
    return count
  }

  /** These can be reached, and no others. */
  reachable(peers: readonly MemberId[]): void {
    const now = new Set(peers)
    for (const [id, member] of this.#members) member.isReachable = now.has(id)
    for (const id of now) if (!this.#members.has(id)) this.#members.set(id, newcomer())
  }

  /** Who is asked next: the one with the fewest questions out, then with the fewest answers given. */
  next(nowMs: number): MemberId | undefined {
    let best: readonly [MemberId, Member] | undefined
    for (const each of this.#members) {
      const [id, member] = each
      if (!hasRoom(member) || member.freeAtMs > nowMs) continue
      const order =
        best === undefined
          ? -1
          : member.out - best[1].out || member.answers - best[1].answers || compareText(id, best[0])
      if (order < 0) best = each
    }
    return best?.[0]
  }

  /** When the next member may be asked. */
  freeAt(): number | undefined {
    let at: number | undefined
    for (const member of this.#members.values())
      if (hasRoom(member) && (at === undefined || member.freeAtMs < at)) at = member.freeAtMs
    return at
  }

  /** How long an answer of this member is waited for. */
  patienceMs(id: MemberId): number {
    return doubled(
      this.#limits.answerMs,
      this.#of(id).failures,
      Math.max(this.#limits.answerMs, this.#limits.penaltyMsMax),
    )
  }

  asked(id: MemberId): void {
    this.#of(id).out += 1
  }

  /** A question to it is over. */
  ended(id: MemberId): void {
    this.#of(id).out -= 1
  }

  served(id: MemberId): void {
    const member = this.#of(id)
    member.answers += 1
    member.isGone = false
    member.failures = Math.max(0, member.failures - 1)
    member.share = Math.min(member.share + 1, this.#limits.asksPerMemberMax)
  }

  refused(id: MemberId, code: StateRefusal, nowMs: number, retryAfterMs: number): void {
    const member = this.#of(id)
    member.isGone = code === 'GONE'
    member.share = 1
    const waitMs = member.isGone
      ? this.#limits.penaltyMsMax
      : Math.min(Math.max(retryAfterMs, BUSY_MS_MIN), BUSY_MS_MAX)
    member.freeAtMs = Math.max(member.freeAtMs, nowMs + waitMs)
  }

  /** Leaves it alone for a while, and remembers why; true where this fault of it is new. */
  offence(id: MemberId, fault: MemberFault, nowMs: number): boolean {
    this.failed(id, nowMs)
    const { faults } = this.#of(id)
    const isNew = !faults.has(fault)
    faults.add(fault)
    return isNew
  }

  /** Leaves it alone for a while. */
  failed(id: MemberId, nowMs: number): void {
    const member = this.#of(id)
    member.share = 1
    // Several questions that fail together are one failure.
    if (member.freeAtMs <= nowMs) {
      const { penaltyMsMin, penaltyMsMax } = this.#limits
      member.freeAtMs = nowMs + doubled(penaltyMsMin, member.failures, penaltyMsMax)
      member.failures = Math.min(member.failures + 1, FAILURES_MAX)
    }
  }

  /** All members that were ever reachable, by id. */
  reports(): readonly MemberReport[] {
    return [...this.#members]
      .sort(([a], [b]) => compareText(a, b))
      .map(([member, { answers, faults, isGone }]) => ({
        member,
        answers,
        faults: [...faults].sort(compareText),
        isGone,
      }))
  }

  #of(id: MemberId): Member {
    const known = this.#members.get(id)
    if (known !== undefined) return known
    const member = newcomer()
    this.#members.set(id, member)
    return member
  }
}

function newcomer(): Member {
  return {
    isReachable: true,
    out: 0,
    share: 1,
    failures: 0,
    freeAtMs: 0,
    answers: 0,
    isGone: false,
    faults: new Set(),
  }
}

function hasRoom(member: Member): boolean {
  return member.isReachable && member.out < member.share
}
