// Goal: a ledger is founded without the founder that is late, and takes it in when it comes; an idle ledger is quiet; a replica
// that missed more than the DAG keeps comes back by blocks. Method: real processes, started and stopped at awkward times.

import { afterEach, expect, test } from 'vitest'
import { Cluster, run, sleep, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

test('three of four found the ledger; the fourth comes later and takes part', async () => {
  cluster = await Cluster.init()
  for (const index of [1, 2, 3]) cluster.at(index).start()
  await cluster.ready()
  const url = cluster.at(1).url
  await run(url, 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  for (let i = 0; i < 20; i += 1) await run(url, 'INSERT INTO t VALUES (?)', [i])
  cluster.at(4).start()
  await cluster.at(4).ready()
  await cluster.converged()
  await run(cluster.at(4).url, 'INSERT INTO t VALUES (100)')
  // With the late founder the ledger can lose another one.
  await cluster.at(1).signal('SIGKILL')
  await run(cluster.at(4).url, 'INSERT INTO t VALUES (101)')
  await cluster.converged()
})

test('founders that are killed while founding found the ledger after all', async () => {
  cluster = await Cluster.init()
  for (const replica of cluster.replicas) replica.start()
  await sleep(400)
  await Promise.all(cluster.replicas.map((replica) => replica.signal('SIGKILL')))
  for (const replica of cluster.replicas) replica.start()
  await cluster.ready()
  await run(cluster.at(2).url, 'CREATE TABLE t(a)')
  expect(await cluster.converged()).toBeGreaterThan(0)
})

test('an idle ledger makes no rounds and no blocks, and one transaction wakes it', async () => {
  cluster = await Cluster.start()
  await run(cluster.at(1).url, 'CREATE TABLE t(a)')
  await cluster.converged()
  const still = await until('the DAG rests', 10_000, async () => {
    const before = await cluster.at(2).status()
    await sleep(1500)
    const after = await cluster.at(2).status()
    return before.round === after.round && before.height === after.height ? after : undefined
  })
  await run(cluster.at(3).url, 'INSERT INTO t VALUES (1)')
  expect((await cluster.at(3).status()).height).toBeGreaterThan(still.height)
})

test('one that missed more rounds than the DAG keeps comes back by blocks', async () => {
  cluster = await Cluster.start()
  const url = cluster.at(1).url
  await run(url, 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  await cluster.at(4).signal('SIGKILL')
  for (let i = 0; i < 350; i += 1) await run(url, 'INSERT INTO t VALUES (?)', [i])
  cluster.at(4).start()
  await cluster.at(4).ready()
  await cluster.converged()
  await run(cluster.at(4).url, 'INSERT INTO t VALUES (1000)')
  expect((await cluster.at(4).status()).faults).toEqual([])
})
