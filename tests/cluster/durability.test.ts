// Goal: whatever was acknowledged is there after any combination of kill -9, once, and no replica says two different things
// across a restart. Method: clients write with ids of their own and note every acknowledgement; replicas are killed at
// seeded-random moments; afterwards each acknowledged row exists exactly once, and no evidence of a fork exists anywhere.

import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, run, sleep, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

/** A small seeded generator, so that a failing run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

async function writer(
  urls: readonly string[],
  name: number,
  acknowledged: Set<number>,
  isOver: () => boolean,
): Promise<void> {
  for (let i = 0; !isOver(); i += 1) {
    const id = name * 1_000_000 + i
    // One id, sent until somebody acknowledges it: the ledger must execute it once, however often it arrives.
    for (let attempt = 0; !acknowledged.has(id) && (attempt === 0 || !isOver()); attempt += 1) {
      try {
        await run(urls[(name + attempt) % urls.length] ?? '', 'INSERT INTO t(id) VALUES (?)', [id], {
          'idempotency-key': `w-${id}`,
        })
        acknowledged.add(id)
      } catch {
        await sleep(50)
      }
    }
  }
}

async function idsOn(url: string): Promise<number[]> {
  const response = await fetch(`${url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT group_concat(id) FROM t' }),
  })
  const text = /"value":"([\d,]*)"/.exec(JSON.stringify(await response.json()))?.[1] ?? ''
  return text === '' ? [] : text.split(',').map(Number)
}

/** However slow the machine: writes go on until there is something to lose. */
async function enough(acknowledged: ReadonlySet<number>): Promise<void> {
  await until('more than 50 acknowledged writes', 60_000, () => (acknowledged.size > 50 ? true : undefined))
}

async function check(acknowledged: ReadonlySet<number>): Promise<void> {
  await cluster.ready()
  await cluster.converged()
  for (const replica of cluster.replicas) {
    const ids = new Set(await idsOn(replica.url))
    const lost = [...acknowledged].filter((id) => !ids.has(id))
    expect(lost).toEqual([])
    expect((await replica.status()).faults).toEqual([])
  }
}

test('one replica after the other is killed and restarted under load', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  const random = seeded(20_261_120)
  const acknowledged = new Set<number>()
  let over = false
  const writers = [1, 2, 3, 4, 5, 6].map((name) => writer(urls, name, acknowledged, () => over))
  for (let kill = 0; kill < 6; kill += 1) {
    await sleep(500 + random() * 1000)
    const victim = cluster.at(1 + Math.floor(random() * 4))
    await victim.signal('SIGKILL')
    await sleep(random() * 1000)
    victim.start()
    await victim.ready()
  }
  await enough(acknowledged)
  over = true
  await Promise.all(writers)
  await check(acknowledged)
})

test('all four are killed at once, three times', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  const random = seeded(4)
  const acknowledged = new Set<number>()
  let over = false
  const writers = [1, 2, 3, 4].map((name) => writer(urls, name, acknowledged, () => over))
  for (let kill = 0; kill < 3; kill += 1) {
    await sleep(700 + random() * 800)
    await Promise.all(cluster.replicas.map((replica) => replica.signal('SIGKILL')))
    for (const replica of cluster.replicas) replica.start()
    await cluster.ready()
  }
  await enough(acknowledged)
  over = true
  await Promise.all(writers)
  await check(acknowledged)
})

test('a member whose disk is emptied, or put back to an older state, takes part again and contradicts nothing', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  const acknowledged = new Set<number>()
  let over = false
  const writers = [1, 2, 3, 4, 5, 6].map((name) => writer(urls, name, acknowledged, () => over))
  const victim = cluster.at(3)
  const disk = join(victim.directory, 'data')
  const copy = join(victim.directory, 'copy')
  await sleep(1000)
  await victim.signal('SIGTERM')
  cpSync(disk, copy, { recursive: true })
  victim.start()
  await victim.ready()
  await sleep(1500)
  await victim.signal('SIGKILL')
  rmSync(disk, { recursive: true })
  victim.start()
  await victim.ready()
  await sleep(1500)
  await victim.signal('SIGKILL')
  rmSync(disk, { recursive: true })
  cpSync(copy, disk, { recursive: true })
  victim.start()
  await victim.ready()
  await sleep(1000)
  await enough(acknowledged)
  over = true
  await Promise.all(writers)
  await run(victim.url, 'INSERT INTO t(id) VALUES (?)', [99_000_000])
  await check(acknowledged)
})
