// Goal: a backup is the newest certified height, whole or not at all, and its root can be computed again. Method: a data
// folder made by the store and the state file themselves, spoilt in one way after the other; whole databases are backed
// up in tests/cluster.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES } from '@quorate/sql-state'
import type { Digest, ViewId } from '@quorate/types'
import { blockHash, encodeCertificate, encodeHeader, height, millis, NO_BLOCK, seat } from '@quorate/types'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Store } from '../store/store.ts'
import { backUp, BackupError, rootOfFile } from './backup.ts'
import { StateFile } from './state-file.ts'
import { History } from './testing/state-history.ts'

let folder = ''
let target = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-backup-'))
  target = join(folder, 'copy.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function headerOf(at: number, stateRoot: Digest): Uint8Array {
  const pointer = { height: height(0), hash: NO_BLOCK }
  return encodeHeader({
    era: 1,
    height: height(at),
    view: NO_BLOCK as string as ViewId,
    previous: NO_BLOCK,
    lastReconfigure: pointer,
    lastAssemble: pointer,
    lastCheckpoint: pointer,
    timeMs: millis(at * 1000),
    transactionsRoot: NO_BLOCK,
    resultsRoot: NO_BLOCK,
    stateRoot,
    body: NO_BLOCK,
  })
}

/** Heights 0 to 3 executed, 0 to `certified` certified. */
async function ledger(certified: number): Promise<readonly Digest[]> {
  const store = await Store.open({ folder, ledgerId: 'a'.repeat(64) })
  const file = new StateFile(folder)
  const history = new History(file)
  const roots: Digest[] = []
  const none = new Uint8Array(0)
  for (let at = 0; at <= 3; at += 1) {
    const { stateRoot } = history.append(at, 3 + at, new Map([[1 + at, 100 + at]]))
    roots.push(stateRoot)
    const header = headerOf(at, stateRoot)
    await store.append([{ kind: 'block', height: at, header, body: none, results: none, transactions: [] }])
    if (at > certified) continue
    const signatures = [0, 1, 2].map((each) => ({ seat: seat(each), signature: new Uint8Array(64) }))
    const certificate = encodeCertificate({ signatures })
    await store.append([{ kind: 'certificate', height: at, bytes: certificate }])
  }
  file.close()
  await store.close()
  return roots
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof BackupError) return error.code
    throw error
  }
  return 'none'
}

test('the newest certified height, not the newest executed one, and its root again from the file', async () => {
  const roots = await ledger(2)
  const backup = backUp(folder, target)
  expect(backup).toMatchObject({ height: 2, timeMs: 2000, stateRoot: roots[2], signers: 3, bytes: 5 * PAGE_BYTES })
  expect(rootOfFile(target)).toEqual({ stateRoot: roots[2], bytes: 5 * PAGE_BYTES })
  expect(backup.block).toBe(blockHash(headerOf(2, backup.stateRoot)))
  expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([])
})

test('any changed byte but those of the change counters changes the root', async () => {
  await ledger(3)
  const { stateRoot } = backUp(folder, target)
  const bytes = readFileSync(target)
  for (const at of [0, 23, 28, 91, 96, PAGE_BYTES, bytes.length - 1]) {
    const spoilt = Uint8Array.from(bytes)
    spoilt[at] = (spoilt[at] ?? 0) ^ 1
    writeFileSync(target, spoilt)
    expect(rootOfFile(target).stateRoot).not.toBe(stateRoot)
  }
  writeFileSync(target, bytes.subarray(0, bytes.length - PAGE_BYTES))
  expect(rootOfFile(target).stateRoot).not.toBe(stateRoot)
})

test('nothing to back up, a file in the way, pages that were not certified, no place to write', async () => {
  expect(refusal(() => backUp(folder, target))).toBe('BACKUP_NOTHING')
  await ledger(-1)
  expect(refusal(() => backUp(folder, target))).toBe('BACKUP_NOTHING')
  rmSync(join(folder, 'ledger.db'))
  rmSync(join(folder, 'state.db'))
  await ledger(3)
  writeFileSync(target, 'precious')
  expect(refusal(() => backUp(folder, target))).toBe('BACKUP_EXISTS')
  expect(readFileSync(target, 'utf8')).toBe('precious')
  rmSync(target)
  expect(refusal(() => backUp(folder, join(folder, 'no', 'such', 'folder')))).toBe('BACKUP_FILE')
  const db = new DatabaseSync(join(folder, 'state.db'))
  db.exec('UPDATE heights SET page_count = page_count - 1 WHERE height = 3')
  db.close()
  expect(refusal(() => backUp(folder, target))).toBe('BACKUP_ROOT')
  expect(existsSync(target)).toBe(false)
  expect(existsSync(`${target}.partial`)).toBe(false)
})

test('what is no file of pages has no root', () => {
  expect(refusal(() => rootOfFile(target))).toBe('BACKUP_FILE')
  writeFileSync(target, '')
  expect(refusal(() => rootOfFile(target))).toBe('BACKUP_FILE')
  writeFileSync(target, new Uint8Array(PAGE_BYTES + 1))
  expect(refusal(() => rootOfFile(target))).toBe('BACKUP_FILE')
})
