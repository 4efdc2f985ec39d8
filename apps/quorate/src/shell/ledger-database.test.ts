// Goal: the shell's statements go the right way: reads and writes to any replica, writes exactly once, transactions on one
// stream. Method: a client with a scripted fetch, which notes what is asked.

import { Client } from '@quorate/client'
import { expect, test } from 'vitest'
import { LedgerDatabase } from './ledger-database.ts'

const RESULT = { columns: [{ name: 'a' }], rows: [], affectedRows: 1 }

function json(status: number, value: object): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'quorate-height': '4' } })
}

function databaseOn(answer: (path: string, body: string, url: string) => Response | undefined) {
  const asked: string[] = []
  const client = new Client({
    urls: ['http://dead', 'http://alive'],
    backOff: { firstMs: 1, mostMs: 1 },
    fetch: async (url, init) => {
      const { origin, pathname } = new URL(url)
      const body = typeof init.body === 'string' ? init.body : ''
      if (origin === 'http://dead') throw new TypeError('fetch failed')
      asked.push(pathname)
      const given = answer(pathname, body, url)
      if (given !== undefined) return given
      if (pathname === '/v3/pipeline') {
        const isEnd = /"(?:commit|rollback)"/i.test(body) || !body.includes('execute')
        const execute = {
          type: 'ok',
          response: { type: 'execute', result: { cols: [], rows: [], affected_row_count: 1 } },
        }
        const second = { type: 'ok', response: { type: 'get_autocommit', is_autocommit: isEnd } }
        return json(200, { baton: isEnd ? null : 'b', base_url: null, results: [execute, second] })
      }
      return json(200, { height: 4, position: 0, duplicate: false, results: [RESULT] })
    },
  })
  return { database: new LedgerDatabase(client), asked }
}

test('reads and writes go on with another replica when one is dead', async () => {
  const { database, asked } = databaseOn(() => undefined)
  expect(await database.execute('SELECT 1')).toMatchObject({ autocommit: true, height: 4 })
  expect(await database.execute('-- why\n insert INTO t VALUES (?)', ['x'])).toMatchObject({
    autocommit: true,
    height: 4,
  })
  expect(asked).toEqual(['/v1/query', '/v1/transactions'])
})

test('what turns out to write is written', async () => {
  const { database, asked } = databaseOn((path) =>
    path === '/v1/query' ? json(400, { code: 'SQLITE_READONLY', message: 'a query only reads' }) : undefined,
  )
  await database.execute('WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x')
  expect(asked).toEqual(['/v1/query', '/v1/transactions'])
})

test('from BEGIN to COMMIT everything is on one stream', async () => {
  const { database, asked } = databaseOn(() => undefined)
  await database.execute('SELECT 1')
  expect(await database.execute('BEGIN')).toMatchObject({ autocommit: false })
  expect(await database.execute('INSERT INTO t VALUES (1)')).toMatchObject({ autocommit: false })
  await database.execute('SELECT 2')
  expect(await database.execute('COMMIT')).toMatchObject({ autocommit: true })
  await database.execute('DELETE FROM t')
  const [, ...rest] = asked
  expect(rest.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => '/v3/pipeline'))
  expect(rest.at(-1)).toBe('/v1/transactions')
  await database.close()
})

test('a write whose result is too large says that it stands', async () => {
  const { database } = databaseOn(() => json(400, { code: 'RESPONSE_TOO_LARGE', message: '', height: 9, position: 0 }))
  await expect(database.execute('INSERT INTO t VALUES (1) RETURNING *')).rejects.toMatchObject({
    code: 'RESPONSE_TOO_LARGE',
    message: expect.stringContaining('executed at height 9'),
  })
})
