// Goal: a reception ends whenever one honest member that has the pages can be reached, whatever all others do; it asks for
// what is missing and nothing else, burdens nobody beyond its share, names those who lied, and goes on after a restart. Method:
// simulated time and members of every kind, honest and not, at random; the database is a list of numbers, proofs are comparisons.

import type { MemberId, Millis, StateAsk } from '@quorate/types'
import { height, STATE_LIMITS } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BootstrapEffect, Verdict } from './bootstrap.ts'
import { Bootstrap, BOOTSTRAP_LIMITS } from './bootstrap.ts'

/** How a member answers. All but `honest` and `slow` never give a right answer. */
type Kind = 'honest' | 'slow' | 'wrong' | 'silent' | 'gone' | 'busy' | 'down' | 'late-wrong' | 'range'

const LIARS = ['wrong', 'silent', 'gone', 'busy', 'down', 'late-wrong', 'range'] as const
/** After so long the host gives up a question by itself. */
const SESSION_MS = 60_000

interface Event {
  readonly atMs: number
  readonly id: number
  readonly to: MemberId
  readonly ask: StateAsk
  /** The reception that asked: an earlier process hears nothing. */
  readonly life: number
  readonly answer: 'right' | Verdict
}

class World {
  readonly target: readonly number[]
  readonly here: (number | undefined)[]
  readonly kinds: ReadonlyMap<MemberId, Kind>
  readonly fetched: number[] = []
  readonly faults: { member: MemberId; fault: string }[] = []
  readonly out = new Map<MemberId, number>()
  asks = 0
  stale = 0
  whole = 0
  nowMs = 0
  life = 0
  core: Bootstrap
  #events: Event[] = []
  #random: number

  constructor(target: readonly number[], here: readonly (number | undefined)[], kinds: readonly Kind[], seed: number) {
    this.target = target
    this.here = target.map((_, i) => here[i])
    this.kinds = new Map(kinds.map((kind, i) => [`member ${i} ${kind}` as MemberId, kind]))
    this.#random = seed
    this.core = this.#start()
  }

  #start(): Bootstrap {
    return new Bootstrap({
      target: { height: height(9), pageCount: this.target.length },
      isBlank: this.here.every((value) => value === undefined),
      faultyMax: Math.floor((this.kinds.size - 1) / 3),
      limits: BOOTSTRAP_LIMITS,
    })
  }

  below(bound: number): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647
    return this.#random % bound
  }

  /** Kill -9: questions out are lost, what arrived is here. */
  restart(): void {
    this.life += 1
    this.#events = []
    this.out.clear()
    this.core = this.#start()
    this.#carry(this.core.handle({ kind: 'peers', peers: [...this.kinds.keys()] }, this.nowMs as Millis))
  }

  /** Runs until everything is here, for `untilMs` at most, or `steps` steps. */
  run(untilMs: number, steps: number = Infinity): void {
    this.#carry(this.core.handle({ kind: 'peers', peers: [...this.kinds.keys()] }, this.nowMs as Millis))
    for (let step = 0; this.whole === 0 && this.nowMs < untilMs && step < steps; step += 1) {
      const event = this.#events.reduce<Event | undefined>(
        (first, each) => (first === undefined || each.atMs < first.atMs ? each : first),
        undefined,
      )
      const wakeAt = this.core.wakeAt()
      if (event === undefined && wakeAt === undefined) throw new Error('nothing will ever happen')
      if (event === undefined || (wakeAt !== undefined && wakeAt < event.atMs)) {
        // A core that wakes for nothing would never let time pass.
        expect(wakeAt).toBeGreaterThanOrEqual(this.nowMs)
        this.nowMs = Math.max(this.nowMs, wakeAt ?? 0)
        this.#carry(this.core.handle({ kind: 'time' }, this.nowMs as Millis))
        continue
      }
      this.nowMs = Math.max(this.nowMs, event.atMs)
      this.#events.splice(this.#events.indexOf(event), 1)
      this.out.set(event.to, (this.out.get(event.to) ?? 0) - 1)
      const verdict = event.answer === 'right' ? this.#take(event.ask) : event.answer
      this.#carry(this.core.handle({ kind: 'answer', id: event.id, verdict }, this.nowMs as Millis))
    }
  }

  #carry(effects: readonly BootstrapEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'whole') this.whole += 1
      if (effect.kind === 'stale') this.stale += 1
      if (effect.kind === 'fault') this.faults.push(effect)
      if (effect.kind !== 'ask') continue
      this.asks += 1
      const { id, to, ask } = effect
      const out = (this.out.get(to) ?? 0) + 1
      this.out.set(to, out)
      expect(out).toBeLessThanOrEqual(BOOTSTRAP_LIMITS.asksPerMemberMax)
      this.#check(ask)
      const [afterMs, answer] = this.#answerOf(this.kinds.get(to)!)
      this.#events.push({ atMs: this.nowMs + afterMs, id, to, ask, life: this.life, answer })
    }
    const late = [...this.out.values()].reduce((sum, each) => sum + each, 0)
    expect(late).toBeLessThanOrEqual(BOOTSTRAP_LIMITS.asksPerMemberMax * this.kinds.size)
  }

  /** A question is one that peers take. */
  #check(ask: StateAsk): void {
    const runs = ask.kind === 'pages' ? ask.runs : [ask.run]
    let free = 0
    let places = 0
    for (const { from, count } of runs) {
      expect(from).toBeGreaterThanOrEqual(free)
      free = from + count + 1
      places += count
    }
    expect(places).toBeGreaterThan(0)
    expect(places).toBeLessThanOrEqual(ask.kind === 'pages' ? STATE_LIMITS.pagesMax : STATE_LIMITS.hashesMax)
  }

  #answerOf(kind: Kind): readonly [number, 'right' | Verdict] {
    switch (kind) {
      case 'honest':
        return [1 + this.below(200), 'right']
      case 'slow':
        return [1000 + this.below(20_000), 'right']
      case 'wrong':
        return [this.below(300), { kind: 'wrong' }]
      case 'late-wrong':
        return [4_000 + this.below(4_000), { kind: 'wrong' }]
      case 'range':
        return [5, { kind: 'refused', code: 'RANGE', retryAfterMs: 0 }]
      case 'silent':
        return [SESSION_MS, { kind: 'failed' }]
      case 'down':
        return [3, { kind: 'failed' }]
      case 'gone':
        return [5, { kind: 'refused', code: 'GONE', retryAfterMs: 0 }]
      case 'busy':
        return [5, { kind: 'refused', code: 'BUSY', retryAfterMs: this.below(2) * 1e9 }]
    }
  }

  /** What a sink makes of a right answer. */
  #take(ask: StateAsk): Verdict {
    if (ask.kind === 'pages') {
      for (const { from, count } of ask.runs) {
        for (let number = from; number < from + count; number += 1) {
          expect(number).toBeLessThanOrEqual(this.target.length)
          if (this.here[number - 1] === this.target[number - 1]) continue
          this.fetched.push(number)
          this.here[number - 1] = this.target[number - 1]
        }
      }
      return { kind: 'pages' }
    }
    const { level, run } = ask
    const differing: number[] = []
    const blank: number[] = []
    for (let index = run.from; index < run.from + run.count; index += 1) {
      const span = [index * 2 ** level, Math.min((index + 1) * 2 ** level, this.target.length)] as const
      expect(span[0]).toBeLessThan(this.target.length)
      const own = this.here.slice(...span)
      if (own.every((value, i) => value === this.target[span[0] + i])) continue
      differing.push(index)
      if (own.every((value) => value === undefined)) blank.push(index)
    }
    return { kind: 'hashes', differing, blank }
  }
}

/** A database, and what is here of it: nothing, or much the same. */
const databases = fc
  .record({
    pageCount: fc.integer({ min: 1, max: 3000 }),
    past: fc.constantFrom('blank', 'same', 'changed', 'shorter' as const),
    changes: fc.array(fc.nat(), { maxLength: 30 }),
  })
  .map(({ pageCount, past, changes }) => {
    const target = Array.from({ length: pageCount }, (_, i) => i)
    const here: (number | undefined)[] =
      past === 'blank' ? [] : target.slice(0, past === 'shorter' ? changes.length * 50 : undefined)
    if (past !== 'blank' && past !== 'same')
      for (const at of changes) if (at % pageCount < here.length) here[at % pageCount] = -1
    return { target, here }
  })

const members = fc.record({
  honest: fc.constantFrom('honest' as const, 'slow' as const),
  others: fc.array(fc.constantFrom<Kind>('honest', 'slow', ...LIARS), { maxLength: 8 }),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 2 }),
})

const differing = (world: World): number[] =>
  world.target.flatMap((value, i) => (world.here[i] === value ? [] : [i + 1]))

describe('a reception', () => {
  test('B1 B2 B3: ends with one honest member, whatever the others do, and fetches what differs and nothing else', () => {
    fc.assert(
      fc.property(databases, members, ({ target, here }, { honest, others, seed }) => {
        const world = new World(target, here, [honest, ...others], seed)
        const wanted = differing(world)
        // 30 questions at most, by a member that takes 20 s for each, and every liar barred again and again.
        world.run(3_600_000)
        expect(world.whole).toBe(1)
        expect(world.here).toEqual(target)
        expect(world.fetched.toSorted((a, b) => a - b)).toEqual(wanted)
        const { pagesDone, pagesFetched, etaMs } = world.core.progress()
        expect([pagesDone, etaMs]).toEqual([target.length, 0])
        expect(pagesFetched).toBe(wanted.length)
        expect(world.core.wakeAt()).toBeUndefined()
        // Whoever answers wrongly is named, once; nobody else is called a liar.
        const named = world.faults.filter(({ fault }) => fault === 'wrong').map(({ member }) => world.kinds.get(member))
        for (const kind of named) expect(['wrong', 'late-wrong', 'range']).toContain(kind)
        expect(new Set(world.faults.map(({ member, fault }) => `${member} ${fault}`)).size).toBe(world.faults.length)
      }),
      { seed: 21, numRuns: 150 },
    )
  })

  test('B4: stopped and begun anew, it fetches only what had not arrived', () => {
    fc.assert(
      fc.property(
        databases,
        members,
        fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 4 }),
        ({ target, here }, { honest, others, seed }, stops) => {
          const world = new World(target, here, [honest, ...others], seed)
          const wanted = differing(world)
          for (const steps of stops) {
            world.run(3_600_000, steps)
            if (world.whole === 0) world.restart()
          }
          world.run(7_200_000)
          expect(world.whole).toBe(1)
          expect(world.here).toEqual(target)
          expect(world.fetched.toSorted((a, b) => a - b)).toEqual(wanted)
        },
      ),
      { seed: 22, numRuns: 100 },
    )
  })

  test('B2: liars cost time, and not much: they are asked ever less often', () => {
    const target = Array.from({ length: 40_000 }, (_, i) => i)
    const alone = new World(target, [], ['honest'], 7)
    alone.run(3_600_000)
    const crowded = new World(target, [], ['honest', ...LIARS, ...LIARS], 7)
    crowded.run(3_600_000)
    expect([alone.whole, crowded.whole]).toEqual([1, 1])
    const pieces = Math.ceil(target.length / STATE_LIMITS.pagesMax)
    expect(alone.asks).toBe(pieces)
    // A few questions to each of the 14, against 313 to the honest one.
    expect(crowded.asks - pieces).toBeLessThan(14 * 8)
    expect(crowded.nowMs).toBeLessThan(alone.nowMs + 60_000)
  })

  test('B3: honest members share the work', () => {
    const world = new World(
      Array.from({ length: 20_000 }, (_, i) => i),
      [],
      ['honest', 'honest', 'honest', 'honest'],
      3,
    )
    world.run(3_600_000)
    const answers = world.core.progress().members.map((member) => member.answers)
    expect(answers.reduce((sum, each) => sum + each, 0)).toBe(Math.ceil(20_000 / STATE_LIMITS.pagesMax))
    expect(Math.max(...answers)).toBeLessThanOrEqual(2 * Math.min(...answers))
  })

  test('B5: that nobody has the target any more is told once more members say so than may lie', () => {
    const world = new World([1, 2, 3], [], ['gone', 'honest', 'honest', 'silent'], 3)
    world.run(3_600_000)
    expect([world.whole, world.stale]).toEqual([1, 0])
    const old = new World([1, 2, 3], [], ['gone', 'gone', 'silent', 'silent'], 3)
    old.run(200_000)
    expect([old.whole, old.stale]).toEqual([0, 1])
    expect(old.core.progress().members.filter(({ isGone }) => isGone).length).toBe(2)
  })
})

describe('questions', () => {
  const at = (ms: number): Millis => ms as Millis
  const MEMBERS = ['a', 'b'] as readonly string[] as readonly MemberId[]
  const core = (pageCount: number, isBlank: boolean): Bootstrap =>
    new Bootstrap({ target: { height: height(9), pageCount }, isBlank, faultyMax: 0, limits: BOOTSTRAP_LIMITS })
  const asked = (effects: readonly BootstrapEffect[]): StateAsk[] =>
    effects.flatMap((effect) => (effect.kind === 'ask' ? [effect.ask] : []))

  test('an empty database is whole at once; without peers nothing is asked and nothing waited for', () => {
    expect(core(0, true).handle({ kind: 'time' }, at(0))).toEqual([{ kind: 'whole' }])
    const lonely = core(10, true)
    expect(lonely.handle({ kind: 'time' }, at(0))).toEqual([])
    expect(lonely.wakeAt()).toBeUndefined()
    expect(asked(lonely.handle({ kind: 'peers', peers: MEMBERS }, at(1)))).toEqual([
      { kind: 'pages', height: 9, runs: [{ from: 1, count: 10 }] },
    ])
  })

  test('nodes first, then the leaves of those that differ, then runs of pages, as many as fit', () => {
    const each = core(5 * 128 + 40, false)
    expect(asked(each.handle({ kind: 'peers', peers: MEMBERS.slice(0, 1) }, at(0)))).toEqual([
      { kind: 'hashes', height: 9, level: 7, run: { from: 0, count: 6 } },
    ])
    const leaves = each.handle(
      { kind: 'answer', id: 1, verdict: { kind: 'hashes', differing: [1, 2, 5], blank: [5] } },
      at(1),
    )
    expect(asked(leaves)).toEqual([
      { kind: 'hashes', height: 9, level: 0, run: { from: 128, count: 256 } },
      { kind: 'pages', height: 9, runs: [{ from: 641, count: 40 }] },
    ])
    expect(each.progress()).toMatchObject({ pagesDone: 3 * 128, pagesTotal: 680 })
    // The last page of one piece and the first of the next are neighbours.
    const pages = each.handle(
      { kind: 'answer', id: 2, verdict: { kind: 'hashes', differing: [130, 254, 255, 256, 300], blank: [] } },
      at(2),
    )
    expect(asked(pages)).toEqual([
      {
        kind: 'pages',
        height: 9,
        runs: [
          { from: 131, count: 1 },
          { from: 255, count: 3 },
          { from: 301, count: 1 },
        ],
      },
    ])
    each.handle({ kind: 'answer', id: 4, verdict: { kind: 'pages' } }, at(3))
    expect(each.handle({ kind: 'answer', id: 3, verdict: { kind: 'pages' } }, at(4))).toEqual([{ kind: 'whole' }])
    expect(each.progress()).toMatchObject({ pagesFetched: 45, pagesDone: 680 })
  })

  test('what is late is asked of another, and counts if it comes after all', () => {
    const each = core(10, true)
    const [first] = each.handle({ kind: 'peers', peers: MEMBERS }, at(0))
    expect(first).toMatchObject({ kind: 'ask', to: 'a' })
    expect(each.wakeAt()).toBe(BOOTSTRAP_LIMITS.answerMs)
    expect(each.handle({ kind: 'time' }, at(BOOTSTRAP_LIMITS.answerMs))).toMatchObject([
      { kind: 'fault', member: 'a', fault: 'withheld' },
      { kind: 'ask', to: 'b', id: 2 },
    ])
    expect(each.handle({ kind: 'answer', id: 1, verdict: { kind: 'pages' } }, at(6000))).toEqual([{ kind: 'whole' }])
    expect(each.handle({ kind: 'answer', id: 2, verdict: { kind: 'pages' } }, at(6001))).toEqual([])
    expect(each.progress().pagesFetched).toBe(10)
  })

  test('rate and remaining time are those of the last seconds', () => {
    const each = core(128 * 100, true)
    each.handle({ kind: 'peers', peers: MEMBERS.slice(0, 1) }, at(0))
    expect(each.progress()).toMatchObject({ pagesPerSecond: 0, etaMs: undefined })
    for (let id = 1; id <= 50; id += 1) each.handle({ kind: 'answer', id, verdict: { kind: 'pages' } }, at(id * 500))
    expect(each.progress()).toMatchObject({ pagesDone: 6400, pagesPerSecond: 256, etaMs: 25_000 })
  })
})
