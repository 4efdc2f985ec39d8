// A backup: the database as one plain SQLite file, at a height that a quorum certified, made beside a running replica or
// from the folder of a stopped one.
//
// Copying state.db would give pages by height, which no tool reads; copying what the writer executed last might give a
// state that is never certified. So: the newest certified height whose pages are here, in one read transaction, which
// holds its pages against pruning and holds up nobody. Every page is hashed on its way, and the file gets its name only
// if the root over all of them is the one in the certified header.
//
// The file stays checkable: the root over its pages can be computed again anywhere, and compared with the header of
// any replica's block, or with a receipt. A tool that writes to it makes it another database.

import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES, pageHash, StateTree } from '@quorate/sql-state'
import type { Digest, Height, Millis } from '@quorate/types'
import { blockHash, decodeCertificate, decodeHeader } from '@quorate/types'
import { LEDGER_FILE } from '../store/ledger-file.ts'
import { StateReader } from './state-file.ts'
import { STATE_FILE } from './state-rows.ts'

/** Why there is no backup. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  /**
   * BACKUP_NOTHING: no certified block, or none whose pages are here. BACKUP_EXISTS: the file is there already.
   * BACKUP_ROOT: the pages are not what was certified. BACKUP_FILE: not a whole SQLite file of this page size, or the
   * system refused.
   */
  readonly code: 'BACKUP_NOTHING' | 'BACKUP_EXISTS' | 'BACKUP_ROOT' | 'BACKUP_FILE'

  constructor(code: BackupError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** A block that a quorum certified, as far as a backup tells of it. */
export interface BackupBlock {
  readonly height: Height
  readonly block: Digest
  readonly timeMs: Millis
  readonly stateRoot: Digest
  /** Seats that signed it. */
  readonly signers: number
}

/** What was written. */
export interface Backup extends BackupBlock {
  readonly bytes: number
}

/** Pages hashed before the tree takes them. */
const BATCH_PAGES = 1024

/** The root over pages as they come, in order from 1. */
class RootOfPages {
  readonly #tree = new StateTree()
  #batch: (readonly [number, Digest])[] = []
  #count = 0

  add(page: Uint8Array): void {
    this.#count += 1
    this.#batch.push([this.#count, pageHash(this.#count, page)])
    if (this.#batch.length >= BATCH_PAGES) this.#flush()
  }

  get root(): Digest {
    this.#flush()
    return this.#tree.root
  }

  #flush(): void {
    this.#tree.update(this.#count, this.#batch)
    this.#batch = []
  }
}

/** The newest certified block at or below `most`; undefined where there is none. */
function certifiedAt(folder: string, most: number): BackupBlock | undefined {
  const db = new DatabaseSync(join(folder, LEDGER_FILE), { readOnly: true })
  try {
    const row = db
      .prepare(
        `SELECT header, bytes FROM certificates JOIN blocks USING (height)
         WHERE height <= ? ORDER BY height DESC LIMIT 1`,
      )
      .get(most)
    const [header, certificate] = [row?.['header'], row?.['bytes']]
    if (!(header instanceof Uint8Array) || !(certificate instanceof Uint8Array)) return undefined
    const [decoded, signed] = [decodeHeader(header), decodeCertificate(certificate)]
    if (!decoded.ok || !signed.ok) return undefined
    const { height: at, timeMs, stateRoot } = decoded.value
    return { height: at, timeMs, stateRoot, block: blockHash(header), signers: signed.value.signatures.length }
  } finally {
    db.close()
  }
}

/** Writes the pages of the newest certified height to `path`, and gives the root over them. */
function writeCertified(
  state: StateReader,
  folder: string,
  path: string,
): { readonly root: Digest; readonly bytes: number; readonly block: BackupBlock } {
  const block = certifiedAt(folder, state.upTo(Number.MAX_SAFE_INTEGER)?.height ?? -1)
  if (block === undefined) throw new BackupError('BACKUP_NOTHING', `${folder} holds no certified block yet`)
  const at = state.at(block.height)
  if (at === undefined)
    throw new BackupError('BACKUP_NOTHING', `${STATE_FILE} does not hold height ${block.height}, the newest certified`)
  const pages = state.pages(at)
  const file = openSync(path, 'wx', 0o600)
  try {
    const over = new RootOfPages()
    for (let number = 1; number <= at.pageCount; number += 1) {
      const page = pages.page(number)
      over.add(page)
      writeSync(file, page)
    }
    fsyncSync(file)
    return { root: over.root, bytes: at.pageCount * PAGE_BYTES, block }
  } finally {
    closeSync(file)
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * Writes the database in `folder` (a replica's data-dir), at its newest certified height, to `path` as a plain SQLite
 * file. Durable when it returns; on any error nothing is left at `path`.
 * @throws BackupError
 */
export function backUp(folder: string, path: string): Backup {
  if (existsSync(path)) throw new BackupError('BACKUP_EXISTS', `${path} is there already; nothing was written`)
  if (!existsSync(join(folder, STATE_FILE)) || !existsSync(join(folder, LEDGER_FILE)))
    throw new BackupError('BACKUP_NOTHING', `${folder} holds no ledger`)
  const partial = `${path}.partial`
  const state = new StateReader(folder)
  try {
    rmSync(partial, { force: true })
    const { root, bytes, block } = state.within(() => writeCertified(state, folder, partial))
    if (root !== block.stateRoot) {
      const what = `the pages of height ${block.height} have the root ${root}`
      throw new BackupError('BACKUP_ROOT', `${what}, and a quorum certified ${block.stateRoot}`)
    }
    renameSync(partial, path)
    syncFolder(dirname(path))
    return { ...block, bytes }
  } catch (error) {
    rmSync(partial, { force: true })
    if (error instanceof BackupError || !(error instanceof Error) || !('syscall' in error)) throw error
    throw new BackupError('BACKUP_FILE', `${path}: ${error.message}`)
  } finally {
    state.close()
  }
}

/** The state root over a plain SQLite file, to be compared with a certified one. @throws BackupError BACKUP_FILE */
export function rootOfFile(path: string): { readonly stateRoot: Digest; readonly bytes: number } {
  try {
    const { size } = statSync(path)
    if (size === 0 || size % PAGE_BYTES !== 0)
      throw new BackupError('BACKUP_FILE', `${path} has ${size} bytes, which are no pages of ${PAGE_BYTES}`)
    const over = new RootOfPages()
    const file = openSync(path, 'r')
    try {
      const page = new Uint8Array(PAGE_BYTES)
      for (let at = 0; at < size; at += PAGE_BYTES) {
        if (readSync(file, page, 0, PAGE_BYTES, at) !== PAGE_BYTES)
          throw new BackupError('BACKUP_FILE', `${path} ends at ${at} of ${size} bytes`)
        over.add(page)
      }
    } finally {
      closeSync(file)
    }
    return { stateRoot: over.root, bytes: size }
  } catch (error) {
    if (error instanceof BackupError) throw error
    throw new BackupError('BACKUP_FILE', `${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
