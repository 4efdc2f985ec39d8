// Goal: the clients people already use work unchanged. Method: the published packages, each against a running four-replica
// cluster, on a data set with foreign keys, joins, upserts, RETURNING, JSON, full-text search, views and triggers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from '@libsql/client'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/libsql'
import { migrate } from 'drizzle-orm/libsql/migrator'
import { integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { type Generated, Kysely, sql as ksql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster } from '../harness.ts'

const CUSTOMERS = 400
const PRODUCTS = 150
const ORDERS = 1200

let cluster: Cluster
const clients: Client[] = []

beforeAll(async () => {
  cluster = await Cluster.start(4)
  for (const replica of cluster.replicas) clients.push(createClient({ url: replica.url }))
})

afterAll(async () => {
  for (const client of clients) client.close()
  await cluster.stop()
})

describe('@libsql/client', () => {
  test('builds a shop: schema with keys, view, trigger and full-text index, then thousands of rows in batches', async () => {
    const [client] = clients as [Client]
    await client.executeMultiple(`
      CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, profile TEXT CHECK (json_valid(profile)));
      CREATE TABLE product(id INTEGER PRIMARY KEY, title TEXT NOT NULL, price REAL NOT NULL, stock INTEGER NOT NULL DEFAULT 0);
      CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE,
        placed TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
      CREATE TABLE line(order_id INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,
        product_id INTEGER NOT NULL REFERENCES product(id),
        quantity INTEGER NOT NULL CHECK (quantity > 0), PRIMARY KEY (order_id, product_id)) WITHOUT ROWID;
      CREATE INDEX line_product ON line(product_id);
      CREATE VIRTUAL TABLE product_text USING fts5(title, content='product', content_rowid='id');
      CREATE TRIGGER product_insert AFTER INSERT ON product BEGIN INSERT INTO product_text(rowid, title) VALUES (new.id, new.title); END;
      CREATE TRIGGER line_insert AFTER INSERT ON line BEGIN UPDATE product SET stock = stock - new.quantity WHERE id = new.product_id; END;
      CREATE VIEW revenue AS SELECT c.id, c.name, sum(l.quantity * p.price) AS total FROM customer c JOIN orders o ON o.customer_id = c.id
        JOIN line l ON l.order_id = o.id JOIN product p ON p.id = l.product_id GROUP BY c.id;
    `)
    const batches = [
      Array.from({ length: CUSTOMERS }, (_, i) => ({
        sql: "INSERT INTO customer(name, email, profile) VALUES (?, ?, json_object('tier', ?, 'tags', json_array(?, ?)))",
        args: [`Customer ${i}`, `c${i}@example.org`, i % 3, `t${i % 7}`, 'all'],
      })),
      Array.from({ length: PRODUCTS }, (_, i) => ({
        sql: 'INSERT INTO product(title, price, stock) VALUES (?, ?, ?)',
        args: [
          `${['red', 'green', 'blue'][i % 3]} ${['chair', 'table', 'lamp', 'shelf'][i % 4]} ${i}`,
          5 + (i % 40) / 4,
          100_000,
        ],
      })),
      Array.from({ length: ORDERS }, (_, i) => ({
        sql: 'INSERT INTO orders(customer_id) VALUES (?)',
        args: [((i * 7) % CUSTOMERS) + 1],
      })),
    ]
    for (const batch of batches) {
      for (let at = 0; at < batch.length; at += 200) await client.batch(batch.slice(at, at + 200), 'write')
    }
    const lines = Array.from({ length: ORDERS * 2 }, (_, i) => ({
      sql: `INSERT INTO line(order_id, product_id, quantity) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity`,
      args: [(i % ORDERS) + 1, ((i * 13) % PRODUCTS) + 1, (i % 5) + 1],
    }))
    for (let at = 0; at < lines.length; at += 300) await client.batch(lines.slice(at, at + 300), 'write')
    const counts = await client.execute(
      `SELECT (SELECT count(*) FROM customer) c, (SELECT count(*) FROM orders) o,
        (SELECT count(*) FROM line) l, (SELECT sum(quantity) FROM line) q`,
    )
    // Every line was inserted twice: the second time its quantity was added.
    expect(counts.rows[0]).toMatchObject({ c: CUSTOMERS, o: ORDERS, l: ORDERS, q: ORDERS * 2 * 3 })
  })

  test('every replica answers joins, JSON, full text, windows and the view alike', async () => {
    const questions = [
      'SELECT name, round(total, 2) AS total FROM revenue ORDER BY total DESC, id LIMIT 5',
      `SELECT count(*) AS n FROM customer WHERE profile ->> 'tier' = 2
        AND EXISTS (SELECT 1 FROM json_each(profile, '$.tags') WHERE value = 't3')`,
      "SELECT rowid, title FROM product_text WHERE product_text MATCH 'blue AND lamp' ORDER BY rank, rowid LIMIT 5",
      'SELECT id, sum(stock) OVER (ORDER BY id ROWS 2 PRECEDING) AS s FROM product ORDER BY id LIMIT 8',
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT sum(sin(i)) AS s, count(*) AS c FROM n',
    ]
    for (const question of questions) {
      const answers = await Promise.all(clients.map((client) => client.execute(question)))
      const [first] = answers
      expect(first?.rows.length).toBeGreaterThan(0)
      for (const answer of answers) expect(answer.rows).toEqual(first?.rows)
    }
  })

  test('writes through one replica are read through every other at once', async () => {
    for (const [i, writer] of clients.entries()) {
      const written = await writer.execute({
        sql: 'INSERT INTO customer(name, email) VALUES (?, ?) RETURNING id, name',
        args: [`via ${i}`, `via${i}@example.org`],
      })
      expect(written.rows[0]).toMatchObject({ name: `via ${i}` })
      for (const reader of clients) {
        const read = await reader.execute({
          sql: 'SELECT name FROM customer WHERE id = ?',
          args: [written.rows[0]?.['id'] ?? null],
        })
        expect(read.rows).toHaveLength(1)
      }
    }
  })

  test('a batch is atomic, and constraint errors keep their code', async () => {
    const [client] = clients as [Client]
    const before = await client.execute('SELECT count(*) n FROM customer')
    await expect(
      client.batch(
        [
          { sql: "INSERT INTO customer(name, email) VALUES ('x', 'x@example.org')", args: [] },
          { sql: "INSERT INTO customer(name, email) VALUES ('y', 'x@example.org')", args: [] },
        ],
        'write',
      ),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^SQLITE_CONSTRAINT/) })
    const after = await client.execute('SELECT count(*) n FROM customer')
    expect(after.rows[0]?.['n']).toBe(before.rows[0]?.['n'])
    await expect(client.execute('INSERT INTO orders(customer_id) VALUES (999999)')).rejects.toMatchObject({
      message: expect.stringContaining('FOREIGN KEY'),
    })
    await expect(client.execute('SELEC 1')).rejects.toThrow(/syntax error/)
  })

  test('interactive transactions commit, roll back, and conflict with a retryable SQLITE_BUSY', async () => {
    const [a, b] = clients as [Client, Client]
    await a.execute('CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)')
    await a.batch(['INSERT INTO account VALUES (1, 100)', 'INSERT INTO account VALUES (2, 100)'], 'write')
    const move = await a.transaction('write')
    await move.execute('UPDATE account SET balance = balance - 30 WHERE id = 1')
    const seen = await move.execute('SELECT balance FROM account WHERE id = 1')
    expect(seen.rows[0]?.['balance']).toBe(70)
    await move.execute('UPDATE account SET balance = balance + 30 WHERE id = 2')
    await move.commit()
    expect((await b.execute('SELECT balance FROM account ORDER BY id')).rows.map((row) => row['balance'])).toEqual([
      70, 130,
    ])

    const undone = await a.transaction('write')
    await undone.execute('DELETE FROM account')
    await undone.rollback()
    expect((await b.execute('SELECT count(*) n FROM account')).rows[0]?.['n']).toBe(2)

    const stale = await a.transaction('write')
    const read = await stale.execute('SELECT balance FROM account WHERE id = 1')
    await b.execute('UPDATE account SET balance = balance + 1 WHERE id = 1')
    await stale.execute({
      sql: 'UPDATE account SET balance = ? WHERE id = 1',
      args: [Number(read.rows[0]?.['balance']) + 1000],
    })
    await expect(stale.commit()).rejects.toMatchObject({ code: 'SQLITE_BUSY' })
    expect((await a.execute('SELECT balance FROM account WHERE id = 1')).rows[0]?.['balance']).toBe(71)
  })

  test('migrate() runs with foreign keys off and leaves them on', async () => {
    const [client] = clients as [Client]
    await client.migrate([
      'CREATE TABLE parent(id INTEGER PRIMARY KEY)',
      'CREATE TABLE child(p INTEGER REFERENCES parent(id))',
      'INSERT INTO child VALUES (7)',
    ])
    await expect(client.execute('INSERT INTO child VALUES (8)')).rejects.toThrow(/FOREIGN KEY/)
  })
})

describe('drizzle-orm/libsql', () => {
  const users = sqliteTable('users', {
    id: integer('id').primaryKey({ autoIncrement: true }),
    name: text('name').notNull(),
    meta: text('meta', { mode: 'json' }).$type<{ readonly tags: readonly string[] }>(),
    createdAt: text('created_at')
      .default(sql`(CURRENT_TIMESTAMP)`)
      .notNull(),
  })
  const posts = sqliteTable('posts', {
    id: integer('id').primaryKey(),
    authorId: integer('author_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    score: real('score').notNull().default(0),
  })

  test('migrations, relations, upserts, transactions', async () => {
    const [, client] = clients as [Client, Client]
    const folder = mkdtempSync(join(tmpdir(), 'quorate-drizzle-'))
    mkdirSync(join(folder, 'meta'))
    const entry = (idx: number, tag: string): object => ({
      idx,
      version: '6',
      when: 1_700_000_000_000 + idx,
      tag,
      breakpoints: true,
    })
    writeFileSync(
      join(folder, 'meta', '_journal.json'),
      JSON.stringify({ version: '7', dialect: 'sqlite', entries: [entry(0, '0000_users'), entry(1, '0001_posts')] }),
    )
    writeFileSync(
      join(folder, '0000_users.sql'),
      [
        'CREATE TABLE `users` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `name` text NOT NULL,',
        '`meta` text, `created_at` text DEFAULT (CURRENT_TIMESTAMP) NOT NULL);',
      ].join('\n'),
    )
    writeFileSync(
      join(folder, '0001_posts.sql'),
      [
        'CREATE TABLE `posts` (`id` integer PRIMARY KEY NOT NULL, `author_id` integer NOT NULL, `title` text NOT NULL,',
        '`score` real DEFAULT 0 NOT NULL, FOREIGN KEY (`author_id`) REFERENCES `users`(`id`) ON DELETE cascade);',
        '--> statement-breakpoint',
        'CREATE INDEX `posts_author` ON `posts` (`author_id`);',
      ].join('\n'),
    )
    const db = drizzle({ client })
    await migrate(db, { migrationsFolder: folder })
    await migrate(db, { migrationsFolder: folder })
    rmSync(folder, { recursive: true })

    const inserted = await db
      .insert(users)
      .values([{ name: 'ada', meta: { tags: ['a', 'b'] } }, { name: 'bob' }])
      .returning()
    expect(inserted.map((row) => row.name)).toEqual(['ada', 'bob'])
    expect(inserted[0]?.meta).toEqual({ tags: ['a', 'b'] })
    expect(Math.abs(Date.parse(`${inserted[0]?.createdAt}Z`) - Date.now())).toBeLessThan(60_000)
    const ada = inserted[0]?.id ?? 0
    await db
      .insert(posts)
      .values({ id: 1, authorId: ada, title: 'first' })
      .onConflictDoUpdate({ target: posts.id, set: { title: 'again' } })
    await db
      .insert(posts)
      .values({ id: 1, authorId: ada, title: 'first' })
      .onConflictDoUpdate({ target: posts.id, set: { title: 'again' } })
    await db.transaction(async (tx) => {
      await tx.insert(posts).values({ id: 2, authorId: ada, title: 'second', score: 2.5 })
      await tx
        .update(posts)
        .set({ score: sql`${posts.score} + 1` })
        .where(eq(posts.id, 2))
    })
    await expect(
      db.transaction(async (tx) => {
        await tx.insert(posts).values({ id: 3, authorId: ada, title: 'third' })
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    const rows = await db
      .select({ name: users.name, title: posts.title, score: posts.score })
      .from(posts)
      .innerJoin(users, eq(users.id, posts.authorId))
      .orderBy(posts.id)
    expect(rows).toEqual([
      { name: 'ada', title: 'again', score: 0 },
      { name: 'ada', title: 'second', score: 3.5 },
    ])
    await db.batch([db.delete(users).where(eq(users.id, ada)), db.select().from(posts)])
    expect(await db.select().from(posts)).toEqual([])
  })
})

describe('kysely over libSQL', () => {
  interface Database {
    readonly task: { readonly id: Generated<number>; readonly title: string; readonly done: Generated<number> }
  }

  test('schema, queries, transactions', async () => {
    const db = new Kysely<Database>({ dialect: new LibsqlDialect({ url: cluster.at(3).url }) })
    await db.schema
      .createTable('task')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('done', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db
      .insertInto('task')
      .values(Array.from({ length: 100 }, (_, i) => ({ title: `task ${i}` })))
      .execute()
    await db.transaction().execute(async (tx) => {
      await tx.updateTable('task').set({ done: 1 }).where('id', '<=', 40).execute()
      const { n } = await tx
        .selectFrom('task')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('done', '=', 1)
        .executeTakeFirstOrThrow()
      expect(Number(n)).toBe(40)
    })
    const open = await db
      .selectFrom('task')
      .select(ksql<number>`count(*)`.as('n'))
      .where('done', '=', 0)
      .executeTakeFirstOrThrow()
    expect(Number(open.n)).toBe(60)
    await db.destroy()
  })
})

test('after all of it the four databases are equal to the byte', async () => {
  expect(await cluster.converged()).toBeGreaterThan(10)
})
