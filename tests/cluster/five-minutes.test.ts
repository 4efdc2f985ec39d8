// Goal: what a newcomer does in the first minutes and no other test does: `tx show`, a backup that any tool opens and that is
// checked again, a replica embedded in a program. Method: four members, one of them in this process.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ClientError } from '@quorate/client'
import { open } from 'quorate'
import type { Database } from 'quorate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, quorate, run, until } from '../harness.ts'

let cluster: Cluster
let db: Database

beforeAll(async () => {
  cluster = await Cluster.init()
  for (const replica of cluster.replicas.slice(1)) replica.start()
  db = await open({ config: join(cluster.at(1).directory, 'quorate.toml') })
  await cluster.ready()
})

afterAll(async () => {
  await db.close()
  await cluster.stop()
})

test('embedded: what is written here and awaited is read at once, and is on every other member', async () => {
  await db.transaction(['CREATE TABLE notes(id INTEGER PRIMARY KEY, words TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP)'])
  const { height, results } = await db.transaction([
    { sql: 'INSERT INTO notes(words) VALUES (?), (?)', args: ['one', 'two'] },
    'UPDATE notes SET words = upper(words) RETURNING id',
  ])
  expect(results[1]?.rows).toEqual([[1n], [2n]])
  const read = db.query('SELECT id, words FROM notes WHERE id > :least ORDER BY id', { least: 0 })
  expect(read).toMatchObject({
    columns: ['id', 'words'],
    rows: [
      [1n, 'ONE'],
      [2n, 'TWO'],
    ],
  })
  expect(read.height).toBeGreaterThanOrEqual(height)
  for (const replica of cluster.replicas.slice(1)) {
    const response = await fetch(`${replica.url}/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'quorate-read': `at-least=${height}` },
      body: JSON.stringify({ sql: 'SELECT count(*) FROM notes' }),
    })
    expect(await response.text()).toContain('"value":"2"')
  }
})

test('embedded: what others write arrives; errors have their codes; a query can not write', async () => {
  await run(cluster.at(3).url, "INSERT INTO notes(words) VALUES ('from member3')")
  await until('the row is here', 20_000, () =>
    db.query("SELECT 1 FROM notes WHERE words = 'from member3'").rows.length === 1 ? true : undefined,
  )
  expect(() => db.query('DELETE FROM notes')).toThrow(expect.objectContaining({ code: 'SQLITE_READONLY' }))
  expect(() => db.query('SELEC 1')).toThrow(ClientError)
  expect(() =>
    db.query('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'),
  ).toThrow(ClientError)
  expect(db.query('SELECT count(*) FROM notes').rows).toEqual([[3n]])
  await expect(db.transaction(['INSERT INTO notes(id) VALUES (1)'])).rejects.toMatchObject({
    code: expect.stringMatching(/^SQLITE_CONSTRAINT/),
  })
  const twice = await Promise.all(
    [1, 2].map(() => db.transaction(["INSERT INTO notes(words) VALUES ('once')"], { id: 'once' })),
  )
  expect(twice[0]?.height).toBe(twice[1]?.height)
  expect(db.query("SELECT count(*) FROM notes WHERE words = 'once'").rows).toEqual([[1n]])
  expect(db.status()).toMatchObject({ ready: true, name: 'member1' })
})

test('embedded: it goes on when another member dies', async () => {
  await cluster.at(4).signal('SIGKILL')
  await db.transaction(["INSERT INTO notes(words) VALUES ('three are enough')"])
  expect(db.query("SELECT count(*) FROM notes WHERE words LIKE 'three%'").rows).toEqual([[1n]])
  cluster.at(4).start()
  await cluster.at(4).ready()
})

test('tx show tells block, position, outcome and signers', async () => {
  await run(cluster.at(2).url, "INSERT INTO notes(words) VALUES ('shown')", [], { 'idempotency-key': 'shown-1' })
  const { status, stdout } = quorate(['tx', 'show', 'shown-1', '--url', cluster.at(2).url])
  expect(status).toBe(0)
  const shown = JSON.parse(stdout) as { readonly signers: readonly number[] }
  expect(shown).toMatchObject({
    id: 'shown-1',
    height: expect.any(Number),
    block: expect.stringMatching(/^[0-9a-f]{64}$/),
    position: expect.any(Number),
    outcome: { kind: 'executed' },
  })
  expect(shown.signers.length).toBeGreaterThanOrEqual(3)
})

test('a backup of a running and of a stopped replica opens in any tool, and its root is checked against the ledger', async () => {
  const replica = cluster.at(2)
  await run(replica.url, "INSERT INTO notes(words) VALUES ('kept')", [], { 'idempotency-key': 'kept-1' })
  const config = join(replica.directory, 'quorate.toml')
  const receipt = join(cluster.directory, 'kept.json')
  quorate(['receipt', 'kept-1', '-o', receipt, '--url', replica.url])
  const proven = quorate(['verify', receipt, '--genesis', cluster.genesisPath]).stdout
  const word = (text: string, name: string): string => new RegExp(`^${name} +(\\S+)`, 'm').exec(text)?.[1] ?? ''

  const running = join(cluster.directory, 'running.db')
  const made = quorate(['backup', running, '--config', config])
  expect(made.stderr).toBe('')
  expect(made.stdout).toMatch(/certified by +[34] seats/)
  // Nobody has written since: the receipt's block, which anyone can verify, is the backup's.
  expect(word(made.stdout, 'block')).toBe(word(proven, 'block'))
  expect(word(made.stdout, 'state root')).toBe(word(proven, 'state root'))
  const height = word(made.stdout, 'height')
  const checked = quorate(['backup-check', running, '--height', height, '--url', cluster.at(3).url])
  expect(checked.stdout).toMatch(/^OK/)
  expect(checked.stdout).toContain(word(made.stdout, 'state root'))

  const plain = new DatabaseSync(running, { readOnly: true })
  expect(plain.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  expect(plain.prepare("SELECT words FROM notes WHERE words IN ('ONE', 'kept') ORDER BY id").all()).toEqual([
    { words: 'ONE' },
    { words: 'kept' },
  ])
  plain.close()

  expect(quorate(['backup', running, '--config', config]).stderr).toMatch(/^error BACKUP_EXISTS/)
  const bytes = readFileSync(running)
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
  writeFileSync(running, bytes)
  const failed = quorate(['backup-check', running, '--root', word(made.stdout, 'state root')])
  expect(failed.status).toBe(1)
  expect(failed.stderr).toMatch(/^error BACKUP_ROOT: FAIL/)

  await replica.signal('SIGTERM')
  const stopped = join(cluster.directory, 'stopped.db')
  const cold = quorate(['backup', stopped, '--data-dir', join(replica.directory, 'data')])
  expect(cold.stderr).toBe('')
  const copy = new DatabaseSync(stopped)
  copy.exec("INSERT INTO notes(words) VALUES ('now it is an ordinary database')")
  copy.close()
  replica.start()
  await replica.ready()
})
