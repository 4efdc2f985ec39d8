// Goal: bad input gets its documented answer; no replica stops, nothing is lost. Method: raw sockets at the replica port, raw
// bodies at the HTTP port, forbidden SQL through the front door; the same cluster must still work at the end.

import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { connect as tlsConnect } from 'node:tls'
import { createClient } from '@libsql/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster, run } from '../harness.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start()
  await run(cluster.at(1).url, 'CREATE TABLE kept(id INTEGER PRIMARY KEY, v TEXT)')
  await run(cluster.at(1).url, "INSERT INTO kept VALUES (1, 'here')")
})

afterAll(async () => {
  expect(cluster.replicas.every((replica) => replica.isRunning)).toBe(true)
  await run(cluster.at(2).url, "INSERT INTO kept VALUES (2, 'still here')")
  await cluster.converged()
  await cluster.stop()
})

async function post(
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${cluster.at(1).url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, text: await response.text() }
}

describe('at the replica port', () => {
  test('plain noise, a stranger without a certificate, and silence are dropped', async () => {
    const port = cluster.at(1).replicaPort
    const noise = Array.from(
      { length: 20 },
      () =>
        new Promise<void>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => socket.write(randomBytes(2000)))
          socket.on('error', () => resolve())
          socket.on('close', () => resolve())
        }),
    )
    await Promise.all(noise)
    const stranger = await new Promise<string>((resolve) => {
      const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        socket.write(randomBytes(5000)),
      )
      socket.on('error', (error) => resolve(error.message))
      socket.on('close', () => resolve('closed'))
    })
    expect(stranger).not.toBe('')
    expect((await cluster.at(1).status()).height).toBeGreaterThan(0)
  })
})

describe('at the HTTP port', () => {
  test.each([
    ['/v2/pipeline', 'not json', 400],
    ['/v2/pipeline', '{"requests": 7}', 400],
    ['/v2/pipeline', '{"baton": "AAAA", "requests": []}', 400],
    ['/v2/pipeline', '{"requests": [{"type": "nonsense"}]}', 400],
    ['/v1/transactions', '[[[[', 400],
    ['/v1/transactions', '{"sql": 7}', 400],
    ['/v1/query', '{"sql": "SELECT 1", "args": 7}', 400],
  ])('POST %s %s is a %d', async (path, body, status) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(status)
    expect(answer.text.length).toBeGreaterThan(0)
  })

  test('an oversized body is a 413, an unknown path a 404, unknown heights and ids a 404', async () => {
    const big = await post(
      '/v1/transactions',
      JSON.stringify({ sql: `SELECT '${'x'.repeat(40 * 1024 * 1024)}'` }),
    ).catch(() => ({ status: 413, text: '' }))
    expect(big.status).toBe(413)
    for (const path of ['/nowhere', '/v1/blocks/99999999', '/v1/tx/never-seen', '/v1/tx/never-seen/proof']) {
      expect((await fetch(`${cluster.at(1).url}${path}`)).status).toBe(404)
    }
    expect((await fetch(`${cluster.at(1).url}/v1/blocks/minus-one`)).status).toBe(400)
  })
})

describe('SQL that is refused', () => {
  test.each([
    "ATTACH DATABASE '/tmp/x' AS y",
    "VACUUM INTO '/tmp/x'",
    'PRAGMA journal_mode=WAL',
    'PRAGMA writable_schema=1',
    'DELETE FROM _quorate_outcomes',
    'CREATE TEMP TABLE x(a)',
    "SELECT load_extension('x')",
    'SELECT * FROM nowhere',
    'INSERT INTO kept VALUES (1)',
    "INSERT INTO kept VALUES (1, 'twice')",
    '',
    'SELECT 1; SELECT 2',
  ])('%s', async (sql) => {
    const client = createClient({ url: cluster.at(1).url })
    await expect(client.execute(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^(SQL|ARGS|BLOCKED)/) })
    client.close()
  })

  test('runaway queries run out of gas, as reads and as writes, and harm nothing', async () => {
    const client = createClient({ url: cluster.at(2).url })
    const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) '
    await expect(client.execute(`${endless} SELECT count(*) FROM n`)).rejects.toThrow(/gas/i)
    await expect(client.execute(`INSERT INTO kept(v) ${endless} SELECT i FROM n`)).rejects.toThrow(/gas/i)
    const rows = await client.execute('SELECT count(*) n FROM kept')
    expect(rows.rows[0]?.['n']).toBe(1)
    client.close()
  })
})
