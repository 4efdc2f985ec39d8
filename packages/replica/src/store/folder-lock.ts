// Two processes on one data directory would sign twice with one key. Node has no flock, and a file whose mere existence
// means "locked" outlives a kill -9. SQLite locks files portably, and the operating system drops such a lock when its
// process dies: so the lock is an open exclusive transaction on an empty database that nothing is ever written to. The
// holder's process id stands in a file beside it, only for the message to the second comer.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError, toStoreError } from './store-error.ts'

const LOCK_FILE = 'lock'
const PID_FILE = 'lock.pid'

/** Holds a data directory for this process until `release` or the process's end. */
export class FolderLock {
  readonly #db: DatabaseSync

  /** @throws StoreError STORE_LOCKED naming the holder's process id, STORE_IO */
  constructor(folder: string) {
    const path = join(folder, LOCK_FILE)
    let db: DatabaseSync | undefined
    try {
      db = new DatabaseSync(path, { timeout: 0 })
      db.exec('BEGIN EXCLUSIVE')
      writeFileSync(join(folder, PID_FILE), `${process.pid}\n`)
    } catch (error) {
      db?.close()
      const trouble = toStoreError(error, 'locking the data directory', path)
      if (trouble.code !== 'STORE_LOCKED') throw trouble
      throw new StoreError('STORE_LOCKED', `${folder}: in use by process ${holder(folder)}, wanted by ${process.pid}`)
    }
    this.#db = db
  }

  release(): void {
    this.#db.close()
  }
}

function holder(folder: string): string {
  try {
    return readFileSync(join(folder, PID_FILE), 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
