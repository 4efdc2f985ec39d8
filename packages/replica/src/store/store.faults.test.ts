// Goal: nothing acknowledged is lost by a kill, a full disk stops the store loudly, and a data directory that is in
// use, damaged, of another version or of another ledger is refused with both sides named. Method: real processes,
// killed; real files, broken.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LEDGER_FILE } from './ledger-file.ts'
import { Store } from './store.ts'

const LEDGER = 'ab'.repeat(32)
const LOOP = fileURLToPath(new URL('./testing/append-loop.ts', import.meta.url))
let folder = ''
let children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children = []
  rmSync(folder, { recursive: true })
})

/** Runs the appending process until it has said `lines` lines or ended; `said` gives all it has said so far. */
function run(lines: number, prefix: readonly string[] = []): Promise<{ said: () => string[]; child: ChildProcess }> {
  const command = [...prefix, process.execPath, '--conditions=source', LOOP, folder, LEDGER]
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return new Promise((resolve) => {
    let text = ''
    const said = (): string[] => text.split('\n').slice(0, -1)
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (said().length >= lines) child.emit('said')
    })
    child.once('said', () => resolve({ said, child }))
    child.once('close', () => resolve({ said, child }))
  })
}

/** Waits until the process has ended and all it said is read. */
async function closed(child: ChildProcess): Promise<void> {
  const over = child.stdout?.closed === true && child.signalCode !== null
  if (!over) await new Promise((resolve) => child.once('close', resolve))
}

function heightsIn(said: readonly string[]): number[] {
  return said.map(Number).filter((height) => !Number.isNaN(height))
}

test('killed at any moment, every acknowledged record is there', { timeout: 30_000 }, async () => {
  for (const lines of [2, 60, 400]) {
    const { child, said } = await run(lines)
    child.kill('SIGKILL')
    await closed(child)
    const store = await Store.open({ folder, ledgerId: LEDGER })
    const last = Math.max(...heightsIn(said()))
    expect(last).toBeGreaterThanOrEqual(lines - 2)
    const tip = (await store.tip())?.height ?? -1
    expect(tip).toBeGreaterThanOrEqual(last)
    for (let height = 0; height <= last; height += 1) {
      expect((await store.block(height))?.body).toEqual(new Uint8Array(2000).fill(height))
      expect(await store.vote(height)).toEqual(new Uint8Array(4).fill(height))
      expect(await store.transaction(`tx-${height}`)).toEqual({ height, position: 0 })
    }
    await store.close()
  }
})

test('a full disk rejects the append and ends the store; the acknowledged stays', { timeout: 20_000 }, async () => {
  // No file of this process may grow beyond 2 MiB; the signal for it is ignored, so writes fail as on a full disk.
  const { said } = await run(1e9, ['bash', '-c', `trap '' XFSZ; ulimit -f 2048; exec "$0" "$@"`])
  expect(said().at(-1)).toBe('STORE_IO')
  const acknowledged = heightsIn(said())
  expect(acknowledged.length).toBeGreaterThan(10)
  const store = await Store.open({ folder, ledgerId: LEDGER })
  for (const height of acknowledged) expect((await store.block(height))?.body.length).toBe(2000)
  await store.close()
})

describe('opening', () => {
  test('a directory in use by another process is refused with its id; its end frees it', async () => {
    const { child, said } = await run(1)
    expect(said()[0]).toBe('opened')
    const opening = Store.open({ folder, ledgerId: LEDGER })
    await expect(opening).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toThrow(`in use by process ${child.pid}`)
    child.kill('SIGKILL')
    await closed(child)
    const store = await Store.open({ folder, ledgerId: LEDGER })
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await store.close()
  })

  test('while it runs, the sqlite3 shell can read it', async () => {
    const store = await Store.open({ folder, ledgerId: LEDGER })
    await store.append([{ kind: 'vote', height: 1, bytes: Uint8Array.of(1) }])
    const shell = new DatabaseSync(join(folder, LEDGER_FILE), { readOnly: true })
    expect(shell.prepare('SELECT count(*) AS n FROM votes').get()?.['n']).toBe(1)
    shell.close()
    await store.close()
  })

  test('another ledger or schema version is refused with both', async () => {
    await (await Store.open({ folder, ledgerId: LEDGER })).close()
    const other = 'cd'.repeat(32)
    await expect(Store.open({ folder, ledgerId: other })).rejects.toMatchObject({ code: 'STORE_LEDGER' })
    await expect(Store.open({ folder, ledgerId: other })).rejects.toThrow(`found ledger ${LEDGER}, wanted ${other}`)
    const db = new DatabaseSync(join(folder, LEDGER_FILE))
    db.exec(`UPDATE meta SET value = '99' WHERE key = 'schema_version'`)
    db.close()
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toMatchObject({ code: 'STORE_VERSION' })
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toThrow('found schema version 99, wanted 3')
  })

  test('a database of something else is refused, and left as it was', async () => {
    const db = new DatabaseSync(join(folder, LEDGER_FILE))
    db.exec('CREATE TABLE notes (text)')
    db.close()
    const before = readFileSync(join(folder, LEDGER_FILE))
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toMatchObject({ code: 'STORE_VERSION' })
    expect(readFileSync(join(folder, LEDGER_FILE))).toEqual(before)
  })

  test('a file that is no database, or a damaged one, is refused', async () => {
    const path = join(folder, LEDGER_FILE)
    writeFileSync(path, 'x'.repeat(10_000))
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    rmSync(path)
    const store = await Store.open({ folder, ledgerId: LEDGER })
    await store.append(
      Array.from({ length: 500 }, (_, i) => ({ kind: 'meta', key: `key ${i}`, value: 'v'.repeat(200) }) as const),
    )
    await store.close()
    const file = openSync(path, 'r+')
    for (let at = 4096 * 12; at < statSync(path).size; at += 4096) writeSync(file, Buffer.alloc(512, 0xa5), 0, 512, at)
    closeSync(file)
    await expect(Store.open({ folder, ledgerId: LEDGER })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  test.each([
    ['blocks', 'body', 'block 7', (store: Store) => store.block(7)],
    ['blocks', 'results', 'block 7', (store: Store) => store.blocks(7, 10, 1e6)],
    ['blocks', 'header', 'block 7', (store: Store) => store.tip()],
    ['certificates', 'bytes', 'certificate 7', (store: Store) => store.certifiedTip()],
    ['votes', 'bytes', 'vote 7', (store: Store) => store.vote(7)],
    ['units', 'bytes', 'unit ab', (store: Store) => store.units('v', 1e6)],
    ['evidence', 'bytes', 'evidence against m', (store: Store) => store.evidence()],
  ])('a flipped bit in %s.%s is found when it is read, and named', async (table, column, what, read) => {
    const bytes = new Uint8Array(100).fill(7)
    const store = await Store.open({ folder, ledgerId: LEDGER })
    await store.append([
      { kind: 'block', height: 7, header: bytes, body: bytes, results: bytes, transactions: ['t'] },
      { kind: 'certificate', height: 7, bytes },
      { kind: 'vote', height: 7, bytes },
      { kind: 'unit', view: 'v', hash: 'ab', creator: 1, round: 2, own: true, bytes },
      { kind: 'evidence', member: 'm', bytes },
    ])
    await read(store)
    await store.close()
    const db = new DatabaseSync(join(folder, LEDGER_FILE))
    db.prepare(`UPDATE ${table} SET ${column} = ?`).run(bytes.with(50, 6))
    db.close()
    const again = await Store.open({ folder, ledgerId: LEDGER })
    await expect(read(again)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(`^${join(folder, LEDGER_FILE)}: ${what} is damaged`),
    })
    await again.close()
  })

  test('a directory that can’t be made is an I/O error', async () => {
    writeFileSync(join(folder, 'file'), '')
    const opening = Store.open({ folder: join(folder, 'file', 'data'), ledgerId: LEDGER })
    await expect(opening).rejects.toMatchObject({ code: 'STORE_IO' })
  })

  test('the data directory is made for its owner alone', async () => {
    const inner = join(folder, 'deep', 'data')
    await (await Store.open({ folder: inner, ledgerId: LEDGER })).close()
    expect(statSync(inner).mode & 0o077).toBe(0)
    expect(existsSync(join(inner, LEDGER_FILE))).toBe(true)
  })
})
