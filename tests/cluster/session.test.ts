// Goal: a client session over a cluster whose replicas are killed and restarted, and whose committees change: every outcome
// is typed and true, every row is there once, and what was left unknown is resolved by id, by another session too.
// Method: 200 in flight, SIGKILL, views of ten blocks.

import { afterEach, expect, test } from 'vitest'
import { ClientSession } from '@quorate/client'
import type { SubmitOutcome } from '@quorate/client'
import { Cluster, run, sleep, until } from '../harness.ts'

const IN_FLIGHT = 200

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

async function rowsOn(url: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT k FROM t ORDER BY k' }),
  })
  const { results } = (await response.json()) as { results: readonly { rows: readonly { value: string }[][] }[] }
  return (results[0]?.rows ?? []).map((row) => row[0]?.value ?? '')
}

test(
  'replicas die and return under 200 in flight: each outcome is true, each row once',
  { timeout: 300_000 },
  async () => {
    cluster = await Cluster.start(5, ['--seats', '4', '--view-blocks', '10'])
    const urls = cluster.replicas.map((replica) => replica.url)
    // A row has no key that would refuse it: only the ledger's memory of ids keeps it from being there twice.
    await run(urls[0] ?? '', 'CREATE TABLE t(k TEXT NOT NULL, odd INTEGER CHECK (odd <> 7))')
    const session = new ClientSession({
      urls: urls.slice(0, 2),
      learn: true,
      limits: { attemptMs: 3000, windowStart: 64 },
      deadlineMs: 20_000,
    })
    const outcomes = new Map<string, SubmitOutcome>()
    let over = false
    let made = 0
    const workers = Array.from({ length: IN_FLIGHT }, async () => {
      while (!over) {
        const key = `k${made}`
        const odd = made % 50 === 0 ? 7 : 0
        made += 1
        // Some callers are impatient: theirs may end as unknown.
        const deadlineMs = made % 20 === 1 ? 30 : 20_000
        outcomes.set(
          key,
          await session.submit([{ sql: 'INSERT INTO t VALUES (?, ?)', args: [key, odd] }], { id: key, deadlineMs }),
        )
      }
    })
    await until('all members are known', 10_000, () => (session.metrics.members.length === 5 ? true : undefined))
    const view = (await cluster.at(3).status())['view']
    for (const victim of [2, 4, 1]) {
      await sleep(700)
      await cluster.at(victim).signal('SIGKILL')
      await sleep(700)
      cluster.at(victim).start()
      await cluster.at(victim).ready()
    }
    // Beyond what may fail: nothing is acknowledged, and nothing is lost.
    await Promise.all([cluster.at(2).signal('SIGKILL'), cluster.at(3).signal('SIGKILL')])
    await sleep(500)
    cluster.at(2).start()
    cluster.at(3).start()
    await cluster.ready()
    await until('1000 outcomes', 60_000, () => (outcomes.size > 1000 ? true : undefined))
    await until('another view', 60_000, async () =>
      (await cluster.at(3).status())['view'] === view ? undefined : true,
    )
    over = true
    await Promise.all(workers)
    expect(session.metrics).toMatchObject({ inFlight: 0, waiting: 0 })
    expect(session.metrics.retries).toBeGreaterThan(0)
    expect(outcomes.size).toBe(made)

    const unknown = [...outcomes].filter(([, outcome]) => outcome.kind === 'unknown').map(([id]) => id)
    expect(unknown.length).toBeGreaterThan(0)
    const resolved = await Promise.all(unknown.map((id) => session.resolve(id)))
    for (const outcome of resolved) {
      expect(['executed', 'rejected']).toContain(outcome.kind)
      outcomes.set(outcome.id, outcome)
    }
    await cluster.converged()
    const rows = await rowsOn(urls[3] ?? '')
    expect(new Set(rows).size).toBe(rows.length)
    const standing = new Set(rows)
    for (const [key, outcome] of outcomes) {
      if (outcome.kind === 'rejected') expect(outcome.code).toBe('SQLITE_CONSTRAINT')
      expect([key, outcome.kind, standing.has(key)]).toEqual([key, outcome.kind, outcome.kind === 'executed'])
    }

    // Another process, with other gateways, and without the bytes.
    const other = new ClientSession({ urls: urls.slice(2) })
    for (const id of unknown.slice(0, 20)) {
      const { kind, ...rest } = await other.resolve(id)
      expect({ kind, height: 'height' in rest ? rest.height : undefined }).toEqual({
        kind: outcomes.get(id)?.kind,
        height: (outcomes.get(id) as { height?: number }).height,
      })
    }
    expect(await other.resolve('never sent', { deadlineMs: 500 })).toMatchObject({ kind: 'unknown', code: 'NOT_FOUND' })
  },
)
