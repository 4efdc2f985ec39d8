// Goal: one of four replicas may be dead, stopped, or lying in any of the ways on offer; writes go on, the liar is named with
// evidence, and whoever comes back catches up. Method: real processes, real signals, `--misbehave` for the lies.

import { afterEach, describe, expect, test } from 'vitest'
import { Cluster, run, sleep, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

async function insertMany(urls: readonly string[], from: number, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      run(urls[i % urls.length] ?? '', 'INSERT INTO t(id, v) VALUES (?, ?)', [from + i, `v${from + i}`]),
    ),
  )
}

async function countOn(url: string): Promise<number> {
  const response = await fetch(`${url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT count(*) FROM t' }),
  })
  const answer = JSON.stringify(await response.json())
  return Number(/"value":"(\d+)"/.exec(answer)?.[1] ?? Number.NaN)
}

describe('one of four', () => {
  test('killed: writes go on; restarted: it catches up', async () => {
    cluster = await Cluster.start()
    const urls = cluster.replicas.map((replica) => replica.url)
    await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
    await insertMany(urls, 0, 100)
    await cluster.at(4).signal('SIGKILL')
    await insertMany(urls.slice(0, 3), 100, 300)
    cluster.at(4).start()
    await cluster.at(4).ready()
    await cluster.converged()
    expect(await countOn(cluster.at(4).url)).toBe(400)
    await insertMany([cluster.at(4).url], 400, 50)
    expect(await countOn(cluster.at(1).url)).toBe(450)
  })

  test('stopped for seconds and continued: writes go on, it repairs the gap while operational', async () => {
    cluster = await Cluster.start()
    const urls = cluster.replicas.map((replica) => replica.url)
    await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
    await cluster.at(2).signal('SIGSTOP')
    const others = [urls[0] ?? '', urls[2] ?? '', urls[3] ?? '']
    for (let at = 0; at < 10; at += 1) {
      await insertMany(others, at * 50, 50)
      await sleep(300)
    }
    await cluster.at(2).signal('SIGCONT')
    await cluster.converged()
    await insertMany([urls[1] ?? ''], 500, 20)
    expect(await countOn(urls[0] ?? '')).toBe(520)
  })

  for (const [how, kind] of [
    ['equivocate', 'fork'],
    ['wrong-root', 'wrong-vote'],
  ] as const) {
    test(`${how}: writes go on, every honest replica names it with evidence`, async () => {
      cluster = await Cluster.init()
      for (const replica of cluster.replicas) replica.start(replica.index === 3 ? ['--misbehave', how] : [])
      const honest = cluster.replicas.filter((replica) => replica.index !== 3)
      await Promise.all(honest.map((replica) => replica.ready()))
      const urls = honest.map((replica) => replica.url)
      await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
      await insertMany(urls, 0, 300)
      expect(await countOn(urls[2] ?? '')).toBe(300)
      await cluster.converged(honest)
      for (const replica of honest) {
        const faults = await until(`replica ${replica.index} names the liar`, 10_000, async () => {
          const { faults } = await replica.status()
          return faults.length > 0 ? faults : undefined
        })
        expect(new Set(faults.map((fault) => fault.kind))).toEqual(new Set([kind]))
        expect(new Set(faults.map((fault) => fault.member)).size).toBe(1)
        expect(replica.log).toMatch(/evidence/)
      }
    })
  }

  for (const how of ['garbage', 'silent'] as const) {
    test(`${how}: writes go on, nobody honest is accused`, async () => {
      cluster = await Cluster.init()
      for (const replica of cluster.replicas) replica.start(replica.index === 2 ? ['--misbehave', how] : [])
      const honest = cluster.replicas.filter((replica) => replica.index !== 2)
      await Promise.all(honest.map((replica) => replica.ready()))
      const urls = honest.map((replica) => replica.url)
      await run(urls[0] ?? '', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
      await insertMany(urls, 0, 300)
      expect(await countOn(urls[1] ?? '')).toBe(300)
      await cluster.converged(honest)
      for (const replica of honest) expect((await replica.status()).faults).toEqual([])
    })
  }
})

test('two of four down: writes wait, nothing is lost, and they complete when one returns', async () => {
  cluster = await Cluster.start()
  const [url] = cluster.replicas.map((replica) => replica.url) as [string]
  await run(url, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
  await cluster.at(3).signal('SIGKILL')
  await cluster.at(4).signal('SIGKILL')
  let answered = false
  const waiting = run(url, 'INSERT INTO t(id, v) VALUES (1, ?)', ['patience']).then(() => {
    answered = true
  })
  await sleep(2000)
  expect(answered).toBe(false)
  cluster.at(3).start()
  await waiting
  expect(await countOn(url)).toBe(1)
})
