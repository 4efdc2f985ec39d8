// Goal: the coin of every view is dealt to its committee through the order of the view before (I21 to I23): whatever storms, restarts and
// liars do, all agree on it; nobody waits for it for ever; and it works in the view that follows. Method: whole clusters on virtual time,
// with coins of hashes mostly, and with those of a replica where it is about them.

import { must } from '@quorate/kernel'
import type {
  Body,
  ConsensusKey,
  Deal,
  Item,
  MemberId,
  Message,
  Reconfigure,
  SignedDeal,
  SignedJoin,
  ViewId,
} from '@quorate/types'
import { Committee, decodeBody, encodeItem, encodePayload, hashOf, millis, round, seat as seatOf } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import type { CoinScheme } from './coin-scheme.ts'
import { Dealing } from './dealing.ts'
import { Gathering } from './gathering.ts'
import { RISTRETTO_COINS } from './ristretto-coins.ts'
import { Rotation } from './rotation.ts'
import { FAIR, TestCluster } from './testing/cluster.ts'
import { SimulatedCoins } from './testing/simulated-coins.ts'

const STORM = { delayMs: [1, 120] as const, loss: 0.15, duplicate: 0.1 }

/** The reconfigure blocks that a member has certified, by their height. */
function turns(cluster: TestCluster, index: number): readonly Reconfigure[] {
  const { disk, certified } = cluster.member(index)
  return [...disk.blocks]
    .filter(([at]) => certified.has(at))
    .sort(([a], [b]) => a - b)
    .flatMap(([, { bodyBytes }]) => {
      const body = decodeBody(bodyBytes)
      return body.ok && body.value.kind === 'reconfigure' ? [body.value] : []
    })
}

let texts = 0

/** Submits something every `everyMs` until `isDone`. */
function work(cluster: TestCluster, everyMs: number, isDone: () => boolean): void {
  for (let waitedMs = 0; !isDone(); waitedMs += everyMs) {
    expect(waitedMs).toBeLessThan(120_000)
    const up = [...cluster.members.keys()].filter((index) => cluster.member(index).isUp)
    texts += 1
    cluster.submit(must(up[texts % up.length], 'somebody is up'), `t${texts}`)
    cluster.pass(everyMs)
  }
}

function begun(size: number, rules: { readonly seats?: number }, coins = new SimulatedCoins()): TestCluster {
  const cluster = new TestCluster(size, 900 + size, { viewBlocks: 3, ...rules }, coins)
  cluster.start()
  cluster.run(60_000, () => cluster.members.every(({ core }) => core.status().certified !== undefined))
  return cluster
}

/** A dealing is going on: all have joined, and nobody's first word is in a block yet. */
function isDealing(cluster: TestCluster, index: number): boolean {
  const { blocks } = cluster.member(index).disk
  const newest = must(blocks.get(Math.max(...blocks.keys())), 'a block')
  const body = decodeBody(newest.bodyBytes)
  if (!body.ok || body.value.kind !== 'executions') return false
  return cluster.member(index).core.status().stage === 'gathering'
}

describe('the coin of a view (I21)', () => {
  test.each([
    [4, 4],
    [7, 4],
    [10, 7],
  ])('%d members, %d seats: dealt at every turn, to all who will sit', (size, seats) => {
    const cluster = begun(size, { seats })
    work(cluster, 40, () => turns(cluster, 0).length >= 3)
    cluster.pass(2000)
    for (const turn of turns(cluster, 0)) {
      expect(turn.coin).toBeDefined()
      expect(turn.joins.every((join) => join.receiver !== undefined)).toBe(true)
    }
    const { next, seats: seated } = must(turns(cluster, 0).at(-1), 'a turn')
    for (const member of cluster.members) {
      expect(member.core.status()).toMatchObject({ view: next, coin: 'dealt' })
      const key = member.core.seatIn(next)?.key
      const kept = [...member.disk.keys.values()].find((each) => each.key === key)
      expect(kept?.share !== undefined).toBe(seated.includes(member.id))
    }
    cluster.check()
  })

  test('the founders, and a committee that tolerates no fault, have one that is computed', () => {
    const cluster = begun(3, {})
    expect(cluster.member(0).core.status().coin).toBe('computed')
    work(cluster, 40, () => turns(cluster, 0).length >= 2)
    expect(turns(cluster, 0).every(({ coin }) => coin === undefined)).toBe(true)
    expect(begun(4, {}).member(0).core.status().coin).toBe('computed')
  })

  test('with the coins of a replica: a liar among the dealers changes nothing, and shares are what the key says', () => {
    const cluster = new TestCluster(4, 31, { viewBlocks: 3 }, RISTRETTO_COINS)
    cluster.member(2).dealLie = (deal) => ({ ...deal, message: deal.message.map((byte, at) => byte ^ (at % 7)) })
    cluster.start()
    cluster.run(60_000, () => cluster.members.every(({ core }) => core.status().certified !== undefined))
    work(cluster, 60, () => turns(cluster, 0).length >= 2)
    cluster.pass(2000)
    const { next, coin } = must(turns(cluster, 0).at(-1), 'a turn')
    const name = Uint8Array.of(1, 2, 3)
    const tosses = cluster.members.map((member) => {
      const seat = must(member.core.seatIn(next), 'a seat')
      const kept = [...member.disk.keys.values()].find((each) => each.key === seat.key)
      return { seat, toss: must(RISTRETTO_COINS.key(must(coin, 'a coin'), 4, 1, kept?.share), 'a key').toss(name) }
    })
    const shares = tosses.flatMap(({ seat, toss }) => {
      const share = toss.tell()
      return share === undefined ? [] : [{ seat, share }]
    })
    expect(shares.length).toBeGreaterThan(2)
    for (const { toss } of tosses) for (const { seat, share } of shares) expect(toss.hear(seat.index, share)).toBe(true)
    const values = new Set(tosses.map(({ toss }) => Buffer.from(must(toss.value, 'a value')).toString('hex')))
    expect(values.size).toBe(1)
    cluster.check()
  })
})

describe('a dealing and time (I22)', () => {
  test('more than f who deal nonsense: a quorum has waited long enough, and the view goes without', () => {
    const cluster = begun(4, {})
    const nonsense = (deal: Deal): Deal =>
      deal.message.length === 0 ? deal : { ...deal, message: Uint8Array.of(9, 9, 9) }
    for (const index of [1, 2]) cluster.member(index).dealLie = nonsense
    work(cluster, 100, () => turns(cluster, 0).length >= 2)
    cluster.pass(1000)
    expect(turns(cluster, 0).map(({ coin }) => coin)).not.toContainEqual(expect.anything())
    for (const { core } of cluster.members) expect(core.status().coin).toBe('computed')
    for (const index of [1, 2]) cluster.member(index).dealLie = undefined
    const before = turns(cluster, 0).length
    work(cluster, 100, () => turns(cluster, 0).length >= before + 2)
    expect(turns(cluster, 0).at(-1)?.coin).toBeDefined()
    cluster.check()
  })

  test('f who say at once that they have waited long enough, and words of another dealing, change nothing', () => {
    const cluster = begun(4, {})
    const old: Deal[] = []
    cluster.member(3).dealLie = (deal) => {
      old.push(deal)
      return { ...deal, message: new Uint8Array(0) }
    }
    work(cluster, 40, () => turns(cluster, 0).length >= 2)
    cluster.member(3).dealLie = (deal) => ({ ...deal, next: must(old[0], 'an old word').next })
    work(cluster, 40, () => turns(cluster, 0).length >= 4)
    expect(turns(cluster, 0).every(({ coin }) => coin !== undefined)).toBe(true)
  })

  test('who has joined and is gone does not hold it up, and takes part again when it is back', () => {
    const cluster = begun(4, {})
    work(cluster, 20, () => isDealing(cluster, 0))
    cluster.crash(1)
    const before = turns(cluster, 0).length
    work(cluster, 40, () => turns(cluster, 0).length > before)
    expect(turns(cluster, 0).at(-1)?.coin).toBeDefined()
    cluster.restart(1)
    work(cluster, 40, () => cluster.member(1).core.status().phase === 'operational')
    cluster.check()
  })
})

describe('a dealing and restarts (I23)', () => {
  test.each(Array.from({ length: 10 }, (_, seed) => seed))('seed %d: storms and crashes while it goes on', (seed) => {
    const size = 4 + 3 * (seed % 2)
    const cluster = new TestCluster(size, 7000 + seed, { seats: 4, viewBlocks: 3 })
    cluster.weather = STORM
    cluster.start()
    cluster.run(60_000, () => cluster.members.every(({ core }) => core.status().certified !== undefined))
    for (let turn = 0; turn < 2; turn += 1) {
      const victim = (seed + turn) % size
      work(cluster, 100, () => isDealing(cluster, victim))
      cluster.pass(cluster.random() * 150)
      const all = seed % 3 === 0
      for (const index of cluster.members.keys()) if (all || index === victim) cluster.crash(index)
      cluster.pass(cluster.random() * 300)
      for (const index of cluster.members.keys()) if (!cluster.member(index).isUp) cluster.restart(index)
    }
    cluster.weather = FAIR
    const before = turns(cluster, 0).length
    work(cluster, 60, () => turns(cluster, 0).length >= before + 2)
    cluster.pass(3000)
    expect(turns(cluster, 0).at(-1)?.coin).toBeDefined()
    const coins = new Set(cluster.members.map(({ core }) => `${core.status().view} ${core.status().coin}`))
    expect(coins.size).toBe(1)
    cluster.check()
    for (const member of cluster.members) expect(member.core.status().faults).toEqual([])
  })

  test('in the view that follows, who needs a coin gets it: all tell their shares', () => {
    const cluster = begun(4, {})
    work(cluster, 40, () => turns(cluster, 0).length >= 2)
    cluster.pass(1000)
    tossed(cluster, 2)
  })

  test('all who crash in a view come back with their shares, and toss its coin', () => {
    const cluster = begun(4, {})
    work(cluster, 40, () => turns(cluster, 0).length >= 2)
    cluster.pass(1000)
    for (const index of cluster.members.keys()) cluster.crash(index)
    for (const index of cluster.members.keys()) cluster.restart(index)
    expect(cluster.member(0).core.status().coin).toBe('dealt')
    cluster.pass(2000)
    tossed(cluster, 1)
  })
})

/** Sends what a member would that needs the coin of round 0, and sees that all tell their shares. */
function tossed(cluster: TestCluster, wanting: number): void {
  const { view, coin } = viewOf(cluster)
  const told = new Map<number, Extract<Message, { readonly kind: 'coin' }>[]>()
  for (const [index, member] of cluster.members.entries())
    member.lie = (effect) => {
      if (effect.message.kind === 'coin') told.set(index, [...(told.get(index) ?? []), effect.message])
      return [effect]
    }
  const member = cluster.member(wanting)
  const seat = must(member.core.seatIn(view), 'a seat')
  const kept = must(
    [...member.disk.keys.values()].find((each) => each.key === seat.key),
    'its key',
  )
  const own = must(cluster.coins.key(coin, 4, 1, kept.share), 'a key')
  const at = round(Math.max(0, member.core.status().round))
  const name = nameOf(at)
  const message = { kind: 'coin', view, round: at, share: own.toss(name).tell(), wanted: true } as const
  for (const other of cluster.members)
    if (other !== member) cluster.input(other, { kind: 'message', from: member.id, message })
  // A member tells its share when it has a unit above the round.
  work(cluster, 30, () => told.size >= 3)
  for (const messages of told.values()) {
    expect(messages.every((each) => each.view === view && each.round === at)).toBe(true)
    expect(messages.every((each) => each.share !== undefined)).toBe(true)
    // With the share that asked and their own they have the value.
    expect(messages.some((each) => !each.wanted)).toBe(true)
  }
}

function nameOf(round: number): Uint8Array {
  return Uint8Array.of(5, ...new TextEncoder().encode('round'), round & 255, (round >> 8) & 255, 0, 0)
}

function viewOf(cluster: TestCluster): { readonly view: ViewId; readonly coin: Uint8Array } {
  const { next, coin } = must(turns(cluster, 0).at(-1), 'a turn')
  return { view: next, coin: must(coin, 'a coin') }
}

/** Four seats that have joined, and what each of them says in a dealing where all is well. */
function wellDealt(): {
  readonly gathering: Gathering
  readonly words: readonly SignedDeal[]
  readonly coins: CoinScheme
} {
  const coins = new SimulatedCoins()
  const seats = [0, 1, 2, 3].map((at) => {
    const id = hashOf('join', Uint8Array.of(at)) as string
    return { id: id as MemberId, key: id as ConsensusKey }
  })
  const gathering = new Gathering(new Committee(hashOf('view', Uint8Array.of(1)) as ViewId, seats))
  for (const join of joinsOf(seats, coins)) gathering.add(join)
  expect(gathering.isComplete).toBe(true)
  const dealings = seats.map((_, at) => taking(gathering, coins, at))
  const said: SignedDeal[] = []
  for (let step = 0; step < 2; step += 1) {
    const words = dealings.flatMap((dealing, at) =>
      dealing.unsaid.map((message) => wordOf(gathering, must(seats[at], 'a seat').id, message)),
    )
    for (const word of words) for (const dealing of dealings) dealing.add(word)
    said.push(...words)
  }
  return { gathering, words: said, coins }
}

const SIGNATURE = new Uint8Array(64)

function secretOf(at: number): Uint8Array {
  return new Uint8Array(32).fill(at + 1)
}

function joinsOf(
  seats: readonly { readonly id: MemberId; readonly key: ConsensusKey }[],
  coins: CoinScheme,
): SignedJoin[] {
  const view = hashOf('view') as ViewId
  return seats.map(({ id, key }, at) => {
    return { member: id, view, key, receiver: coins.receiver(secretOf(at)), signature: SIGNATURE }
  })
}

function wordOf(gathering: Gathering, member: MemberId, message: Uint8Array): SignedDeal {
  return { member, view: hashOf('view') as ViewId, next: gathering.committee.view, message, signature: SIGNATURE }
}

function taking(gathering: Gathering, coins: CoinScheme, at: number): Dealing {
  const dealing = new Dealing(coins, gathering)
  expect(dealing.isSecretOf(seatOf(at), secretOf(at + 1))).toBe(false)
  expect(dealing.isSecretOf(seatOf(at), secretOf(at))).toBe(true)
  dealing.takePart(seatOf(at), secretOf(at))
  return dealing
}

/** A block that orders these words. */
function blockOf(items: readonly Item[]): Body {
  const payload = encodePayload(items.map(encodeItem))
  const unit = { creator: seatOf(0), round: round(0), hash: hashOf('unit'), timestampMs: millis(1), payload }
  return { kind: 'executions', heads: [{ round: round(0), slot: 0, hash: hashOf('unit'), units: [unit] }] }
}

describe('words in the order (I21 to I23)', () => {
  test('who takes part late, behind what is ordered, finds the same key and its share', () => {
    const { gathering, words, coins } = wellDealt()
    const reader = new Dealing(coins, gathering)
    for (const word of words) reader.add(word)
    const read = must(reader.outcome, 'the key')
    expect(read.coin).toBeDefined()
    expect(read.share).toBeUndefined()
    reader.takePart(seatOf(2), secretOf(2))
    expect(reader.outcome?.coin).toEqual(read.coin)
    expect(reader.outcome?.share).toBeDefined()
    expect(reader.unsaid).toEqual([])
  })

  test('words for another dealing, of strangers, repeated, or one too many are not heard', () => {
    const { gathering, words, coins } = wellDealt()
    const impatient = gathering.committee.members.map(({ id }) => wordOf(gathering, id, new Uint8Array(0)))
    const elsewhere = impatient.map((word) => ({ ...word, next: hashOf('view', Uint8Array.of(2)) as ViewId }))
    const [first, second] = impatient as [SignedDeal, SignedDeal]
    const stranger = { ...first, member: hashOf('join', Uint8Array.of(9)) as string as MemberId }
    const chatter = [1, 2, 3].map((byte) => wordOf(gathering, first.member, Uint8Array.of(0, byte)))
    const dealing = new Dealing(coins, gathering)
    for (const word of [...elsewhere, stranger, first, first, first, second, ...chatter]) dealing.add(word)
    expect(dealing.outcome).toBeUndefined()
    expect(dealing.hasHeard(first.member, Uint8Array.of(7))).toBe(true)
    expect(dealing.hasHeard(second.member, Uint8Array.of(7))).toBe(false)
    for (const word of words) dealing.add(word)
    expect(dealing.outcome?.coin).toBeDefined()
    // Impatience behind the key comes too late.
    for (const word of impatient) dealing.add(word)
    expect(dealing.outcome?.coin).toBeDefined()
  })

  test('a quorum that has waited long enough before the key is there ends it for good', () => {
    const { gathering, words, coins } = wellDealt()
    const dealing = new Dealing(coins, gathering)
    const impatient = gathering.committee.members.map(({ id }) => wordOf(gathering, id, new Uint8Array(0)))
    for (const word of [...words.slice(0, 5), ...impatient.slice(0, 3), ...words.slice(5)]) dealing.add(word)
    expect(dealing.outcome).toEqual({ coin: undefined, share: undefined })
  })

  test('what is ordered before the assemble block is executed here counts as well', () => {
    const { gathering, words, coins } = wellDealt()
    const rotation = new Rotation(1, 1, 0, coins)
    rotation.add(1, { kind: 'assemble' })
    const joins = gathering.joins.map((join): Item => ({ kind: 'join', join }))
    rotation.add(2, blockOf([...joins, ...words.map((deal): Item => ({ kind: 'deal', deal }))]))
    expect(rotation.due()).toBeUndefined()
    rotation.seated(1, gathering.committee)
    expect(rotation.due()).toMatchObject({ kind: 'reconfigure', coin: expect.any(Uint8Array) })
  })
})
