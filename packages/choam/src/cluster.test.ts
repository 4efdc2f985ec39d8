// Goal: the core's promises, on whole committees: one chain everywhere, nothing certified lost, liars named and nobody honest
// accused, gaps repaired, reads fresh. Method: cores in one thread on virtual time, seeded; crashes keep only what the durability
// contract puts on disk; the executor chains hashes, so that any difference in order or content shows in the state root.

import type { Digest, Height, Message } from '@quorate/types'
import { decodeUnit, encodeUnsignedUnit, sealUnit, unitHash, unitSignedBytes, voteSignedBytes } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import type { Lie } from './testing/cluster.ts'
import { FAIR, TestCluster } from './testing/cluster.ts'

const STORM = { delayMs: [1, 120] as const, loss: 0.15, duplicate: 0.1 }

function founded(cluster: TestCluster, indexes: readonly number[] = [...cluster.members.keys()]): void {
  cluster.run(60_000, () => indexes.every((index) => cluster.member(index).core.status().phase === 'operational'))
}

/** Until every transaction in `texts` stands in the ledgers of `indexes`. */
function stands(cluster: TestCluster, indexes: readonly number[], texts: readonly string[]): void {
  const isThere = (index: number): boolean => {
    const ledger = new Set(cluster.ledger(index))
    return texts.every((text) => ledger.has(text))
  }
  // Looking costs more than a step of the cluster, so it looks every 50 virtual milliseconds.
  for (let waitedMs = 0; !indexes.every(isThere); waitedMs += 50) {
    expect(waitedMs).toBeLessThan(120_000)
    cluster.pass(50)
  }
}

describe('in fair weather (I1, I2)', () => {
  test.each([1, 2, 3, 4, 5, 7])('%d members found a ledger and agree on it', (size) => {
    const cluster = new TestCluster(size, size)
    cluster.start()
    founded(cluster)
    const texts = Array.from({ length: 30 }, (_, i) => `t${i}`)
    texts.forEach((text, i) => {
      cluster.submit(i % size, text)
      if (i % 7 === 0) cluster.pass(20)
    })
    const all = [...cluster.members.keys()]
    stands(cluster, all, texts)
    cluster.pass(3000)
    const [first] = cluster.members
    for (const index of all) {
      expect(cluster.ledger(index)).toEqual(cluster.ledger(0))
      expect(cluster.member(index).core.status().tip).toEqual(first?.core.status().tip)
    }
    expect([...cluster.ledger(0)].sort()).toEqual([...texts].sort())
    cluster.check()
  })
})

describe('in storms and crashes (I1, I3, I4)', () => {
  test.each(Array.from({ length: 40 }, (_, i) => i))('seed %d: one chain, nothing certified lost', (seed) => {
    const cluster = new TestCluster(4, 1000 + seed)
    cluster.weather = STORM
    cluster.start()
    founded(cluster)
    const texts: string[] = []
    let certified: string[] = []
    for (let step = 0; step < 12; step += 1) {
      const victim = Math.floor(cluster.random() * 4)
      for (let i = 0; i < 4; i += 1) {
        if (!cluster.member(i).isUp) continue
        texts.push(`s${step}-${i}`)
        cluster.submit(i, `s${step}-${i}`)
      }
      cluster.pass(cluster.random() * 400)
      if (cluster.members.every((member) => member.isUp)) cluster.crash(victim)
      else for (const [index, member] of cluster.members.entries()) if (!member.isUp) cluster.restart(index)
      const longest =
        cluster.members.map((_, index) => cluster.ledger(index)).sort((a, b) => b.length - a.length)[0] ?? []
      expect(longest.slice(0, certified.length)).toEqual(certified)
      certified = longest
    }
    for (const [index, member] of cluster.members.entries()) if (!member.isUp) cluster.restart(index)
    cluster.weather = FAIR
    cluster.submit(0, 'last')
    stands(cluster, [0, 1, 2, 3], ['last'])
    cluster.check()
    for (const member of cluster.members) expect(member.core.status().faults).toEqual([])
  })

  test('all crash at once, and what was certified anywhere is there again', () => {
    const cluster = new TestCluster(4, 5)
    cluster.start()
    founded(cluster)
    cluster.submit(1, 'kept')
    cluster.run(10_000, () => cluster.ledger(1).includes('kept'))
    for (const index of cluster.members.keys()) cluster.crash(index)
    for (const index of cluster.members.keys()) cluster.restart(index)
    cluster.submit(2, 'after')
    stands(cluster, [0, 1, 2, 3], ['kept', 'after'])
    cluster.check()
  })
})

describe('founding (I5)', () => {
  test('does not wait for a dead founder, and takes it in when it comes', () => {
    const cluster = new TestCluster(4, 6)
    cluster.start([0, 1, 2])
    founded(cluster, [0, 1, 2])
    cluster.submit(0, 'without')
    stands(cluster, [0, 1, 2], ['without'])
    cluster.start([3])
    founded(cluster, [0, 1, 2, 3])
    cluster.submit(3, 'with')
    stands(cluster, [0, 1, 2, 3], ['without', 'with'])
    cluster.check()
  })

  test('does not begin with less than a quorum', () => {
    const cluster = new TestCluster(4, 7)
    cluster.start([0, 1])
    cluster.pass(20_000)
    expect(cluster.member(0).core.status()).toMatchObject({ phase: 'founding', certified: undefined })
  })
})

describe('gaps (I6)', () => {
  test('one that was cut off for longer than the DAG remembers follows by blocks while the others go on', () => {
    const cluster = new TestCluster(4, 8)
    cluster.start()
    founded(cluster)
    const away = cluster.member(3)
    cluster.reaches = (from, to) => from !== away && to !== away
    for (let i = 0; i < 330; i += 1) {
      cluster.submit(i % 3, `gap${i}`)
      cluster.pass(30)
    }
    cluster.reaches = () => true
    cluster.submit(0, 'meanwhile')
    stands(cluster, [0, 1, 2, 3], ['gap0', 'gap329', 'meanwhile'])
    cluster.submit(3, 'mine')
    stands(cluster, [0, 1, 2, 3], ['mine'])
    cluster.check()
  })

  test('what it had accepted before it was cut off is ordered when it is back', () => {
    const cluster = new TestCluster(4, 9)
    cluster.start()
    founded(cluster)
    const away = cluster.member(2)
    cluster.reaches = (from, to) => from !== away && to !== away
    cluster.submit(2, 'accepted alone')
    for (let i = 0; i < 80; i += 1) {
      cluster.submit(i % 2, `g${i}`)
      cluster.pass(30)
    }
    cluster.reaches = () => true
    stands(cluster, [0, 1, 2, 3], ['accepted alone'])
    cluster.check()
  })
})

describe('lost disks (I15)', () => {
  test.each([
    ['empty', 0],
    ['as it was before', 0.5],
  ])('a member that comes back with its disk %s contradicts nobody, and goes on', (_how, share) => {
    for (const seed of [1, 2, 3]) {
      const cluster = new TestCluster(4, 300 + seed)
      cluster.start()
      founded(cluster)
      const texts = Array.from({ length: 60 }, (_, i) => `l${i}`)
      texts.forEach((text, i) => {
        cluster.submit(i % 4, text)
        cluster.pass(20)
      })
      cluster.pass(200)
      cluster.crash(2)
      const { disk, certified } = cluster.member(2)
      const height = Math.floor(Math.max(...disk.blocks.keys()) * share)
      const round = Math.floor(Math.max(...[...disk.units.values()].map((unit) => unit.round)) * share)
      for (const at of disk.blocks.keys()) if (share === 0 || at > height) disk.blocks.delete(at)
      for (const at of disk.votes.keys()) if (share === 0 || at > height) disk.votes.delete(at)
      for (const [hash, unit] of disk.units) if (share === 0 || unit.round > round) disk.units.delete(hash)
      for (const at of certified.keys()) if (share === 0 || at > height) certified.delete(at)
      cluster.restart(2)
      const more = Array.from({ length: 20 }, (_, i) => `m${i}`)
      more.forEach((text, i) => {
        cluster.submit(i % 4, text)
        cluster.pass(100)
      })
      stands(cluster, [0, 1, 2, 3], [...texts, ...more])
      for (const index of [0, 1, 3]) expect(cluster.member(index).core.status().faults).toEqual([])
      cluster.check()
    }
  })
})

describe('liars (I7)', () => {
  const wrongVotes: Lie = (effect, sign) => {
    const { message } = effect
    if (message.kind !== 'vote') return [effect]
    const block = ((message.vote.block.startsWith('0') ? '1' : '0') + message.vote.block.slice(1)) as Digest
    return [
      {
        ...effect,
        message: {
          kind: 'vote',
          vote: { ...message.vote, block, signature: sign(voteSignedBytes({ ...message.vote, block })) },
        },
      },
    ]
  }
  const forks: Lie = (effect, sign) => {
    const { message } = effect
    if (message.kind !== 'units' || effect.to.length < 2) return [effect]
    const twins = message.units.map((bytes) => {
      const unit = decodeUnit(bytes)
      if (!unit.ok) return bytes
      const twin = { ...unit.value, timestampMs: (unit.value.timestampMs + 1) as typeof unit.value.timestampMs }
      return sealUnit(twin, sign(unitSignedBytes(unitHash(encodeUnsignedUnit(twin))))).bytes
    })
    const other: Message = { kind: 'units', units: twins }
    return [
      { ...effect, to: effect.to.slice(0, 1) },
      { ...effect, to: effect.to.slice(1), message: other },
    ]
  }

  /** Says what other seats signed for one height as their votes for the next. */
  const replays: Lie = (effect) => {
    const { message } = effect
    if (message.kind !== 'vote') return [effect]
    const moved = (by: number): typeof effect => {
      const vote = { ...message.vote, height: (message.vote.height + by) as Height }
      return { ...effect, message: { kind: 'vote', vote } }
    }
    return [effect, moved(1), moved(2), moved(-1)]
  }

  test('a vote passed off as one for another height counts nowhere and accuses nobody', () => {
    const cluster = new TestCluster(4, 16)
    cluster.start()
    founded(cluster)
    // It's the members' own votes that are moved: whoever hears them could do the same.
    for (const member of cluster.members) member.lie = replays
    const texts = Array.from({ length: 20 }, (_, i) => `v${i}`)
    texts.forEach((text, i) => {
      cluster.submit(i % 4, text)
      cluster.pass(40)
    })
    stands(cluster, [0, 1, 2, 3], texts)
    for (const member of cluster.members) expect(member.core.status().faults).toEqual([])
    cluster.check()
  })

  test('I14: one that claims heights nobody has costs a question now and then, and keeps nobody from ordering', () => {
    const far = 1_000_000 as Height
    const tallTales: Lie = (effect) =>
      effect.message.kind === 'tip' ? [{ ...effect, message: { kind: 'tip', certified: far, voted: far } }] : [effect]
    const messages = [undefined, tallTales].map((lie) => {
      const cluster = new TestCluster(4, 21)
      let count = 0
      cluster.reaches = () => {
        count += 1
        return true
      }
      cluster.start()
      founded(cluster)
      cluster.member(3).lie = lie
      // One that has to catch up while it hears of those heights.
      cluster.crash(2)
      const texts = Array.from({ length: 100 }, (_, i) => `y${i}`)
      texts.forEach((text, i) => {
        cluster.submit(i % 2, text)
        cluster.pass(20)
      })
      cluster.restart(2)
      cluster.pass(20_000)
      cluster.submit(2, 'back')
      stands(cluster, [0, 1, 2], [...texts, 'back'])
      expect(cluster.member(2).core.status().phase).toBe('operational')
      return count
    })
    expect(messages[1]).toBeLessThan(2 * (messages[0] ?? 0))
  })

  test.each([
    ['wrong votes', wrongVotes, 'wrong-vote'],
    ['forks', forks, 'fork'],
  ])('%s: the others go on, and all of them name it', (_what, lie, kind) => {
    const cluster = new TestCluster(4, 10)
    cluster.start()
    founded(cluster)
    cluster.member(1).lie = lie
    const texts = Array.from({ length: 40 }, (_, i) => `x${i}`)
    texts.forEach((text, i) => {
      cluster.submit([0, 2, 3][i % 3] ?? 0, text)
      cluster.pass(15)
    })
    stands(cluster, [0, 2, 3], texts)
    cluster.pass(2000)
    const liar = cluster.member(1).id
    for (const index of [0, 2, 3]) {
      const { faults } = cluster.member(index).core.status()
      expect(faults.map((fault) => [fault.member, fault.kind])).toEqual([[liar, kind]])
    }
    cluster.check([0, 2, 3])
  })

  test('silence: the others go on, and nobody is accused', () => {
    const cluster = new TestCluster(4, 11)
    cluster.start()
    founded(cluster)
    cluster.member(1).lie = () => []
    cluster.submit(0, 'quiet')
    stands(cluster, [0, 2, 3], ['quiet'])
    for (const index of [0, 2, 3]) expect(cluster.member(index).core.status().faults).toEqual([])
  })

  test('a replica whose own state is wrong stops, with both hashes (I8)', () => {
    const cluster = new TestCluster(4, 12)
    cluster.start()
    founded(cluster)
    const sick = cluster.member(2)
    sick.state = '0'.repeat(64) as Digest
    cluster.submit(0, 'poison')
    cluster.run(20_000, () => sick.diverged !== undefined)
    expect(sick.diverged?.ours).not.toBe(sick.diverged?.certified)
    expect(sick.core.status().phase).toBe('failed')
    cluster.submit(1, 'healthy')
    stands(cluster, [0, 1, 3], ['healthy'])
    cluster.check([0, 1, 3])
  })
})

describe('reads (I9)', () => {
  test('a linearizable read sees what was certified anywhere before it began', () => {
    const cluster = new TestCluster(4, 13)
    cluster.weather = { delayMs: [1, 60], loss: 0.05, duplicate: 0 }
    cluster.start()
    founded(cluster)
    for (let i = 0; i < 25; i += 1) {
      cluster.submit(i % 4, `r${i}`)
      cluster.pass(cluster.random() * 150)
      const acknowledged = Math.max(...cluster.members.map((member) => member.core.status().certified ?? -1))
      const reader = cluster.member((i + 1) % 4)
      cluster.input(reader, { kind: 'read', request: i })
      cluster.run(20_000, () => reader.readable.some((each) => each.request === i))
      expect(reader.readable.find((each) => each.request === i)?.height).toBeGreaterThanOrEqual(acknowledged)
    }
  })

  test('without a quorum no read is answered', () => {
    const cluster = new TestCluster(4, 14)
    cluster.start()
    founded(cluster)
    cluster.pass(2000)
    cluster.crash(1)
    cluster.crash(2)
    cluster.input(cluster.member(0), { kind: 'read', request: 1 })
    cluster.pass(5000)
    expect(cluster.member(0).readable).toEqual([])
  })
})

test('idle members order nothing (I10)', () => {
  const cluster = new TestCluster(4, 15)
  cluster.start()
  founded(cluster)
  cluster.submit(0, 'once')
  stands(cluster, [0, 1, 2, 3], ['once'])
  cluster.pass(5000)
  const before = cluster.members.map((member) => member.core.status().round)
  cluster.pass(20_000)
  expect(cluster.members.map((member) => member.core.status().round)).toEqual(before)
})
