// Goal: the published libSQL client works unchanged. Method: its whole interface over HTTP, against a fake replica.

import { createClient } from '@libsql/client'
import type { Client } from '@libsql/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Harness } from './testing/harness.ts'
import { startHarness } from './testing/harness.ts'

let harness: Harness
let client: Client

beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.close())
beforeEach(async () => {
  client = createClient({ url: harness.url, intMode: 'bigint' })
  await client.executeMultiple('DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)')
  return () => client.close()
})

const count = async (): Promise<unknown> => (await client.execute('SELECT count(*) FROM t')).rows[0]?.[0]

describe('execute', () => {
  test('values of every type, positional and named arguments', async () => {
    const { rows, columns } = await client.execute({
      sql: 'SELECT ?, ?, ?, ?, ?',
      args: [null, 2n ** 62n, 1.5, 'ü', new Uint8Array([0, 255])],
    })
    expect(columns).toHaveLength(5)
    expect(Array.from({ length: 4 }, (_, index) => rows[0]![index])).toEqual([null, 2n ** 62n, 1.5, 'ü'])
    expect(new Uint8Array(rows[0]![4] as ArrayBuffer)).toEqual(new Uint8Array([0, 255]))
    expect((await client.execute({ sql: 'SELECT :x', args: { x: 'named' } })).rows[0]![0]).toBe('named')
  })

  test('INSERT tells rowid and changes; RETURNING returns', async () => {
    const inserted = await client.execute("INSERT INTO t (a) VALUES ('x') RETURNING id, a")
    expect(inserted).toMatchObject({ rowsAffected: 1, lastInsertRowid: 1n })
    expect(inserted.rows[0]).toMatchObject({ id: 1n, a: 'x' })
    expect(inserted.columnTypes).toEqual(['INTEGER', 'TEXT'])
  })

  test('SQL errors carry SQLite’s primary code', async () => {
    await client.execute("INSERT INTO t (a) VALUES ('x')")
    await expect(client.execute("INSERT INTO t (a) VALUES ('x')")).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT',
      message: expect.stringContaining('SQLite error: UNIQUE constraint failed: t.a'),
    })
    await expect(client.execute('SELECT foo')).rejects.toMatchObject({ code: 'SQLITE_ERROR' })
    await expect(client.execute('SELECT 1; SELECT 2')).rejects.toMatchObject({ code: 'SQL_MANY_STATEMENTS' })
  })
})

describe('batch, migrate, executeMultiple', () => {
  test('a batch is one transaction of the ledger, all or nothing', async () => {
    const before = harness.replica.submissions
    const results = await client.batch(
      ["INSERT INTO t (a) VALUES ('x')", { sql: 'INSERT INTO t (a) VALUES (?)', args: ['y'] }],
      'write',
    )
    expect(results.map((result) => result.lastInsertRowid)).toEqual([1n, 2n])
    expect(harness.replica.submissions).toBe(before + 1)
    await expect(
      client.batch(["INSERT INTO t (a) VALUES ('z')", "INSERT INTO t (a) VALUES ('x')"], 'write'),
    ).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT' })
    expect(await count()).toBe(2n)
  })

  test('a batch of reads never goes through consensus', async () => {
    const before = harness.replica.submissions
    for (const mode of ['read', 'deferred'] as const)
      expect(await client.batch(['SELECT 1', 'SELECT count(*) FROM t'], mode)).toHaveLength(2)
    expect(harness.replica.submissions).toBe(before)
  })

  test('a read-only batch does not write', async () => {
    await expect(client.batch(["INSERT INTO t (a) VALUES ('x')"], 'read')).rejects.toMatchObject({
      code: 'SQLITE_READONLY',
    })
    expect(await count()).toBe(0n)
  })

  test('migrate', async () => {
    await client.migrate(['ALTER TABLE t ADD COLUMN b', "INSERT INTO t (a, b) VALUES ('x', 1)"])
    expect(await count()).toBe(1n)
  })

  test('executeMultiple stops at the first error', async () => {
    await expect(
      client.executeMultiple(
        "INSERT INTO t (a) VALUES ('x'); INSERT INTO t (a) VALUES ('x'); INSERT INTO t (a) VALUES ('y')",
      ),
    ).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT',
    })
    expect(await count()).toBe(1n)
  })

  test('triggers survive the splitter', async () => {
    await client.executeMultiple(`
      CREATE TABLE IF NOT EXISTS log (a);
      CREATE TRIGGER copy AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); SELECT CASE WHEN 1 THEN 2 END; END;
      INSERT INTO t (a) VALUES ('x;y')`)
    expect((await client.execute('SELECT a FROM log')).rows[0]![0]).toBe('x;y')
  })
})

describe('interactive transactions', () => {
  test('commit', async () => {
    const before = harness.replica.submissions
    const tx = await client.transaction('write')
    expect((await tx.execute("INSERT INTO t (a) VALUES ('x')")).lastInsertRowid).toBe(1n)
    expect((await tx.execute('SELECT count(*) FROM t')).rows[0]![0]).toBe(1n)
    await tx.batch(["INSERT INTO t (a) VALUES ('y')"])
    await tx.executeMultiple("INSERT INTO t (a) VALUES ('z'); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE s")
    expect(await count()).toBe(0n)
    await tx.commit()
    expect(tx.closed).toBe(true)
    expect(await count()).toBe(3n)
    expect(harness.replica.submissions).toBe(before + 1)
  })

  test('rollback and close undo', async () => {
    for (const end of ['rollback', 'close'] as const) {
      const tx = await client.transaction('write')
      await tx.execute("INSERT INTO t (a) VALUES ('x')")
      await tx[end]()
      expect(await count()).toBe(0n)
    }
  })

  test('a conflict is SQLITE_BUSY at commit, and nothing of it happens', async () => {
    const tx = await client.transaction('write')
    await tx.execute('SELECT count(*) FROM t')
    await tx.execute("INSERT INTO t (a) VALUES ('x')")
    await client.execute("INSERT INTO t (a) VALUES ('other')")
    await expect(tx.commit()).rejects.toMatchObject({
      code: 'SQLITE_BUSY',
      message: expect.stringContaining('transaction conflict, retry'),
    })
    expect(await count()).toBe(1n)
  })

  test('an error inside does not end it', async () => {
    const tx = await client.transaction('write')
    await tx.execute("INSERT INTO t (a) VALUES ('x')")
    await expect(tx.execute("INSERT INTO t (a) VALUES ('x')")).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT' })
    await tx.execute("INSERT INTO t (a) VALUES ('y')")
    await tx.commit()
    expect(await count()).toBe(2n)
  })

  test('a read transaction reads and refuses to write', async () => {
    const before = harness.replica.submissions
    const tx = await client.transaction('read')
    expect((await tx.execute('SELECT 1')).rows).toHaveLength(1)
    await expect(tx.execute("INSERT INTO t (a) VALUES ('x')")).rejects.toMatchObject({ code: 'SQLITE_READONLY' })
    await tx.rollback()
    expect(harness.replica.submissions).toBe(before)
  })

  test('two at once', async () => {
    const [one, two] = await Promise.all([client.transaction('write'), client.transaction('write')])
    await one.execute("INSERT INTO t VALUES (1, 'x')")
    await two.execute("INSERT INTO t VALUES (2, 'y')")
    await one.commit()
    await two.commit()
    expect(await count()).toBe(2n)
  })
})

describe('refusals', () => {
  test('come through with their code', async () => {
    harness.replica.refusal = { kind: 'refused', code: 'OVERLOADED', message: 'the queue is full', retryAfterMs: 2500 }
    await expect(client.execute('INSERT INTO t DEFAULT VALUES')).rejects.toMatchObject({ code: 'OVERLOADED' })
    harness.replica.refusal = undefined
  })
})
