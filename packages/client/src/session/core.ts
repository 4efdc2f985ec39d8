// The client session as a machine: what is submitted, answered and due comes in; what to send, drop and settle goes out.
// It reads no clock and touches no network, so a simulation can put it through every loss there is.
//
// The problem. A transaction must be executed once, over a network that loses requests and answers, by members of whom
// some are dead, slow or full. Sending to one member and hoping is the obvious, and fails three ways: a lost answer
// leaves its sender not knowing; a dead member stops it; a full one, asked harder, gets fuller.
//
// The sketch. A transaction's id and bytes are made once, and the ledger executes an id once: so sending them again,
// to anyone, is always safe, and is what happens until an outcome comes or the deadline does. One attempt of a
// transaction is under way at a time. Each member has a window (window.ts); a request goes to the member with the
// fewest under way, of those that have room and don't rest, and on a second attempt rather to another than to the same.
// What finds no room waits in a bounded queue; beyond it the caller is told at once.
//
// What is known. An attempt that was refused did nothing; one that was lost may have done it. As long as no attempt was
// lost, giving up leaves nothing behind. Once one was, only the ledger's own word settles it: an answer with a place in
// the ledger, or ID_REUSED. A mere gateway's refusal doesn't, since the lost attempt may still be executed.
//
// Limits. Fairness is among members, not among callers, who share one queue in order. A member that lies about an
// outcome is believed: who can't, asks for a receipt.

import type { BackOff } from '../back-off.ts'
import { waitMs } from '../back-off.ts'
import { Alarms } from './alarms.ts'
import { Member } from './member.ts'
import type { Slot } from './member.ts'
import type { Executed, Rejected, Verdict } from './outcome.ts'
import { Window } from './window.ts'

/** Bounds of a session. */
export interface SessionLimits {
  /** Requests under way, all members together. */
  readonly inFlightMax: number
  /** A member's window at first. */
  readonly windowStart: number
  /** Transactions waiting for their first attempt. */
  readonly waitingMax: number
  /** Attempts of one transaction. */
  readonly attemptsMax: number
  /** Longest wait for the answer to one attempt. */
  readonly attemptMs: number
  /** Between attempts of one transaction. */
  readonly backOff: BackOff
  /** How long a member rests after signs of absence in a row. */
  readonly rest: BackOff
}

/** Bounds unless told otherwise. */
export const SESSION_LIMITS: SessionLimits = {
  inFlightMax: 512,
  windowStart: 16,
  waitingMax: 10_000,
  attemptsMax: 1000,
  attemptMs: 10_000,
  backOff: { firstMs: 50, mostMs: 5000 },
  rest: { firstMs: 100, mostMs: 5000 },
}

/** What the machine is told. `key` names a transaction; times are monotonic. */
export type SessionInput =
  | { readonly kind: 'submit'; readonly key: string; readonly deadlineMs: number }
  | { readonly kind: 'answered'; readonly attempt: number; readonly verdict: Verdict }
  /** The caller gives a transaction up. */
  | { readonly kind: 'withdraw'; readonly key: string }
  /** Who there is to send to. */
  | { readonly kind: 'members'; readonly urls: readonly string[] }
  | { readonly kind: 'tick' }

/** How a transaction ended, as far as the session goes. */
export type Ending =
  | { readonly kind: 'final'; readonly outcome: Executed | Rejected }
  /** Nothing was done. */
  | {
      readonly kind: 'overloaded' | 'withdrawn'
      readonly code: string
      readonly reason: string
      readonly retryAfterMs: number
    }
  | { readonly kind: 'unknown'; readonly code: string; readonly reason: string }

/** What the host must do, in this order. */
export type SessionEffect =
  | { readonly kind: 'send'; readonly attempt: number; readonly key: string; readonly url: string }
  /** Drop an attempt; its answer is not waited for. */
  | { readonly kind: 'cancel'; readonly attempt: number }
  /** Tell the caller; the key is forgotten. */
  | { readonly kind: 'settle'; readonly key: string; readonly ending: Ending }

interface Attempt {
  readonly number: number
  readonly key: string
  readonly member: Member
  readonly slot: Slot
}

interface Submission {
  readonly key: string
  readonly deadlineMs: number
  attempts: number
  underway: Attempt | undefined
  last: Member | undefined
  /** An attempt was lost: it may be, or become, executed. */
  isOpen: boolean
  failure: { readonly code: string; readonly reason: string } | undefined
}

/** A session's state. Not reentrant. */
export class SessionCore {
  readonly #limits: SessionLimits
  readonly #random: () => number
  readonly #submissions = new Map<string, Submission>()
  /** Waiting for the first attempt, in order. */
  readonly #fresh = new Map<string, Submission>()
  /** Waiting for another attempt, in order; they go first. */
  readonly #again = new Map<string, Submission>()
  readonly #attempts = new Map<number, Attempt>()
  readonly #alarms = new Alarms()
  #members: readonly Member[] = []
  #turn = 0
  #sent = 0
  #retries = 0
  #effects: SessionEffect[] = []

  constructor(limits: SessionLimits, random: () => number) {
    this.#limits = limits
    this.#random = random
  }

  get inFlight(): number {
    return this.#attempts.size
  }

  /** Transactions that wait: for their first attempt, or after a failed one. */
  get waiting(): number {
    return this.#submissions.size - this.#attempts.size
  }

  /** Attempts beyond each transaction's first, so far. */
  get retries(): number {
    return this.#retries
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** When to feed `tick`, if nothing else happens before. */
  wakeAt(): number | undefined {
    const rests = this.#fresh.size + this.#again.size === 0 ? [] : this.#members.map((member) => member.restUntilMs)
    const resting = rests.filter((atMs) => atMs > this.#nowMs)
    const times = [this.#alarms.nextMs ?? Infinity, ...resting]
    const first = times.reduce((a, b) => Math.min(a, b))
    return first === Infinity ? undefined : first
  }

  #nowMs = 0

  /** Takes one input and returns what to do, in order. */
  handle(input: SessionInput, nowMs: number): readonly SessionEffect[] {
    this.#nowMs = nowMs
    this.#effects = []
    this.#take(input)
    for (let key = this.#alarms.take(nowMs); key !== undefined; key = this.#alarms.take(nowMs)) this.#rang(key)
    this.#send()
    return this.#effects
  }

  #take(input: SessionInput): void {
    switch (input.kind) {
      case 'submit':
        return this.#submit(input.key, input.deadlineMs)
      case 'answered': {
        const attempt = this.#attempts.get(input.attempt)
        // Cancelled before its answer came.
        if (attempt !== undefined) this.#answered(attempt, input.verdict)
        return
      }
      case 'withdraw': {
        const submission = this.#submissions.get(input.key)
        if (submission !== undefined) this.#giveUp(submission, 'WITHDRAWN', 'given up by its caller')
        return
      }
      case 'members':
        this.#setMembers(input.urls)
        return
      case 'tick':
        return
    }
  }

  #submit(key: string, deadlineMs: number): void {
    if (this.#fresh.size >= this.#limits.waitingMax) {
      const reason = `${this.#fresh.size} transactions wait in this session, at most ${this.#limits.waitingMax}`
      const ending: Ending = { kind: 'overloaded', code: 'OVERLOADED', reason, retryAfterMs: this.#pauseMs(1) }
      this.#effects.push({ kind: 'settle', key, ending })
      return
    }
    const submission: Submission = {
      key,
      deadlineMs,
      attempts: 0,
      underway: undefined,
      last: undefined,
      isOpen: false,
      failure: undefined,
    }
    this.#submissions.set(key, submission)
    this.#fresh.set(key, submission)
    this.#alarms.set(key, deadlineMs)
  }

  #setMembers(urls: readonly string[]): void {
    const known = new Map(this.#members.map((member) => [member.url, member]))
    const { windowStart, inFlightMax, rest } = this.#limits
    this.#members = [...new Set(urls)].map(
      (url) => known.get(url) ?? new Member(url, new Window(windowStart, inFlightMax), rest, this.#random),
    )
  }

  #answered(attempt: Attempt, verdict: Verdict): void {
    const submission = this.#submissions.get(attempt.key)
    this.#free(attempt, verdict)
    if (submission === undefined) return
    submission.underway = undefined
    if (verdict.kind === 'final') {
      if (verdict.isPlaced || !submission.isOpen) {
        this.#settle(submission, { kind: 'final', outcome: verdict.outcome })
        return
      }
      const { outcome } = verdict
      if (outcome.kind === 'rejected') submission.failure = { code: outcome.code, reason: outcome.reason }
    } else {
      submission.failure = { code: verdict.code, reason: verdict.reason }
      submission.isOpen ||= verdict.kind === 'silent'
    }
    if (submission.attempts >= this.#limits.attemptsMax) {
      this.#giveUp(submission, 'ATTEMPTS', `${submission.attempts} attempts`)
      return
    }
    const atMs = this.#nowMs + this.#pauseMs(submission.attempts)
    this.#alarms.set(submission.key, Math.min(submission.deadlineMs, atMs))
  }

  /** A transaction's alarm: its deadline, the end of an attempt, or the end of a pause. */
  #rang(key: string): void {
    const submission = this.#submissions.get(key)
    if (submission === undefined) return
    if (this.#nowMs >= submission.deadlineMs) {
      this.#giveUp(submission, 'DEADLINE', 'its time ran out')
      return
    }
    const { underway } = submission
    if (underway === undefined) {
      this.#again.set(key, submission)
      this.#alarms.set(key, submission.deadlineMs)
      return
    }
    this.#effects.push({ kind: 'cancel', attempt: underway.number })
    const reason = `${underway.member.url}: no answer within ${this.#limits.attemptMs} ms`
    this.#answered(underway, { kind: 'silent', code: 'TIMEOUT', reason })
  }

  #giveUp(submission: Submission, code: string, reason: string): void {
    const { underway } = submission
    if (underway !== undefined) {
      this.#effects.push({ kind: 'cancel', attempt: underway.number })
      this.#free(underway, undefined)
      submission.underway = undefined
    }
    const failure = submission.failure ?? { code, reason }
    const told = `${reason}; ${failure.code === code ? 'no answer came' : `the last attempt: ${failure.reason}`}`
    if (submission.isOpen || underway !== undefined) {
      this.#settle(submission, { kind: 'unknown', code: failure.code, reason: told })
      return
    }
    const kind = code === 'WITHDRAWN' ? 'withdrawn' : 'overloaded'
    const retryAfterMs = this.#pauseMs(Math.max(1, submission.attempts))
    this.#settle(submission, {
      kind,
      code: kind === 'withdrawn' ? code : failure.code,
      reason: submission.failure === undefined ? reason : told,
      retryAfterMs,
    })
  }

  #settle({ key }: Submission, ending: Ending): void {
    this.#submissions.delete(key)
    this.#fresh.delete(key)
    this.#again.delete(key)
    this.#alarms.clear(key)
    this.#effects.push({ kind: 'settle', key, ending })
  }

  #free({ number, member, slot }: Attempt, verdict: Verdict | undefined): void {
    this.#attempts.delete(number)
    member.free(slot, verdict, this.#nowMs)
  }

  #send(): void {
    while (this.#attempts.size < this.#limits.inFlightMax) {
      const queue = this.#again.size > 0 ? this.#again : this.#fresh
      const [submission] = queue.values()
      if (submission === undefined) return
      const member = this.#choose(submission.last)
      if (member === undefined) return
      queue.delete(submission.key)
      this.#sent += 1
      const attempt: Attempt = { number: this.#sent, key: submission.key, member, slot: member.take() }
      this.#attempts.set(attempt.number, attempt)
      submission.underway = attempt
      submission.last = member
      if (submission.attempts > 0) this.#retries += 1
      submission.attempts += 1
      this.#alarms.set(submission.key, Math.min(submission.deadlineMs, this.#nowMs + this.#limits.attemptMs))
      this.#effects.push({ kind: 'send', attempt: attempt.number, key: submission.key, url: member.url })
    }
  }

  /** The member with the fewest under way, of equal ones the next in turn; `avoid` only where nobody else has room. */
  #choose(avoid: Member | undefined): Member | undefined {
    let best: Member | undefined
    let bestAt = 0
    for (let i = 0; i < this.#members.length; i += 1) {
      const at = (this.#turn + i) % this.#members.length
      const member = this.#members[at]
      if (member === undefined || !member.hasRoom(this.#nowMs)) continue
      if (best !== undefined && member === avoid) continue
      if (best !== undefined && best !== avoid && member.inFlight >= best.inFlight) continue
      best = member
      bestAt = at
    }
    if (best !== undefined) this.#turn = (bestAt + 1) % this.#members.length
    return best
  }

  #pauseMs(attempt: number): number {
    return waitMs(this.#limits.backOff, attempt, this.#random())
  }
}
