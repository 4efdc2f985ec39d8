// Goal: who is a member is decided on the ledger, and holds: a fifth organisation is added while clients write, follows, gets a
// seat, and goes on when a founder is removed; what the removed one's key signs afterwards is worth nothing.
// Method: real processes, the command line with each member's own key, five replicas with four seats and short views.

import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, quorate, run, sleep, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

function say(who: number, through: number, ...args: readonly string[]): string {
  const config = join(cluster.at(who).directory, 'quorate.toml')
  const { stdout, stderr } = quorate(['member', ...args, '--config', config, '--url', cluster.at(through).url])
  return `${stderr}${stdout}`.trim()
}

async function statuses(index: number): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${cluster.at(index).url}/v1/members`, { signal: AbortSignal.timeout(20_000) })
  const { members } = (await response.json()) as { members: readonly { name: string; status: string }[] }
  return Object.fromEntries(members.map(({ name, status }) => [name, status]))
}

async function settles(index: number, wanted: Readonly<Record<string, string>>): Promise<void> {
  await until(`members ${JSON.stringify(wanted)}`, 60_000, async () =>
    JSON.stringify(await statuses(index)) === JSON.stringify(wanted) ? true : undefined,
  )
}

test('a member is added, sits, and stays when a founder is removed', async () => {
  cluster = await Cluster.start()
  await run(cluster.at(1).url, 'CREATE TABLE t(id INTEGER PRIMARY KEY)')
  let over = false
  let written = 0
  const writer = (async () => {
    while (!over) {
      const through = cluster.at(1 + (written % 3)).url
      // The command line below holds up this process: a request may be cut meanwhile. Sent again, it counts once.
      const key = { 'idempotency-key': `t${written}` }
      const isWritten = await run(through, 'INSERT INTO t(id) VALUES (?)', [written], key).then(
        () => true,
        () => false,
      )
      if (isWritten) written += 1
      await sleep(20)
    }
  })()

  const { replica, id, address } = await cluster.newcomer('member5')
  replica.start()
  expect(say(1, 1, 'add', 'member5', id, address)).toContain('1 of 3 approvals')
  say(2, 2, 'approve', '1')
  expect(say(3, 3, 'approve', '1')).toContain('passed')
  await settles(1, { member1: 'active', member2: 'active', member3: 'active', member4: 'active', member5: 'active' })
  await replica.ready()
  await run(replica.url, 'INSERT INTO t(id) VALUES (-1)')

  // A founder leaves: the rest go on, the new one must sit now.
  say(1, 1, 'remove', 'member4')
  for (const who of [2, 3]) say(who, who, 'approve', '2')
  expect(say(5, 5, 'approve', '2')).toContain('passed')
  await settles(5, { member1: 'active', member2: 'active', member3: 'active', member5: 'active' })
  await until('member5 sits', 60_000, async () =>
    (await replica.status())['phase'] === 'operational' ? true : undefined,
  )
  expect(say(4, 1, 'address', '127.0.0.1:11')).toContain('error NOT_A_MEMBER')
  await cluster.at(4).signal('SIGKILL')
  over = true
  await writer
  await run(replica.url, 'INSERT INTO t(id) VALUES (-2)')
  await cluster.converged([1, 2, 3, 5].map((index) => cluster.at(index)))
  expect(written).toBeGreaterThan(10)
})
