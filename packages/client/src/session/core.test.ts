// Goal: the invariants of the session's machine (SPEC.md). Method: random plans of members that die, hang, lose and
// refuse, in virtual time, with fixed seeds; and small scripts for the borders.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MemberPlan } from '../testing/simulated-ledger.ts'
import { seeded, SimulatedLedger } from '../testing/simulated-ledger.ts'
import type { SessionEffect, SessionLimits } from './core.ts'
import { SESSION_LIMITS, SessionCore } from './core.ts'
import type { Verdict } from './outcome.ts'

const HEALTHY: Omit<MemberPlan, 'url'> = {
  latencyMs: 10,
  capacity: 1000,
  lostBefore: 0,
  lostAfter: 0,
  refusedByStrangers: 0,
  deadFromMs: 0,
  deadToMs: 0,
  hangsFromMs: 0,
  hangsToMs: 0,
}

const planArbitrary = fc.record({
  latencyMs: fc.integer({ min: 1, max: 400 }),
  capacity: fc.integer({ min: 0, max: 30 }),
  lostBefore: fc.constantFrom(0, 0, 100, 500),
  lostAfter: fc.constantFrom(0, 0, 100, 500),
  refusedByStrangers: fc.constantFrom(0, 0, 50),
  deadFromMs: fc.integer({ min: 0, max: 3000 }),
  deadToMs: fc.integer({ min: 0, max: 6000 }),
  hangsFromMs: fc.integer({ min: 0, max: 3000 }),
  hangsToMs: fc.integer({ min: 0, max: 6000 }),
})

function random(seed: number): () => number {
  const next = seeded(seed)
  return () => next(1_000_000) / 1_000_000
}

const LIMITS: SessionLimits = { ...SESSION_LIMITS, inFlightMax: 40, windowStart: 8, waitingMax: 60, attemptMs: 1000 }

test('C1, C2, C3, C4, C5: over any members, every transaction ends once, and as what it truly became', () => {
  fc.assert(
    fc.property(
      fc.array(planArbitrary, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 150 }),
      fc.integer({ min: 100, max: 8000 }),
      fc.nat(),
      (plans, count, deadlineMs, seed) => {
        const core = new SessionCore(LIMITS, random(seed))
        const named = plans.map((plan, i) => ({ ...plan, url: `http://${i}` }))
        const ledger = new SimulatedLedger(core, named, seed)
        const shuffle = seeded(seed ^ 0x5eed)
        ledger.check = () => {
          expect(core.inFlight).toBeLessThanOrEqual(LIMITS.inFlightMax)
          expect(core.inFlight).toBe(core.members.reduce((sum, member) => sum + member.inFlight, 0))
          expect(core.waiting).toBeLessThanOrEqual(LIMITS.waitingMax + LIMITS.inFlightMax)
          for (const { limit } of core.members) {
            expect(limit).toBeGreaterThanOrEqual(1)
            expect(limit).toBeLessThanOrEqual(LIMITS.inFlightMax)
          }
        }
        const keys = Array.from({ length: count }, (_, i) => `${shuffle(8) === 0 ? 'bad' : 'good'}-${i}`)
        for (const key of keys) {
          const atMs = shuffle(2000)
          ledger.at(atMs, () => ledger.feed({ kind: 'submit', key, deadlineMs: ledger.nowMs + deadlineMs }))
          if (shuffle(10) === 0) ledger.at(atMs + shuffle(500), () => ledger.feed({ kind: 'withdraw', key }))
        }
        expect(ledger.run()).toBe(true)
        expect([...ledger.settled.keys()].sort()).toEqual([...keys].sort())
        expect([core.inFlight, core.waiting, core.wakeAt()]).toEqual([0, 0, undefined])
        for (const [key, ending] of ledger.settled) {
          if (ending.kind === 'unknown') continue
          const isExecuted = ending.kind === 'final' && ending.outcome.kind === 'executed'
          expect([key, ending.kind, ledger.effects.has(key)]).toEqual([key, ending.kind, isExecuted])
        }
      },
    ),
    { seed: 20_261_121, numRuns: 150 },
  )
})

test('C6: with members that recover and time enough, every transaction has its outcome', () => {
  fc.assert(
    fc.property(fc.array(planArbitrary, { minLength: 2, maxLength: 5 }), fc.nat(), (plans, seed) => {
      const core = new SessionCore(LIMITS, random(seed))
      const named = plans.map((plan, i) => ({ ...plan, capacity: plan.capacity + 1, url: `http://${i}` }))
      const ledger = new SimulatedLedger(core, named, seed)
      for (let i = 0; i < 60; i += 1) ledger.feed({ kind: 'submit', key: `good-${i}`, deadlineMs: 3_600_000 })
      expect(ledger.run()).toBe(true)
      expect(ledger.settled.size).toBe(60)
      for (const ending of ledger.settled.values()) {
        // A stranger's refusal before anything was lost is believed: nothing tells it from a true one.
        if (ending.kind === 'final' && ending.outcome.kind === 'rejected') expect(ending.outcome.code).toBe('HTTP_413')
        else expect(ending).toMatchObject({ kind: 'final', outcome: { kind: 'executed' } })
      }
    }),
    { seed: 7, numRuns: 60 },
  )
})

test('C7: equal members get equal shares, and one that is dead or hangs gets next to nothing', () => {
  const core = new SessionCore(LIMITS, random(1))
  const plans = ['a', 'b', 'c', 'dead', 'hung'].map((url) => ({
    ...HEALTHY,
    url,
    deadToMs: url === 'dead' ? 1e9 : 0,
    hangsToMs: url === 'hung' ? 1e9 : 0,
  }))
  const ledger = new SimulatedLedger(core, plans, 1)
  for (let i = 0; i < 3000; i += 1) {
    ledger.at(i * 3, () => ledger.feed({ kind: 'submit', key: `good-${i}`, deadlineMs: ledger.nowMs + 60_000 }))
  }
  expect(ledger.run()).toBe(true)
  for (const ending of ledger.settled.values()) expect(ending).toMatchObject({ kind: 'final' })
  for (const url of ['a', 'b', 'c']) {
    expect(ledger.sentTo.get(url)).toBeGreaterThan(850)
    expect(ledger.sentTo.get(url)).toBeLessThan(1150)
  }
  expect(ledger.sentTo.get('dead')).toBeLessThan(30)
  expect(ledger.sentTo.get('hung')).toBeLessThan(60)
})

function machine(
  limits: Partial<SessionLimits> = {},
  urls: readonly string[] = ['a', 'b'],
): {
  readonly core: SessionCore
  readonly feed: (input: Parameters<SessionCore['handle']>[0], nowMs: number) => readonly SessionEffect[]
} {
  const core = new SessionCore({ ...SESSION_LIMITS, ...limits }, () => 0.5)
  core.handle({ kind: 'members', urls }, 0)
  return { core, feed: (input, nowMs) => core.handle(input, nowMs) }
}

const LOST: Verdict = { kind: 'silent', code: 'UNREACHABLE', reason: 'lost' }
const FULL: Verdict = { kind: 'refused', why: 'busy', code: 'OVERLOADED', reason: 'full', wishMs: 2000 }

test('C8: a second attempt goes to another member, after a pause, and retry-after is honoured', () => {
  const { core, feed } = machine()
  expect(feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)).toEqual([
    { kind: 'send', attempt: 1, key: 'x', url: 'a' },
  ])
  expect(feed({ kind: 'answered', attempt: 1, verdict: FULL }, 10)).toEqual([])
  const pauseEnds = core.wakeAt() ?? 0
  expect(pauseEnds).toBeGreaterThan(10)
  expect(feed({ kind: 'tick' }, pauseEnds)).toEqual([{ kind: 'send', attempt: 2, key: 'x', url: 'b' }])
  feed({ kind: 'answered', attempt: 2, verdict: FULL }, pauseEnds + 10)
  // Both asked for two seconds.
  for (let at = core.wakeAt(); at !== undefined && at < 2010; at = core.wakeAt()) {
    expect(feed({ kind: 'tick' }, at)).toEqual([])
  }
  const at = core.wakeAt() ?? 0
  expect(at).toBeGreaterThanOrEqual(2010)
  expect(feed({ kind: 'tick' }, at)).toEqual([{ kind: 'send', attempt: 3, key: 'x', url: 'a' }])
})

test("C8: another attempt goes to another member also where it is the same one's turn", () => {
  const { core, feed } = machine()
  const done = (id: string): Verdict => {
    const outcome = { kind: 'executed', id, height: 1, position: 0, duplicate: false, results: [] } as const
    return { kind: 'final', outcome, isPlaced: true }
  }
  const stranger = { kind: 'rejected', id: 'x', code: 'HTTP_413', reason: 'no', height: undefined } as const
  feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)
  feed({ kind: 'answered', attempt: 1, verdict: LOST }, 10)
  expect(feed({ kind: 'tick' }, core.wakeAt() ?? 0)).toMatchObject([{ kind: 'send', key: 'x', url: 'b' }])
  feed({ kind: 'answered', attempt: 2, verdict: { kind: 'final', outcome: stranger, isPlaced: false } }, 500)
  expect(feed({ kind: 'submit', key: 'y', deadlineMs: 60_000 }, 501)).toMatchObject([{ kind: 'send', url: 'a' }])
  feed({ kind: 'answered', attempt: 3, verdict: done('y') }, 502)
  expect(feed({ kind: 'tick' }, core.wakeAt() ?? 0)).toMatchObject([{ kind: 'send', key: 'x', url: 'a' }])
})

test('C9: beyond the queue the answer is OVERLOADED at once; a place that is free is taken', () => {
  const { feed } = machine({ inFlightMax: 1, waitingMax: 1 })
  expect(feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)).toHaveLength(1)
  expect(feed({ kind: 'submit', key: 'y', deadlineMs: 60_000 }, 0)).toEqual([])
  expect(feed({ kind: 'submit', key: 'z', deadlineMs: 60_000 }, 0)).toMatchObject([
    { kind: 'settle', key: 'z', ending: { kind: 'overloaded', code: 'OVERLOADED' } },
  ])
  expect(feed({ kind: 'withdraw', key: 'y' }, 0)).toMatchObject([{ kind: 'settle', ending: { kind: 'withdrawn' } }])
  expect(feed({ kind: 'submit', key: 'z', deadlineMs: 60_000 }, 0)).toEqual([])
})

test('C3: once an attempt was lost, a refusal without a place in the ledger settles nothing', () => {
  const { core, feed } = machine()
  feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)
  feed({ kind: 'answered', attempt: 1, verdict: LOST }, 10)
  feed({ kind: 'tick' }, core.wakeAt() ?? 0)
  const outcome = { kind: 'rejected', id: 'x', code: 'TOO_LARGE', reason: 'no', height: undefined } as const
  expect(feed({ kind: 'answered', attempt: 2, verdict: { kind: 'final', outcome, isPlaced: false } }, 500)).toEqual([])
  expect(feed({ kind: 'tick' }, 60_000)).toMatchObject([
    { kind: 'settle', ending: { kind: 'unknown', code: 'TOO_LARGE' } },
  ])
})

test('attempts have a bound; a deadline in the past ends at once; without members it ends in time', () => {
  const { feed } = machine({ attemptsMax: 1 })
  feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)
  expect(feed({ kind: 'answered', attempt: 1, verdict: FULL }, 5)).toMatchObject([
    { kind: 'settle', ending: { kind: 'overloaded', code: 'OVERLOADED' } },
  ])
  expect(feed({ kind: 'submit', key: 'late', deadlineMs: 5 }, 6)).toMatchObject([
    { kind: 'settle', ending: { kind: 'overloaded', code: 'DEADLINE' } },
  ])
  const alone = machine({}, [])
  expect(alone.feed({ kind: 'submit', key: 'x', deadlineMs: 100 }, 0)).toEqual([])
  expect(alone.core.wakeAt()).toBe(100)
  expect(alone.feed({ kind: 'tick' }, 100)).toMatchObject([
    { kind: 'settle', ending: { kind: 'overloaded', code: 'DEADLINE' } },
  ])
})

test('a member that went is sent nothing more, and one that came is', () => {
  const { feed } = machine({ windowStart: 1 }, ['a'])
  feed({ kind: 'submit', key: 'x', deadlineMs: 60_000 }, 0)
  feed({ kind: 'submit', key: 'y', deadlineMs: 60_000 }, 0)
  expect(feed({ kind: 'members', urls: ['b', 'b'] }, 0)).toEqual([{ kind: 'send', attempt: 2, key: 'y', url: 'b' }])
  const outcome = { kind: 'executed', id: 'x', height: 1, position: 0, duplicate: false, results: [] } as const
  expect(feed({ kind: 'answered', attempt: 1, verdict: { kind: 'final', outcome, isPlaced: true } }, 9)).toHaveLength(1)
})
