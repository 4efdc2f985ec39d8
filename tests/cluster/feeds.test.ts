// Goal: who follows the ledger misses nothing and gets nothing twice, whatever replicas do meanwhile. Method: real
// processes under load, killed and restarted; a consumer that keeps a copy by what the feed tells, switches replicas, and
// forgets what it had not stored; at the end its copy is the database. And a consumer whose offset is on the ledger.

import { spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { ChangeEntry, RowEntry } from '../../packages/client/src/index.ts'
import { Client } from '../../packages/client/src/index.ts'
import { Cluster, run, until } from '../harness.ts'

let cluster: Cluster

afterEach(async () => {
  await cluster.stop()
})

/** Patient, and quick to leave a replica that has gone silent. */
function clientOf(urls: readonly string[]): Client {
  return new Client({
    urls,
    timeoutMs: 15_000,
    deadlineMs: 60_000,
    attemptsMax: 1000,
    backOff: { firstMs: 20, mostMs: 500 },
  })
}

const SCHEMA = [
  'CREATE TABLE accounts(id INTEGER PRIMARY KEY, owner TEXT UNIQUE, cents INTEGER, half AS (cents / 2.0))',
  'CREATE TABLE entries(account INTEGER REFERENCES accounts ON DELETE CASCADE, n INTEGER, note BLOB, ' +
    'PRIMARY KEY (account, n)) WITHOUT ROWID',
  'CREATE TABLE audit(what TEXT, id INTEGER)',
  "CREATE TRIGGER a_d AFTER DELETE ON accounts BEGIN INSERT INTO audit VALUES ('gone', old.id); END",
  'CREATE TRIGGER e_i AFTER INSERT ON entries BEGIN UPDATE accounts SET cents = cents + 1 WHERE id = new.account; END',
]
const TABLES = ['accounts', 'entries', 'audit']

/** A copy in a database of its own, with the position up to which it is one. */
class Copy {
  readonly #db = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false })
  #waiting: ChangeEntry[] = []

  constructor() {
    this.#db.exec("CREATE TABLE _position(at TEXT); INSERT INTO _position VALUES ('0')")
  }

  get position(): string {
    return String(this.#db.prepare('SELECT at FROM _position').get()?.['at'])
  }

  /** What was taken but not stored is forgotten. */
  crash(): void {
    this.#waiting = []
  }

  /** A block is stored as a whole, with the position behind it. */
  take(entry: ChangeEntry): void {
    if (entry.kind !== 'block') {
      this.#waiting.push(entry)
      return
    }
    this.#db.exec('BEGIN')
    for (const each of this.#waiting) this.#apply(each)
    this.#db.prepare('UPDATE _position SET at = ?').run(entry.position)
    this.#db.exec('COMMIT')
    this.#waiting = []
  }

  rows(table: string): readonly string[] {
    return this.#all(`SELECT * FROM ${table}`, []).toSorted()
  }

  #apply(entry: ChangeEntry): void {
    if (entry.kind === 'schema' && entry.type !== 'trigger') this.#db.exec(entry.sql)
    if (entry.kind === 'change') this.#row(entry)
    expect(entry.kind).not.toBe('reset')
  }

  #row({ table, key, rowid, before, after }: RowEntry): void {
    const identity = 'rowid' in key ? { rowid: rowid ?? null } : key
    const where = Object.keys(identity)
      .map((name) => `${name} = ?`)
      .join(' AND ')
    const at = Object.values(identity) as SQLInputValue[]
    if (before !== undefined) {
      // Whatever comes twice, or was left out, does not fit here.
      const there = this.#all(`SELECT ${Object.keys(before).join(', ')} FROM ${table} WHERE ${where}`, at)
      expect(there).toEqual([text(Object.values(before))])
      this.#db.prepare(`DELETE FROM ${table} WHERE ${where}`).run(...at)
    }
    if (after === undefined) return
    const full = 'rowid' in key ? { ...identity, ...after } : after
    const marks = Object.keys(full).map(() => '?')
    const verb = before === undefined ? 'INSERT' : 'INSERT OR REPLACE'
    this.#db
      .prepare(`${verb} INTO ${table}(${Object.keys(full).join(', ')}) VALUES (${marks.join(', ')})`)
      .run(...(Object.values(full) as SQLInputValue[]))
  }

  #all(sql: string, values: readonly SQLInputValue[]): string[] {
    const statement = this.#db.prepare(sql)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    return (statement.all(...values) as unknown as unknown[][]).map(text)
  }
}

function text(row: readonly unknown[]): string {
  return row
    .map((value) =>
      value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex')}'` : `${typeof value} ${String(value)}`,
    )
    .join(', ')
}

function writes(
  name: number,
  i: number,
): readonly { readonly sql: string; readonly args: readonly (number | string | Uint8Array)[] }[] {
  const id = (i * 7 + name) % 40
  switch (i % 6) {
    case 0:
    case 1:
      return [
        {
          sql: 'INSERT INTO accounts(id, owner, cents) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET cents = -cents',
          args: [id, `o${id}`, i],
        },
      ]
    case 2:
      return [
        {
          sql: 'INSERT OR REPLACE INTO entries SELECT id, ?, ? FROM accounts WHERE id > ?',
          args: [i % 5, Uint8Array.of(name, i % 256), id],
        },
      ]
    case 3:
      return [
        { sql: 'UPDATE OR IGNORE accounts SET id = id + 40 WHERE id = ?', args: [id] },
        { sql: 'DELETE FROM accounts WHERE id > 60', args: [] },
      ]
    case 4:
      return [
        { sql: 'DELETE FROM entries WHERE n = ?', args: [i % 5] },
        { sql: 'INSERT INTO audit VALUES (?, ?)', args: [`w${name}`, i] },
      ]
    default:
      return [
        { sql: 'DELETE FROM audit', args: [] },
        { sql: 'INSERT INTO accounts(id) VALUES (NULL), (?)', args: [id] },
      ]
  }
}

test('a copy kept through kills, restarts and crashes of its own equals the database', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  const client = clientOf(urls)
  await client.submit(SCHEMA.map((sql) => ({ sql })))
  let over = false
  const writers = [1, 2, 3].map(async (name) => {
    const own = clientOf([...urls.slice(name), ...urls.slice(0, name)])
    for (let i = 0; !over; i += 1) {
      // What a constraint forbids is undone, and tells nothing.
      await own
        .submit(writes(name, i))
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT' }))
    }
  })
  const copy = new Copy()
  const stop = new AbortController()
  let taken = 0
  let crashes = 0
  let interruptions = 0
  const consumer = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const from = copy.position
      const onInterruption = (): void => void (interruptions += 1)
      for await (const entry of client.changes({ from, signal: stop.signal, onInterruption })) {
        copy.take(entry)
        taken += 1
        if (taken % 997 !== 0) continue
        copy.crash()
        crashes += 1
        break
      }
    }
  })()
  for (const victim of [1, 2, 1, 3]) {
    await sleep(1500)
    await cluster.at(victim).signal('SIGKILL')
    await sleep(700)
    cluster.at(victim).start()
    await cluster.at(victim).ready()
  }
  await until('there was something to follow', 60_000, () => (taken > 2500 ? true : undefined))
  over = true
  await Promise.all(writers)
  await cluster.ready()
  const height = await cluster.converged()
  await until('the copy is up to date', 60_000, () => (Number(copy.position) > height ? true : undefined))
  stop.abort()
  await consumer
  for (const table of TABLES) {
    const { rows } = await client.query(`SELECT * FROM ${table}`, [], { level: { kind: 'as-of', height } })
    expect(copy.rows(table), table).toEqual(rows.map(text).toSorted())
  }
  expect(copy.rows('accounts').length).toBeGreaterThan(5)
  expect(crashes).toBeGreaterThan(1)
  expect(interruptions).toBeGreaterThan(0)
}, 240_000)

test('an offset on the ledger: each order is worked on once, whoever dies and whoever else tries', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  const client = clientOf(urls)
  await client.submit([
    { sql: 'CREATE TABLE offsets(consumer TEXT PRIMARY KEY, position TEXT NOT NULL)' },
    { sql: "INSERT INTO offsets VALUES ('mailer', '0')" },
    { sql: 'CREATE TABLE orders(n INTEGER PRIMARY KEY)' },
    { sql: 'CREATE TABLE mails(n INTEGER)' },
  ])
  const stop = new AbortController()
  let refused = 0
  /** Works until it is stopped; after every few orders it dies, and all it knew with it. */
  const consume = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { rows } = await client.query("SELECT position FROM offsets WHERE consumer = 'mailer'")
      let position = String(rows[0]?.[0])
      let worked = 0
      for await (const entry of client.log({ from: position, signal: stop.signal })) {
        const [, order] =
          entry.kind === 'transaction' && entry.outcome === 'executed'
            ? (/^order-(\d+)$/.exec(entry.transaction ?? '') ?? [])
            : []
        if (order === undefined) continue
        // The offset moves on from where it was, or nothing of this stands.
        const move = "UPDATE offsets SET position = CASE position WHEN ? THEN ? END WHERE consumer = 'mailer'"
        const done = await client
          .submit([
            { sql: move, args: [position, entry.position] },
            { sql: 'INSERT INTO mails VALUES (?)', args: [Number(order)] },
          ])
          .then(
            () => true,
            (error: unknown) => {
              expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT' })
              return false
            },
          )
        refused += done ? 0 : 1
        position = entry.position
        worked += 1
        if (!done || worked === 7) break
      }
    }
  }
  const consumers = [consume(), consume()]
  const orders = 60
  for (let n = 0; n < orders; n += 1) {
    await client.submit([{ sql: 'INSERT INTO orders VALUES (?)', args: [n] }], { id: `order-${n}` })
    if (n === 20) await cluster.at(1).signal('SIGKILL')
    if (n === 40) cluster.at(1).start()
  }
  await until('all are done', 60_000, async () => {
    const { rows } = await client.query('SELECT count(DISTINCT n) FROM mails')
    return rows[0]?.[0] === BigInt(orders) ? true : undefined
  })
  stop.abort()
  await Promise.all(consumers)
  const { rows } = await client.query('SELECT count(*), count(DISTINCT n) FROM mails')
  expect(rows[0]).toEqual([BigInt(orders), BigInt(orders)])
  expect(refused).toBeGreaterThan(0)
}, 180_000)

test('tail goes on with another replica when its own is killed', async () => {
  cluster = await Cluster.start()
  const urls = cluster.replicas.map((replica) => replica.url)
  await run(urls[3] ?? '', 'CREATE TABLE t(a INTEGER PRIMARY KEY)')
  const main = fileURLToPath(new URL('../../apps/quorate/src/main.ts', import.meta.url))
  const args = [
    '--conditions=source',
    main,
    'tail',
    urls.slice(0, 2).join(','),
    '--from',
    '0',
    '--tables',
    't',
    '--json',
  ]
  const tail = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  tail.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  tail.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString()
  })
  await until('the table is told', 30_000, () => (output.includes('CREATE TABLE t') ? true : undefined))
  await run(urls[3] ?? '', 'INSERT INTO t VALUES (1)')
  await until('the first row is told', 30_000, () => (output.includes('"op":"insert"') ? true : undefined))
  await cluster.at(1).signal('SIGKILL')
  await run(urls[3] ?? '', 'INSERT INTO t VALUES (2)')
  await until('the second row is told', 30_000, () => (output.split('"op":"insert"').length === 3 ? true : undefined))
  const ended = new Promise<number | null>((resolve) => tail.once('exit', resolve))
  tail.kill('SIGINT')
  expect(await ended).toBe(0)
  expect(errors).toMatch(/^interrupted UNREACHABLE: /m)
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly kind: string; readonly table?: string; readonly position: string })
  expect(lines.filter((line) => line.kind === 'change')).toHaveLength(2)
  expect(new Set(lines.map((line) => line.position)).size).toBe(lines.length)
})
