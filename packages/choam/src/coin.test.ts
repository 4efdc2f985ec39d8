// Goal: a coin comes up for all who need it, whatever gets lost, and a faulty seat costs little (I24). Method: the coins of four seats,
// with shares of hashes and with those of a replica, one step at a time.

import { must } from '@quorate/kernel'
import type { CoinMessage, ConsensusKey, MemberId, Seat, ViewId } from '@quorate/types'
import { Committee, hashOf, millis, round as roundOf, seat as seatOf } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import type { Coin, CoinTurn } from './coin.ts'
import { coinOf } from './coin.ts'
import type { CoinScheme } from './coin-scheme.ts'
import { RISTRETTO_COINS } from './ristretto-coins.ts'
import { SimulatedCoins } from './testing/simulated-coins.ts'

const SEATS = [0, 1, 2, 3].map(seatOf)
const KEPT = { floor: 10, round: 20 }
const ROUND = roundOf(12)
const NOW = millis(1000)

const committee = new Committee(
  hashOf('view') as ViewId,
  SEATS.map((index) => {
    const id = hashOf('join', Uint8Array.of(index)) as string
    return { id: id as MemberId, key: id as ConsensusKey }
  }),
)

interface Dealt {
  readonly group: Uint8Array
  readonly shares: readonly (Uint8Array | undefined)[]
}

/** A key dealt among four seats, of which `joined` published what they are dealt to. */
function dealt(scheme: CoinScheme, joined: readonly number[] = SEATS): Dealt {
  const secrets = SEATS.map((seat) => new Uint8Array(32).fill(seat + 1))
  const receivers = secrets.map((secret, seat) => (joined.includes(seat) ? scheme.receiver(secret) : undefined))
  const runs = joined.map((seat) => {
    const own = { seat, secret: must(secrets[seat], 'a secret') }
    return { seat, run: scheme.dealing({ context: new Uint8Array(32), threshold: 1, receivers, own }) }
  })
  const log: { readonly seat: number; readonly message: Uint8Array }[] = []
  const shares: (Uint8Array | undefined)[] = []
  let group: Uint8Array | undefined
  const carryOut = (seat: number, effects: ReturnType<(typeof runs)[number]['run']['start']>): void => {
    for (const effect of effects) {
      if (effect.kind === 'publish') log.push({ seat, message: effect.message })
      else {
        group ??= effect.group
        expect(effect.group).toEqual(group)
        shares[seat] = effect.share
      }
    }
  }
  for (const { seat, run } of runs) carryOut(seat, run.start())
  for (const { seat, message } of log) for (const each of runs) carryOut(each.seat, each.run.ordered(seat, message))
  return { group: must(group, 'a key is dealt'), shares }
}

function coinsOf(scheme: CoinScheme, { group, shares }: Dealt): readonly Coin[] {
  return SEATS.map((seat) => must(coinOf(scheme, committee, group, { seat, share: shares[seat] }), 'a coin'))
}

function sends(turns: readonly CoinTurn[]): readonly { readonly to: readonly Seat[]; readonly message: CoinMessage }[] {
  return turns.flatMap((turn) => (turn.kind === 'send' ? [turn] : []))
}

function fed(turns: readonly CoinTurn[]): readonly string[] {
  return turns.flatMap((turn) => (turn.kind === 'feed' ? [turn.input.kind] : []))
}

const simulated = new SimulatedCoins()

describe.each<readonly [string, CoinScheme]>([
  ['hashes', simulated],
  ['ristretto255', RISTRETTO_COINS],
])('the coins of four seats, of %s (I24)', (_, scheme) => {
  const key = dealt(scheme)

  test('two shares are the value, the same for all; who needs it and who only hears of it are told apart', () => {
    const [a, b, c] = coinsOf(scheme, key)
    const first = must(a, 'a').tell(ROUND, KEPT, NOW)
    expect(fed(first)).toEqual([])
    const [push] = sends(first)
    expect(push?.to).toEqual([1, 2, 3])
    expect(push?.message).toMatchObject({ kind: 'coin', view: committee.view, round: ROUND, wanted: true })
    const message = must(push, 'a message').message
    expect(must(b, 'b').hear(seatOf(0), message, KEPT)).toEqual([
      { kind: 'feed', input: { kind: 'coin-wanted', from: 0, round: ROUND } },
    ])
    const answer = must(b, 'b').tell(ROUND, KEPT, NOW)
    expect(fed(answer)).toEqual(['coin'])
    const said = must(sends(answer)[0], 'an answer').message
    expect(said.wanted).toBe(false)
    const values = [must(a, 'a').hear(seatOf(1), said, KEPT), answer].flatMap((turns) =>
      turns.flatMap((turn) => (turn.kind === 'feed' && turn.input.kind === 'coin' ? [turn.input.value] : [])),
    )
    expect(values).toHaveLength(2)
    expect(values[0]).toBe(values[1])
    must(c, 'c').hear(seatOf(0), message, KEPT)
    expect(fed(must(c, 'c').hear(seatOf(1), said, KEPT))).toEqual(['coin-wanted', 'coin'])
    expect(fed(must(c, 'c').tell(ROUND, KEPT, NOW))).toEqual(['coin'])
  })

  test('a wrong share ends all talk with its seat', () => {
    const [a] = coinsOf(scheme, key)
    const coin = must(a, 'a')
    const share = new Uint8Array(96).fill(7)
    const lie = { kind: 'coin', view: committee.view, round: ROUND, share, wanted: true } as const
    expect(coin.hear(seatOf(2), lie, KEPT)).toMatchObject([{ kind: 'trace', detail: { seat: 2, round: 12 } }])
    expect(coin.hear(seatOf(2), { ...lie, share: undefined }, KEPT)).toEqual([])
    expect(coin.tell(ROUND, KEPT, NOW)).not.toEqual([])
    expect(coin.hear(seatOf(2), { ...lie, share: undefined }, KEPT)).toEqual([])
  })

  test('a seat without a share asks, and is answered', () => {
    const [, b, c] = coinsOf(scheme, key)
    const bare = must(coinOf(scheme, committee, key.group, { seat: seatOf(0), share: undefined }), 'a coin')
    const ask = must(sends(bare.tell(ROUND, KEPT, NOW))[0], 'a message').message
    expect(ask).toMatchObject({ share: undefined, wanted: true })
    const answers = [b, c].map((coin) => {
      must(coin, 'it').tell(ROUND, KEPT, NOW)
      return must(sends(must(coin, 'it').hear(seatOf(0), ask, KEPT))[0], 'an answer')
    })
    expect(answers.map(({ to }) => to)).toEqual([[0], [0]])
    const heard = answers.flatMap(({ message }, at) => bare.hear(seatOf(at + 1), message, KEPT))
    expect(fed(heard)).toEqual(['coin'])
  })

  test('what is lost is said again, and no more once the value is there or the round is past', () => {
    const [a, b] = coinsOf(scheme, key)
    const coin = must(a, 'a')
    coin.tell(ROUND, KEPT, NOW)
    expect(coin.wakeAt()).toBe(1300)
    expect(coin.due(KEPT, millis(1299))).toEqual([])
    expect(sends(coin.due(KEPT, millis(1300)))[0]?.to).toEqual([1, 2, 3])
    expect(coin.wakeAt()).toBe(1600)
    expect(sends(coin.connected(seatOf(3), millis(1400)))[0]?.to).toEqual([3])
    coin.due({ floor: 13, round: 20 }, millis(1500))
    expect(coin.wakeAt()).toBeUndefined()
    coin.tell(ROUND, KEPT, NOW)
    coin.hear(seatOf(1), must(sends(must(b, 'b').tell(ROUND, KEPT, NOW))[0], 'a share').message, KEPT)
    expect(coin.wakeAt()).toBeUndefined()
    expect(sends(coin.connected(seatOf(3), NOW))[0]?.message.wanted).toBe(false)
  })
})

describe('bounds (I24)', () => {
  const key = dealt(simulated)

  test('rounds that one seat brings up are so many, and only those that are kept', () => {
    const [a] = coinsOf(simulated, key)
    const coin = must(a, 'a')
    const want = (round: number): number =>
      coin.hear(
        seatOf(1),
        { kind: 'coin', view: committee.view, round: roundOf(round), share: undefined, wanted: true },
        KEPT,
      ).length
    expect([9, 149, 2 ** 31].map(want)).toEqual([0, 0, 0])
    const answers = Array.from({ length: 40 }, (_, i) => want(10 + i))
    expect(answers.filter((count) => count > 0)).toHaveLength(16)
    // Told by us, or past: there is place again.
    coin.tell(roundOf(10), KEPT, NOW)
    expect(want(60)).toBe(1)
    expect(want(61)).toBe(0)
  })

  test('a key for other seats, another threshold, or of no sense is none, and a share that does not fit is left out', () => {
    for (const scheme of [simulated, RISTRETTO_COINS])
      expect(coinOf(scheme, committee, Uint8Array.of(1), { seat: undefined, share: undefined })).toBeUndefined()
    const real = dealt(RISTRETTO_COINS)
    expect(RISTRETTO_COINS.key(real.group, 5, 1, undefined)).toBeUndefined()
    expect(RISTRETTO_COINS.key(real.group, 4, 0, undefined)).toBeUndefined()
    const foreign = must(RISTRETTO_COINS.key(real.group, 4, 1, new Uint8Array(34)), 'a key')
    expect(foreign.toss(Uint8Array.of(1)).tell()).toBeUndefined()
    expect(coinOf(simulated, committee, undefined, { seat: undefined, share: undefined })).toBeUndefined()
  })

  test('among those who joined: a seat without a receiver key gets no share, the others toss', () => {
    const real = dealt(RISTRETTO_COINS, [0, 2, 3])
    const [a, , c] = coinsOf(RISTRETTO_COINS, real)
    const said = must(sends(must(a, 'a').tell(ROUND, KEPT, NOW))[0], 'a share').message
    must(c, 'c').hear(seatOf(0), said, KEPT)
    expect(fed(must(c, 'c').tell(ROUND, KEPT, NOW))).toEqual(['coin'])
    expect(RISTRETTO_COINS.isReceiver('f'.repeat(64) as never)).toBe(false)
  })
})
