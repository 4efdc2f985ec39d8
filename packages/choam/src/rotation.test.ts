// Goal: committees rotate (I12, I16 to I19): views end after their blocks, the next committee is the cut of the assemble block, nobody who
// fails to join stops it, nothing accepted is lost on the way, and restarts at any moment find their place again.
// Method: whole clusters on virtual time, with views of few blocks.

import { readFileSync } from 'node:fs'
import { must } from '@quorate/kernel'
import { seatsAfter } from '@quorate/membership'
import type { MemberId, Reconfigure, ViewId } from '@quorate/types'
import { blockHash, decodeBody, decodeHeader } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { DEALING } from './dealing.ts'
import { GATHERING } from './gathering.ts'
import { PRODUCTION } from './rotation.ts'
import { FAIR, TestCluster } from './testing/cluster.ts'

const STORM = { delayMs: [1, 120] as const, loss: 0.15, duplicate: 0.1 }

function settled(cluster: TestCluster): void {
  const isIn = (index: number): boolean =>
    ['operational', 'following'].includes(cluster.member(index).core.status().phase)
  cluster.run(60_000, () => [...cluster.members.keys()].every(isIn))
}

function stands(cluster: TestCluster, indexes: readonly number[], texts: readonly string[]): void {
  const isThere = (index: number): boolean => {
    const ledger = new Set(cluster.ledger(index))
    return texts.every((text) => ledger.has(text))
  }
  for (let waitedMs = 0; !indexes.every(isThere); waitedMs += 50) {
    expect(waitedMs).toBeLessThan(120_000)
    cluster.pass(50)
  }
}

interface Turn {
  readonly view: ViewId
  readonly height: number
  readonly body: Reconfigure
  /** Who the view's last assemble block seats. */
  readonly cut: readonly MemberId[]
}

/** The reconfigure blocks on a member's disk. */
function turns(cluster: TestCluster, index: number): readonly Turn[] {
  const { blocks } = cluster.member(index).disk
  return [...blocks]
    .sort(([a], [b]) => a - b)
    .flatMap(([at, { headerBytes, bodyBytes }]): Turn[] => {
      const body = decodeBody(bodyBytes)
      const header = decodeHeader(headerBytes)
      if (!header.ok || !body.ok || body.value.kind !== 'reconfigure') return []
      const assemble = must(blocks.get(header.value.lastAssemble.height), 'the assemble block')
      expect(blockHash(assemble.headerBytes)).toBe(header.value.lastAssemble.hash)
      const members = cluster.genesis.founders.map(({ id }) => id)
      const cut = seatsAfter(header.value.lastAssemble.hash, members, cluster.genesis.seats ?? members.length)
      return [{ view: header.value.view, height: at, body: body.value, cut }]
    })
}

describe('rotation (I16)', () => {
  test.each([
    [1, 1],
    [4, 4],
    [5, 4],
    [7, 4],
    [10, 7],
  ])('%d members, %d seats: views follow each other, all agree, nothing is lost', (size, seats) => {
    const cluster = new TestCluster(size, 77 + size, { seats, viewBlocks: 4 })
    cluster.start()
    settled(cluster)
    const texts: string[] = []
    for (let i = 0; i < 90; i += 1) {
      texts.push(`t${i}`)
      cluster.submit(i % size, `t${i}`)
      cluster.pass(30)
    }
    const all = [...cluster.members.keys()]
    stands(cluster, all, texts)
    cluster.pass(3000)
    for (const index of all) expect(cluster.ledger(index)).toEqual(cluster.ledger(0))
    expect([...cluster.ledger(0)].sort()).toEqual([...texts].sort())
    const made = turns(cluster, 0)
    expect(made.length).toBeGreaterThan(2)
    for (const { body, cut } of made) {
      expect(body.seats).toEqual(cut)
      expect(body.joins.map((join) => join.member).sort()).toEqual([...cut].sort())
    }
    expect(new Set(made.map(({ view }) => view)).size).toBe(made.length)
    if (seats < size) expect(new Set(made.map(({ cut }) => [...cut].sort().join())).size).toBeGreaterThan(1)
    cluster.check()
    for (const member of cluster.members) expect(member.core.status().faults).toEqual([])
  })

  test('a member that never joins stops nothing, and signs with its identity key when it is back', () => {
    const cluster = new TestCluster(4, 3, { viewBlocks: 3 })
    cluster.start()
    settled(cluster)
    cluster.crash(3)
    const texts = Array.from({ length: 30 }, (_, i) => `t${i}`)
    for (const [i, text] of texts.entries()) {
      cluster.submit(i % 3, text)
      cluster.pass(400)
    }
    stands(cluster, [0, 1, 2], texts)
    const made = turns(cluster, 0)
    expect(made.length).toBeGreaterThan(1)
    expect(made.at(-1)?.body.joins.map((join) => join.member)).not.toContain(cluster.member(3).id)
    cluster.restart(3)
    cluster.submit(3, 'back')
    stands(cluster, [0, 1, 2, 3], ['back'])
    cluster.check()
  })

  test('with less than a quorum of the next committee the old one goes on', () => {
    const cluster = new TestCluster(7, 5, { seats: 4, viewBlocks: 3 })
    cluster.start()
    settled(cluster)
    const { committee } = {
      committee: must(cluster.member(0).core.committeeOf(cluster.member(0).core.status().view), 'it'),
    }
    const seated = new Set(committee.members.map(({ id }) => id))
    for (const [index, member] of cluster.members.entries()) if (!seated.has(member.id)) cluster.crash(index)
    const up = [...cluster.members.keys()].filter((index) => cluster.member(index).isUp)
    const texts = Array.from({ length: 80 }, (_, i) => `t${i}`)
    for (const [i, text] of texts.entries()) {
      cluster.submit(must(up[i % up.length], 'an index'), text)
      cluster.pass(100)
    }
    stands(cluster, up, texts)
    cluster.check()
  })
})

describe('rotation in storms (I17, I18)', () => {
  test.each(Array.from({ length: 24 }, (_, i) => i))('seed %d: one chain, nothing certified lost', (seed) => {
    const size = 4 + (seed % 4)
    const cluster = new TestCluster(size, 5000 + seed, { seats: 4, viewBlocks: 2 + (seed % 5) })
    cluster.weather = STORM
    cluster.start()
    settled(cluster)
    const texts: string[] = []
    let certified: string[] = []
    for (let step = 0; step < 14; step += 1) {
      const victim = Math.floor(cluster.random() * size)
      for (let i = 0; i < size; i += 1) {
        if (!cluster.member(i).isUp) continue
        texts.push(`s${step}-${i}`)
        cluster.submit(i, `s${step}-${i}`)
      }
      cluster.pass(cluster.random() * 600)
      const areUp = cluster.members.every((member) => member.isUp)
      if (areUp && step % 5 === 4) for (const index of cluster.members.keys()) cluster.crash(index)
      else if (areUp) cluster.crash(victim)
      else for (const [index, member] of cluster.members.entries()) if (!member.isUp) cluster.restart(index)
      const longest =
        cluster.members.map((_, index) => cluster.ledger(index)).sort((a, b) => b.length - a.length)[0] ?? []
      expect(longest.slice(0, certified.length)).toEqual(certified)
      certified = longest
    }
    for (const [index, member] of cluster.members.entries()) if (!member.isUp) cluster.restart(index)
    cluster.weather = FAIR
    cluster.pass(5000)
    cluster.submit(0, 'last')
    stands(cluster, [...cluster.members.keys()], ['last'])
    cluster.check()
    for (const member of cluster.members) expect(member.core.status().faults).toEqual([])
  })
})

describe('who holds no seat (I19)', () => {
  test('executes every block, votes for none, and hands on what its clients submit', () => {
    const cluster = new TestCluster(6, 21, { seats: 4, viewBlocks: 1000 })
    cluster.start()
    settled(cluster)
    const outside = [...cluster.members.keys()].filter((i) => cluster.member(i).core.status().phase === 'following')
    expect(outside).toHaveLength(2)
    const texts = Array.from({ length: 20 }, (_, i) => `t${i}`)
    for (const [i, text] of texts.entries()) cluster.submit(must(outside[i % 2], 'an index'), text)
    stands(cluster, [...cluster.members.keys()], texts)
    for (const index of outside) {
      expect(cluster.member(index).disk.votes.size).toBe(cluster.member(index).disk.votes.has(0) ? 1 : 0)
      expect(cluster.member(index).core.status().certified).toBe(cluster.member(0).core.status().certified)
    }
    cluster.check()
  })

  test('a member that lost the key of its seat follows until the next view', () => {
    const cluster = new TestCluster(4, 22, { viewBlocks: 6 })
    cluster.start()
    settled(cluster)
    const go = (from: number, to: number): void => {
      for (let i = from; i < to; i += 1) {
        cluster.submit(i % 3, `t${i}`)
        cluster.pass(60)
      }
    }
    go(0, 20)
    expect(turns(cluster, 0).length).toBeGreaterThan(0)
    cluster.crash(3)
    cluster.member(3).disk.keys.clear()
    cluster.restart(3)
    expect(cluster.member(3).core.status()).toMatchObject({ phase: 'following', seat: undefined })
    go(20, 60)
    settled(cluster)
    stands(cluster, [0, 1, 2, 3], ['t59'])
    expect(cluster.member(3).core.status().phase).toBe('operational')
    cluster.check()
  })
})

describe('members (I20)', () => {
  test('a decision about members ends the view once, and then all is quiet', () => {
    const cluster = new TestCluster(5, 31, { seats: 4 })
    cluster.start()
    settled(cluster)
    const { id } = cluster.member(2)
    cluster.submit(0, 'leave 2')
    const rest = [0, 1, 3, 4]
    const isOut = (index: number): boolean =>
      !cluster
        .member(index)
        .core.status()
        .members.some(({ member }) => member === id)
    cluster.run(60_000, () => rest.every(isOut))
    cluster.pass(5000)
    const made = turns(cluster, 0)
    expect(made).toHaveLength(1)
    expect([...(made[0]?.body.seats ?? [])].sort()).toEqual(rest.map((index) => cluster.member(index).id).sort())
    const { certified } = cluster.member(0).core.status()
    cluster.pass(20_000)
    expect(cluster.member(0).core.status().certified).toBe(certified)
    cluster.submit(1, 'after')
    stands(cluster, rest, ['after'])
    cluster.check()
  })

  test('through crashes of all, too', () => {
    const cluster = new TestCluster(5, 32, { seats: 4, viewBlocks: 3 })
    cluster.weather = STORM
    cluster.start()
    settled(cluster)
    for (let step = 0; step < 12; step += 1) {
      cluster.submit(step % 5, step === 3 ? 'leave 4' : `s${step}`)
      cluster.pass(cluster.random() * 800)
      if (step % 3 !== 2) continue
      for (const index of cluster.members.keys()) cluster.crash(index)
      for (const index of cluster.members.keys()) cluster.restart(index)
    }
    cluster.weather = FAIR
    cluster.submit(0, 'leave 4')
    cluster.pass(10_000)
    cluster.submit(1, 'last')
    stands(cluster, [0, 1, 2, 3], ['last'])
    expect(cluster.member(0).core.status().members).toHaveLength(4)
    cluster.check([0, 1, 2, 3])
  })
})

/** A table's moves as Mermaid draws them. */
function drawn(table: Readonly<Record<string, Readonly<Record<string, string | undefined>>>>, first: string): string {
  const lines = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).flatMap(([event, next]) =>
      next === undefined || next === 'impossible' ? [] : [`  ${state} --> ${next}: ${event}`],
    ),
  )
  return ['stateDiagram-v2', `  [*] --> ${first}`, ...lines, '```'].join('\n')
}

describe('tables (I12)', () => {
  test('every state answers every event, and the diagrams in SPEC.md are these tables', () => {
    for (const table of [PRODUCTION, GATHERING, DEALING])
      expect(new Set(Object.values(table).map((row) => Object.keys(row).join())).size).toBe(1)
    const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8')
    expect(spec).toContain(drawn(PRODUCTION, 'producing'))
    expect(spec).toContain(drawn(GATHERING, 'few'))
    expect(spec).toContain(drawn(DEALING, 'dealing'))
  })
})
