// A ledger, its members and the network to them, in virtual time: for tests of the session's machine. Everything that
// can go wrong between a client and a ledger goes wrong here by chance, from a seed.

import type { Verdict } from '../session/outcome.ts'
import type { SessionCore, SessionEffect, SessionInput } from '../session/core.ts'

/** How one member behaves. */
export interface MemberPlan {
  readonly url: string
  /** Time to execute, one way included. */
  readonly latencyMs: number
  /** Requests at once beyond which it answers OVERLOADED. */
  readonly capacity: number
  /** Of 1000 requests: lost before they are executed, and after. */
  readonly lostBefore: number
  readonly lostAfter: number
  /** Of 1000 requests: refused for good by something in front of the member that knows no ledger. */
  readonly refusedByStrangers: number
  /** Dead between these times; then requests are refused at once. */
  readonly deadFromMs: number
  readonly deadToMs: number
  /** Hangs between these times: it takes requests and never answers them. */
  readonly hangsFromMs: number
  readonly hangsToMs: number
}

/** A small generator of numbers below `bound`. */
export function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** Runs a session's machine against members. */
export class SimulatedLedger {
  /** Keys that changed something: executed, and not refused by the ledger. */
  readonly effects = new Set<string>()
  readonly #outcomes = new Set<string>()
  /** What was settled, by key. */
  readonly settled = new Map<string, (SessionEffect & { readonly kind: 'settle' })['ending']>()
  readonly sentTo = new Map<string, number>()
  readonly #core: SessionCore
  readonly #plans: ReadonlyMap<string, MemberPlan>
  readonly #random: (bound: number) => number
  readonly #load = new Map<string, number>()
  readonly #cancelled = new Set<number>()
  #events: Event[] = []
  #order = 0
  #alarmMs: number | undefined
  nowMs = 0
  /** Called after every input. */
  check: () => void = () => undefined

  constructor(core: SessionCore, plans: readonly MemberPlan[], seed: number) {
    this.#core = core
    this.#plans = new Map(plans.map((plan) => [plan.url, plan]))
    this.#random = seeded(seed)
    this.feed({ kind: 'members', urls: plans.map((plan) => plan.url) })
  }

  at(atMs: number, run: () => void): void {
    this.#order += 1
    this.#events.push({ atMs, order: this.#order, run })
  }

  feed(input: SessionInput): void {
    for (const effect of this.#core.handle(input, this.nowMs)) this.#carryOut(effect)
    this.check()
    const wakeMs = this.#core.wakeAt()
    if (wakeMs === undefined || wakeMs === this.#alarmMs) return
    this.#alarmMs = wakeMs
    this.at(wakeMs, () => {
      if (this.#alarmMs === wakeMs) this.#alarmMs = undefined
      this.feed({ kind: 'tick' })
    })
  }

  /** Runs until nothing is to come, at most `events` events. */
  run(events = 200_000): boolean {
    for (let i = 0; i < events; i += 1) {
      let best = -1
      for (const [at, event] of this.#events.entries()) {
        const first = this.#events[best]
        if (first === undefined || event.atMs < first.atMs || (event.atMs === first.atMs && event.order < first.order))
          best = at
      }
      const [event] = best < 0 ? [] : this.#events.splice(best, 1)
      if (event === undefined) return true
      this.nowMs = Math.max(this.nowMs, event.atMs)
      event.run()
    }
    return false
  }

  #carryOut(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#receive(effect.attempt, effect.key, effect.url)
      case 'cancel':
        this.#cancelled.add(effect.attempt)
        return
      case 'settle':
        if (this.settled.has(effect.key)) throw new Error(`${effect.key} settled twice`)
        this.settled.set(effect.key, effect.ending)
        return
    }
  }

  #answer(attempt: number, afterMs: number, verdict: Verdict): void {
    this.at(this.nowMs + afterMs, () => {
      if (!this.#cancelled.has(attempt)) this.feed({ kind: 'answered', attempt, verdict })
    })
  }

  #receive(attempt: number, key: string, url: string): void {
    const plan = this.#plans.get(url)
    if (plan === undefined) throw new Error(`sent to ${url}, which is no member`)
    this.sentTo.set(url, (this.sentTo.get(url) ?? 0) + 1)
    const now = this.nowMs
    const lag = plan.latencyMs + this.#random(plan.latencyMs + 1)
    if (now >= plan.deadFromMs && now < plan.deadToMs) {
      const code = 'UNREACHABLE'
      return this.#answer(attempt, 1, { kind: 'refused', why: 'away', code, reason: 'dead', wishMs: 0 })
    }
    const silent: Verdict = { kind: 'silent', code: 'UNREACHABLE', reason: 'lost' }
    if (this.#random(1000) < plan.lostBefore) return this.#answer(attempt, lag, silent)
    if (this.#random(1000) < plan.refusedByStrangers) {
      const outcome = { kind: 'rejected', id: key, code: 'HTTP_413', reason: 'too large', height: undefined } as const
      return this.#answer(attempt, 1, { kind: 'final', outcome, isPlaced: false })
    }
    const load = this.#load.get(url) ?? 0
    if (load >= plan.capacity) {
      const verdict = { kind: 'refused', why: 'busy', code: 'OVERLOADED', reason: 'full', wishMs: 250 } as const
      return this.#answer(attempt, 1, verdict)
    }
    this.#load.set(url, load + 1)
    const hangs = now >= plan.hangsFromMs && now < plan.hangsToMs
    const isLost = this.#random(1000) < plan.lostAfter
    // Also what nobody waits for any more is executed.
    this.at(now + lag, () => {
      this.#load.set(url, (this.#load.get(url) ?? 0) - 1)
      const duplicate = this.#outcomes.has(key)
      this.#outcomes.add(key)
      const isBad = key.startsWith('bad')
      if (!isBad) this.effects.add(key)
      if (hangs || this.#cancelled.has(attempt)) return
      const outcome = isBad
        ? ({ kind: 'rejected', id: key, code: 'SQLITE_CONSTRAINT', reason: 'no', height: 1 } as const)
        : ({ kind: 'executed', id: key, height: 1, position: 0, duplicate, results: [] } as const)
      const verdict: Verdict = isLost ? silent : { kind: 'final', outcome, isPlaced: true }
      this.feed({ kind: 'answered', attempt, verdict })
    })
  }
}
