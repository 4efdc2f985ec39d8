// Goal: members decide about members on a running ledger, through any replica, and what they decided survives replicas that are
// killed. Method: four real processes, the command line with each member's own key, receipts checked offline.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, quorate } from '../harness.ts'

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

test('add, move, remove and rekey, while one replica is killed and comes back', async () => {
  cluster = await Cluster.start()
  const addressOf = (index: number): string => `127.0.0.1:${cluster.at(index).replicaPort}`
  const all = 'member2, member3, member4'
  expect(say(1, 2, 'add', 'member5', 'ab'.repeat(32), '127.0.0.1:9')).toContain(
    `1 of 3 approvals, 2 of ${all} must approve`,
  )
  await cluster.at(3).signal('SIGKILL')
  expect(say(2, 4, 'approve', '1')).toContain('2 of 3 approvals, member3 or member4 must approve')
  // A member whose replica is down speaks through another's.
  expect(say(3, 1, 'address', addressOf(3))).toContain('done at height')
  cluster.at(3).start()
  await cluster.at(3).ready()
  expect(say(3, 1, 'approve', '1')).toContain('proposal 1 passed')
  await cluster.converged()
  const { members, proposals } = await membersAt(3)
  expect(proposals).toEqual([])
  // Whether it still joins or is active depends on when a view begins.
  expect(members.map(({ name, address }) => `${name} ${address ?? '-'}`)).toEqual([
    'member1 -',
    'member2 -',
    `member3 ${addressOf(3)}`,
    'member4 -',
    'member5 127.0.0.1:9',
  ])

  say(4, 3, 'remove', 'member5')
  for (const who of [1, 2]) say(who, who, 'approve', '2')
  expect(say(3, 3, 'approve', '2')).toContain('proposal 2 passed')

  const newKey = join(cluster.directory, 'new.key')
  const consent = say(4, 1, 'consent', 'member4', '--new-key', newKey).split('\n').at(-1) ?? ''
  say(1, 1, 'rekey', 'member4', '--consent', consent)
  say(2, 2, 'approve', '3')
  expect(say(3, 3, 'approve', '3')).toContain('proposal 3 passed')
  expect(say(4, 2, 'address', addressOf(4))).toContain('error NOT_A_MEMBER')
  expect(say(4, 2, 'address', addressOf(4), '--key', newKey)).toContain('done at height')

  const after = await Promise.all([1, 2, 3].map(membersAt))
  for (const each of after) expect(each.members).toEqual(after[0]?.members)
  const staying = after[0]?.members.filter(({ status }) => status !== 'leaving') ?? []
  expect(staying.map(({ name }) => name)).toEqual(['member1', 'member2', 'member3', 'member4'])
  expect(staying[3]).toMatchObject({ id: consent.slice(0, 64), address: addressOf(4) })
})

test('an order is shown like any transaction, and proved by a receipt', async () => {
  cluster = await Cluster.start()
  const address = `127.0.0.1:${cluster.at(1).replicaPort}`
  expect(say(1, 1, 'address', address)).toContain('done at height')
  const response = await fetch(`${cluster.at(2).url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"sql": "SELECT id FROM _quorate_outcomes"}',
  })
  const { results } = (await response.json()) as { results: { rows: { value: string }[][] }[] }
  const id = results[0]?.rows[0]?.[0]?.value ?? ''
  const shown = JSON.parse(quorate(['tx', 'show', id, '--url', cluster.at(3).url]).stdout) as Record<string, unknown>
  expect(shown).toMatchObject({
    governance: { action: { kind: 'address', address } },
    outcome: { kind: 'executed' },
  })
  const receipt = join(cluster.directory, 'receipt.json')
  writeFileSync(receipt, quorate(['receipt', id, '--url', cluster.at(3).url]).stdout)
  const verified = quorate(['verify', receipt, '--genesis', cluster.genesisPath])
  expect(verified.stdout).toContain(`has moved to ${address}`)
  expect(verified.status).toBe(0)
})
