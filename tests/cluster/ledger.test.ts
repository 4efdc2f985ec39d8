// Goal: what the ledger promises its clients over REST: exactly once by id, receipts that anyone verifies offline, read levels,
// status, metrics, and the same ledger after a clean stop.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, quorate, run } from '../harness.ts'

let cluster: Cluster
let url = ''

beforeAll(async () => {
  cluster = await Cluster.start()
  url = cluster.at(1).url
  await run(url, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)')
})

afterAll(async () => {
  await cluster.stop()
})

async function send(replica: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${cluster.at(replica).url}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

test('the same id and body gives the first outcome through any replica; another body is a 409', async () => {
  const body = { sql: 'INSERT INTO t(v) VALUES (?) RETURNING id', args: ['once'] }
  const answers: unknown[] = []
  for (const replica of [1, 2, 3, 4, 1]) {
    const response = await send(replica, body, { 'idempotency-key': 'order-7' })
    expect(response.status).toBe(200)
    const { results } = (await response.json()) as { results: unknown }
    answers.push(results)
  }
  for (const answer of answers) expect(answer).toEqual(answers[0])
  const concurrent = await Promise.all(
    [1, 2, 3, 4].map((replica) => send(replica, body, { 'idempotency-key': 'order-8' })),
  )
  const heights = await Promise.all(
    concurrent.map(async (response) => ((await response.json()) as { height: number }).height),
  )
  expect(new Set(heights).size).toBe(1)
  const other = await send(2, { ...body, args: ['twice'] }, { 'idempotency-key': 'order-7' })
  expect(other.status).toBe(409)
  expect(((await other.json()) as { code: string }).code).toBe('ID_REUSED')
  const count = JSON.stringify(
    await (
      await fetch(`${url}/v1/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sql: "SELECT count(*) FROM t WHERE v = 'once'" }),
      })
    ).json(),
  )
  expect(count).toContain('"2"')
})

test('a receipt is verified offline by the CLI, and a flipped byte fails with the reason', async () => {
  await send(1, { sql: "INSERT INTO t(v) VALUES ('proven')" }, { 'idempotency-key': 'proof-1' })
  const path = join(cluster.directory, 'receipt.json')
  const fetched = quorate(['receipt', 'proof-1', '-o', path, '--url', cluster.at(3).url])
  expect(fetched.stderr).toBe('')
  const good = quorate(['verify', path, '--genesis', cluster.genesisPath])
  expect(good.status).toBe(0)
  expect(good.stdout).toMatch(/proof-1/)
  const receipt = JSON.parse(readFileSync(path, 'utf8')) as { receipt: string }
  const bytes = Buffer.from(receipt.receipt, 'base64')
  for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 0.99]) {
    const bad = Buffer.from(bytes)
    const at = Math.floor(bytes.length * share)
    bad[at] = (bad[at] ?? 0) ^ 1
    writeFileSync(path, JSON.stringify({ ...receipt, receipt: bad.toString('base64') }))
    const refused = quorate(['verify', path, '--genesis', cluster.genesisPath])
    expect(refused.status).toBe(1)
    expect(refused.stdout + refused.stderr).toMatch(/FAIL|error/)
  }
})

test('read levels: a height token reads your writes on any replica; as-of reads the past', async () => {
  const first = await run(url, "INSERT INTO t(id, v) VALUES (1000, 'old')")
  const second = await run(url, "UPDATE t SET v = 'new' WHERE id = 1000")
  const read = async (replica: number, level: string): Promise<{ status: number; text: string; height: number }> => {
    const response = await fetch(`${cluster.at(replica).url}/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'quorate-read': level },
      body: JSON.stringify({ sql: 'SELECT v FROM t WHERE id = 1000' }),
    })
    return {
      status: response.status,
      text: await response.text(),
      height: Number(response.headers.get('quorate-height')),
    }
  }
  for (const replica of [1, 2, 3, 4]) {
    expect((await read(replica, `at-least=${Number(second['height'])}`)).text).toContain('new')
    expect((await read(replica, 'linearizable')).text).toContain('new')
    const past = await read(replica, `as-of=${Number(first['height'])}`)
    expect(past.text).toContain('old')
    expect(past.height).toBe(first['height'])
  }
  expect((await read(1, 'whatever')).status).toBe(400)
})

test('status, blocks, health, metrics and the OpenAPI file answer', async () => {
  const status = await cluster.at(2).status()
  expect(status).toMatchObject({
    height: expect.any(Number),
    round: expect.any(Number),
    stateRoot: expect.stringMatching(/^[0-9a-f]{64}$/),
    faults: [],
  })
  const block = (await (await fetch(`${url}/v1/blocks/1`)).json()) as Record<string, unknown>
  expect(JSON.stringify(block)).toContain('stateRoot')
  expect((await fetch(`${url}/v1/health`)).status).toBe(200)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^quorate_consensus_height \d+/m)
  const openapi = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string }
  expect(openapi.openapi).toMatch(/^3\.1/)
})

test('a clean stop ends with code 0 and a second start resumes the same ledger', async () => {
  const before = await cluster.converged()
  const codes = await Promise.all(cluster.replicas.map((replica) => replica.signal('SIGTERM')))
  expect(codes).toEqual([0, 0, 0, 0])
  for (const replica of cluster.replicas) replica.start()
  await cluster.ready()
  expect(await cluster.converged()).toBeGreaterThanOrEqual(before)
  const again = await send(
    4,
    { sql: 'INSERT INTO t(v) VALUES (?) RETURNING id', args: ['once'] },
    { 'idempotency-key': 'order-7' },
  )
  expect(((await again.json()) as { height: number }).height).toBeLessThanOrEqual(before)
})

test('one member alone is a ledger too', async () => {
  const solo = await Cluster.start(1)
  try {
    await run(solo.at(1).url, 'CREATE TABLE t(a)')
    await run(solo.at(1).url, 'INSERT INTO t VALUES (1)')
    expect((await solo.at(1).status()).height).toBeGreaterThanOrEqual(2)
  } finally {
    await solo.stop()
  }
})
