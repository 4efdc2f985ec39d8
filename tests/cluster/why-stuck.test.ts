// Goal: `quorate why-stuck` tells a fine cluster from a stuck one, and names who is missing. Method: real processes, two of
// four killed while a write waits; then a replica that can't start for a reason of its own.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, quorate, run, until } from '../harness.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start()
  await run(cluster.at(1).url, 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
})

afterAll(async () => {
  await cluster.stop()
})

function whyStuck(...flags: readonly string[]): ReturnType<typeof quorate> {
  return quorate(['why-stuck', '--wait-ms', '500', ...flags])
}

test('a cluster at rest is fine; one URL leads to all members', () => {
  const { status, stdout } = whyStuck(cluster.at(2).url)
  expect(stdout).toMatch(/^fine: nothing waits to be ordered \(height \d+\), 4 of 4 seats take part\n$/)
  expect(status).toBe(0)
})

test('two of four killed: who is missing, what the round waits for, exit code 1; and fine again afterwards', async () => {
  await cluster.at(3).signal('SIGKILL')
  await cluster.at(4).signal('SIGKILL')
  const waiting = run(cluster.at(1).url, 'INSERT INTO t VALUES (1)')
  await until('the write is queued', 10_000, async () => {
    const { queued } = await cluster.at(1).status()
    return Number(queued) > 0 ? true : undefined
  })
  const { status, stdout } = await until('links are seen to be down', 30_000, () => {
    const told = whyStuck(cluster.at(1).url)
    return told.stdout.includes('0 of 2 others') ? told : undefined
  })
  expect(status).toBe(1)
  expect(stdout).toMatch(/^stuck: 2 of 4 seats take part, and a block needs 3\n/)
  for (const [name, index] of [
    ['member3', 3],
    ['member4', 4],
  ] as const) {
    expect(stdout).toContain(`NO_ANSWER: ${name} does not answer at ${cluster.at(index).url}: `)
  }
  expect(stdout).toMatch(/(?:UNITS|VOTES)_MISSING: .* of member3, member4/)
  const json = JSON.parse(whyStuck(cluster.at(1).url, '--json').stdout) as { isStuck: boolean }
  expect(json.isStuck).toBe(true)

  // The third comes back, and can't: its disk holds what is no ledger.
  const folder = join(cluster.at(3).directory, 'data')
  const ledger = join(folder, 'ledger.db')
  for (const file of [`${ledger}-wal`, `${ledger}-shm`]) rmSync(file, { force: true })
  writeFileSync(ledger, 'no database'.repeat(1000))
  cluster.at(3).start()
  expect(await cluster.at(3).exited(30_000)).toBe(1)
  const told = whyStuck('--dir', cluster.directory)
  expect(told.stdout).toMatch(/STOPPED: member3 stopped by itself at .*: STORE_CORRUPT: /)
  expect(told.status).toBe(1)

  cluster.at(4).start()
  await cluster.at(4).ready()
  await waiting
  const fine = whyStuck('--dir', cluster.directory)
  expect(fine.stdout).toMatch(/^fine: .* 3 of 4 seats take part\n/)
  expect(fine.status).toBe(0)
})
