// An archive in a folder. A file gets its name, by a link, only when all of it is on disk; a link fails where the name is there
// already. What a killed archiver leaves behind has a name that no reader looks at, and is removed after an hour.

import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Place } from './place.ts'
import { PlaceError } from './place.ts'

const PARTIAL = /^\.[0-9a-f]{16}\.partial$/
const PARTIAL_MS_MAX = 3_600_000

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export class FolderPlace implements Place {
  readonly title: string
  #isTidy = false

  constructor(folder: string) {
    this.title = folder
  }

  async list(): Promise<readonly string[]> {
    return this.#try(async () => {
      try {
        const names = await readdir(this.title)
        return names.filter((name) => !name.startsWith('.'))
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return []
        throw error
      }
    })
  }

  async get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const path = join(this.title, name)
    return this.#try(async () => {
      try {
        const { size } = await stat(path)
        if (size > bytesMax)
          throw new PlaceError('ARCHIVE_TOO_LARGE', `${path} has ${size} bytes, at most ${bytesMax} are looked at`)
        return new Uint8Array(await readFile(path))
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
    })
  }

  async put(name: string, bytes: Uint8Array): Promise<'written' | 'exists'> {
    return this.#try(async () => {
      await mkdir(this.title, { recursive: true })
      await this.#tidy()
      const partial = join(this.title, `.${randomBytes(8).toString('hex')}.partial`)
      try {
        await this.#write(partial, bytes)
        await link(partial, join(this.title, name))
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return 'exists'
        throw error
      } finally {
        await unlink(partial).catch(() => undefined)
      }
      await this.#sync()
      return 'written'
    })
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await open(path, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** A name is durable only once its folder is. */
  async #sync(): Promise<void> {
    if (process.platform === 'win32') return
    const folder = await open(this.title, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async #tidy(): Promise<void> {
    if (this.#isTidy) return
    this.#isTidy = true
    for (const name of await readdir(this.title)) {
      if (!PARTIAL.test(name)) continue
      const path = join(this.title, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs > PARTIAL_MS_MAX) await unlink(path).catch(() => undefined)
    }
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof PlaceError) throw error
      throw new PlaceError('ARCHIVE_PLACE', `${this.title}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
