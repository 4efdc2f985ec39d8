// Goal: committees change while clients write, and clients don't notice: every acknowledged row is there once, on seated members and
// on those without a seat; receipts from late views verify offline; members that are killed, or lose their disk, sit again.
// Method: five processes, four seats, views of few blocks; writers through every member.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, quorate, run, sleep, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

async function rows(url: string): Promise<readonly number[]> {
  const response = await fetch(`${url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT group_concat(id) FROM t' }),
  })
  const text = /"value":"([\d,]*)"/.exec(JSON.stringify(await response.json()))?.[1] ?? ''
  return text === '' ? [] : text.split(',').map(Number)
}

async function write(name: number, acknowledged: Set<number>, isOver: () => boolean): Promise<void> {
  for (let i = 0; !isOver(); i += 1) {
    const id = name * 1_000_000 + i
    for (let attempt = 0; !acknowledged.has(id) && (attempt === 0 || !isOver()); attempt += 1) {
      try {
        await run(cluster.at(1 + ((name + attempt) % 5)).url, 'INSERT INTO t(id) VALUES (?)', [id], {
          'idempotency-key': `w-${id}`,
        })
        acknowledged.add(id)
      } catch {
        await sleep(50)
      }
    }
  }
}

const viewOf = async (index: number): Promise<string> => String((await cluster.at(index).status())['view'])

/** Waits until a member has seen `count` views begin. */
async function views(index: number, count: number): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  await until(`${count} views`, 90_000, async () => {
    seen.add(await viewOf(index))
    return seen.size > count ? true : undefined
  })
  return seen
}

test('five members, four seats: views follow each other under load, through a crash and a lost disk', async () => {
  cluster = await Cluster.start(5, ['--seats', '4', '--view-blocks', '10'])
  await run(cluster.at(1).url, 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  const acknowledged = new Set<number>()
  let over = false
  const writers = [1, 2, 3, 4, 5].map((name) => write(name, acknowledged, () => over))
  await views(1, 3)
  await cluster.at(2).signal('SIGKILL')
  cluster.at(2).start()
  await cluster.at(2).ready()
  await views(3, 2)
  await cluster.at(4).signal('SIGKILL')
  rmSync(join(cluster.at(4).directory, 'data'), { recursive: true })
  cluster.at(4).start()
  await cluster.at(4).ready()
  await views(4, 3)
  over = true
  await Promise.all(writers)
  expect(acknowledged.size).toBeGreaterThan(50)
  await cluster.ready()
  await cluster.converged()
  for (const replica of cluster.replicas) {
    const all = await rows(replica.url)
    expect(new Set(all).size).toBe(all.length)
    const there = new Set(all)
    expect([...acknowledged].filter((id) => !there.has(id))).toEqual([])
    expect((await replica.status()).faults).toEqual([])
  }
  // Who lost its disk may still wait for a view that it has a key for.
  const phases = await until('everybody sits or follows', 30_000, async () => {
    const all = await Promise.all(cluster.replicas.map(async (replica) => (await replica.status())['phase']))
    const isSettled = all.every((phase) => phase === 'operational' || phase === 'following')
    return isSettled ? all : undefined
  })
  expect(phases.filter((phase) => phase === 'operational').length).toBeGreaterThanOrEqual(3)

  // A receipt of the newest view, from a member without a seat, proved from genesis.json alone.
  const outside = cluster.replicas[phases.indexOf('following')]
  await run(outside?.url ?? '', 'INSERT INTO t(id) VALUES (99)', [], { 'idempotency-key': 'late' })
  const file = join(cluster.directory, 'receipt.json')
  expect(quorate(['receipt', 'late', '-o', file, '--url', outside?.url ?? ''])).toMatchObject({ status: 0 })
  const verified = quorate(['verify', file, '--genesis', cluster.genesisPath])
  expect([verified.status, verified.stdout + verified.stderr]).toMatchObject([0, expect.stringContaining('4 seats')])
})
