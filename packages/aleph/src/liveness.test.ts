// Goal: K4, K5: an adversary that orders messages at will stops the order for ever where it can foresee the coin, and not for long
// where it can't. Method: the same adversary (testing/scheduler.ts) against honest cores, once with the computed coin,
// once with real threshold shares of which it holds f keys and sees all that is on the wire, and once, as a check on
// the method, with a computed coin that it doesn't look at.

import { must } from '@quorate/kernel'
import { millis, seat as toSeat } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { Aleph } from './handler.ts'
import { deterministicCoin } from './order/coin.ts'
import type { Bit } from './order/rules.ts'
import { DETERMINISTIC_PREFIX } from './order/rules.ts'
import { VIEW } from './testing/network.ts'
import { Random } from './testing/random.ts'
import type { CoinSource } from './testing/scheduler.ts'
import { Scheduler } from './testing/scheduler.ts'
import { ThresholdCoin } from './testing/threshold-coin.ts'

const computed = deterministicCoin(VIEW)
const tellNobody = (): Bit | undefined => undefined

/** Runs so many rounds; for each attack that failed, how many rounds the order stood still. */
function stallsOf(scheduler: Scheduler, rounds: number): number[] {
  const stalls: number[] = []
  let began = 0
  for (let round = 0; round < rounds; round += 1) {
    scheduler.step()
    if (scheduler.target === began) continue
    stalls.push(scheduler.target - began)
    began = scheduler.target
  }
  return stalls
}

/** All members ordered the same, as far as each got. */
function headsOf(scheduler: Scheduler): number {
  const [first, ...others] = scheduler.members.map(({ heads }) => heads)
  for (const heads of others) expect(heads).toEqual(must(first, 'a member').slice(0, heads.length))
  return must(first, 'a member').length
}

describe.each([
  { size: 4, rounds: 120 },
  { size: 7, rounds: 45 },
])('$size members', ({ size, rounds }) => {
  test('K4: who foresees the coin keeps the first round undecided for ever', () => {
    const scheduler = new Scheduler(size, { config: computed, tell: tellNobody, spied: computed }, new Random(1))
    expect(stallsOf(scheduler, 200)).toEqual([])
    for (const { core, heads } of scheduler.members) {
      expect(heads).toEqual([])
      expect(core.status).toMatchObject({ round: 199, ownRound: 199, nextHeadRound: 0 })
    }
  })

  test('K4: who does not look at it stops nothing for long', () => {
    const blind = { config: computed, tell: tellNobody, spied: (): undefined => undefined }
    const scheduler = new Scheduler(size, blind, new Random(2))
    expect(stallsOf(scheduler, 150).length).toBeGreaterThan(5)
    expect(headsOf(scheduler)).toBeGreaterThan(100)
  })

  test('K5: with threshold coins each attack fails a few rounds after the prefix', () => {
    const coin = new ThresholdCoin(size, new Random(size))
    const scheduler = new Scheduler(size, coin, new Random(3))
    const stalls = stallsOf(scheduler, rounds)
    expect(stalls.length).toBeGreaterThan(1)
    // It does hold out for as long as the common votes are fixed, and so every attack costs coins.
    expect(Math.min(...stalls)).toBeGreaterThan(DETERMINISTIC_PREFIX)
    expect(Math.max(...stalls)).toBeLessThan(DETERMINISTIC_PREFIX + 20)
    expect(coin.made).toBeGreaterThanOrEqual(stalls.length)
    expect(headsOf(scheduler)).toBeGreaterThan(rounds / 2)
  })
})

describe('K2: asking', () => {
  /** A coin that never comes up. */
  function stuck(): { readonly scheduler: Scheduler; readonly asked: string[] } {
    const asked: string[] = []
    const source: CoinSource = {
      config: 'asked',
      tell: (seat, round) => {
        expect(scheduler.members[seat]!.core.status.ownRound).toBeGreaterThan(round)
        asked.push(`${seat} for ${round}`)
        return undefined
      },
      spied: () => undefined,
    }
    const scheduler: Scheduler = new Scheduler(4, source, new Random(4))
    for (let round = 0; round < 40; round += 1) scheduler.step()
    return { scheduler, asked }
  }

  test('each member once, for the first coin behind the prefix, with an own unit above it', () => {
    const { scheduler, asked } = stuck()
    const first = DETERMINISTIC_PREFIX + 1
    expect(asked.toSorted()).toEqual([0, 1, 2, 3].map((seat) => `${seat} for ${first}`))
    expect(headsOf(scheduler)).toBe(0)
  })

  test('again after a restart; the value ends the wait', () => {
    const { scheduler } = stuck()
    const now = { monotonicMs: millis(100_000), wallMs: millis(100_000) }
    const core = new Aleph({ committee: scheduler.committee, seat: toSeat(0), coin: 'asked' })
    const own = scheduler.units.findLast(({ creator }) => creator === 0)
    let effects = core.handle({ kind: 'restored', units: scheduler.units, own }, now)
    const rounds: number[] = []
    for (let turn = 0; turn < 30; turn += 1) {
      const coin = effects.find((effect) => effect.kind === 'coin')
      if (coin === undefined) break
      rounds.push(coin.round)
      effects = core.handle({ kind: 'coin', round: coin.round, value: computed(coin.round) ?? 0 }, now)
    }
    expect(rounds[0]).toBe(DETERMINISTIC_PREFIX + 1)
    expect(effects.some((effect) => effect.kind === 'ordered')).toBe(true)
    expect(core.status.nextHeadRound).toBeGreaterThan(20)
  })
})
