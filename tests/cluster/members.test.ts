// Goal: members decide about members on a running ledger, through any replica, and what they decided survives replicas that are
// killed. Method: four real processes, the command line with each member's own key, receipts checked offline.

import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, quorate, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

interface Members {
  readonly members: readonly {
    readonly id: string
    readonly name: string
    readonly address?: string
    readonly status: string
  }[]
  readonly proposals: readonly unknown[]
}

/** `quorate member ARGS`, as the member `who` says it to the replica at `through`. */
function say(who: number, through: number, ...args: readonly string[]): string {
  const config = join(cluster.at(who).directory, 'quorate.toml')
  const { stdout, stderr } = quorate(['member', ...args, '--config', config, '--url', cluster.at(through).url])
  return `${stderr}${stdout}`.trim()
}

async function membersAt(index: number): Promise<Members> {
  const response = await fetch(`${cluster.at(index).url}/v1/members`, { signal: AbortSignal.timeout(20_000) })
  return (await response.json()) as Members
}

/** Waits until the members are these, by name and status. */
async function settles(through: number, wanted: readonly string[]): Promise<Members> {
  return until(`members ${wanted.join()}`, 60_000, async () => {
    const all = await membersAt(through)
    const found = all.members.map(({ name, status }) => `${name} ${status}`).sort()
    return found.join() === wanted.join() ? all : undefined
  })
}

test('add, move, rekey and remove, while one replica is killed and comes back', async () => {
  cluster = await Cluster.start()
  const key = 'ab'.repeat(32)
  expect(say(1, 2, 'add', 'member5', key, '127.0.0.1:9')).toContain(
    '1 of 3 approvals, 2 of member2, member3, member4 must approve',
  )
  await cluster.at(3).signal('SIGKILL')
  expect(say(2, 4, 'approve', '1')).toContain('2 of 3 approvals, member3 or member4 must approve')
  // A member whose replica is down speaks through another's.
  expect(say(3, 1, 'approve', '1')).toContain('proposal 1 passed')
  const moved = `127.0.0.1:${cluster.at(3).replicaPort}`
  expect(say(3, 1, 'address', moved)).toContain('done at height')
  cluster.at(3).start()
  await cluster.at(3).ready()
  const active = [1, 2, 3, 4].map((each) => `member${each} active`)
  const { members, proposals } = await settles(3, [...active, 'member5 active'])
  expect(proposals).toEqual([])
  expect(members.find(({ name }) => name === 'member3')?.address).toBe(moved)

  // Nobody answers for it: it goes before another one is stopped, or more would be away than may be.
  say(4, 3, 'remove', 'member5')
  for (const who of [1, 2]) say(who, who, 'approve', '2')
  expect(say(3, 3, 'approve', '2')).toContain('proposal 2 passed')
  await settles(3, active)

  const newKey = join(cluster.directory, 'new.key')
  const consent = say(4, 1, 'consent', 'member4', '--new-key', newKey).split('\n').at(-1) ?? ''
  say(1, 1, 'rekey', 'member4', '--consent', consent)
  say(2, 2, 'approve', '3')
  expect(say(3, 3, 'approve', '3')).toContain('proposal 3 passed')
  expect(say(4, 2, 'address', '127.0.0.1:11')).toContain('error NOT_A_MEMBER')
  const here = `127.0.0.1:${cluster.at(4).replicaPort}`
  expect(say(4, 2, 'address', here, '--key', newKey)).toContain('done at height')
  // Its operator starts it again with the new key.
  await cluster.at(4).signal('SIGTERM')
  copyFileSync(newKey, join(cluster.at(4).directory, 'member.key'))
  cluster.at(4).start(['--listen', here])
  await cluster.at(4).ready()
  for (const through of [1, 2, 3, 4]) await settles(through, active)
  await cluster.converged()
}, 300_000)

test('an order is shown like any transaction, and proved by a receipt', async () => {
  cluster = await Cluster.start()
  const moved = `127.0.0.1:${cluster.at(1).replicaPort}`
  expect(say(1, 1, 'address', moved)).toContain('done at height')
  const response = await fetch(`${cluster.at(2).url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"sql": "SELECT id FROM _quorate_outcomes"}',
  })
  const { results } = (await response.json()) as { results: { rows: { value: string }[][] }[] }
  const id = results[0]?.rows[0]?.[0]?.value ?? ''
  const shown = JSON.parse(quorate(['tx', 'show', id, '--url', cluster.at(3).url]).stdout) as Record<string, unknown>
  expect(shown).toMatchObject({
    governance: { action: { kind: 'address', address: moved } },
    outcome: { kind: 'executed' },
  })
  const receipt = join(cluster.directory, 'receipt.json')
  writeFileSync(receipt, quorate(['receipt', id, '--url', cluster.at(3).url]).stdout)
  const verified = quorate(['verify', receipt, '--genesis', cluster.genesisPath])
  expect(verified.stdout).toContain(`has moved to ${moved}`)
  expect(verified.status).toBe(0)
})
