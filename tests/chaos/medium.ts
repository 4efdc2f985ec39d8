// What a member's data directory lies on: a plain folder, an ext4 in a file (its power can be cut), or a tmpfs (it can be full).

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { command, cutPower, makeImage, unmount } from './host.ts'

/** The kinds of disks under data directories. */
export type MediumKind = 'ext4' | 'plain' | 'tmpfs'

const PAGE_BYTES = 4096

/** One member's disk. */
export class Medium {
  readonly kind: MediumKind
  readonly #mountPoint: string
  readonly #image: string
  readonly #bytesMax: number
  #isMounted = false

  constructor(kind: MediumKind, folder: string, bytesMax: number) {
    this.kind = kind
    this.#mountPoint = join(folder, 'disk')
    this.#image = join(folder, 'disk.img')
    this.#bytesMax = bytesMax
    mkdirSync(this.#mountPoint)
    if (kind === 'ext4') makeImage(this.#image, bytesMax)
    this.#mount()
  }

  /** The member's data directory. */
  get dataDir(): string {
    return join(this.#mountPoint, 'data')
  }

  /**
   * Cuts the power and gives it back. The member's process must be stopped before, so that it tells nobody of what is lost, and
   * `kill` must end it: its files are held until then. Gives whether something that was written and never synced is gone, as it
   * must be.
   */
  async cutPower(kill: () => Promise<void>): Promise<boolean> {
    const witness = join(this.#mountPoint, 'witness')
    const file = openSync(witness, 'w')
    writeSync(file, 'never synced')
    closeSync(file)
    cutPower(this.#mountPoint)
    await kill()
    unmount(this.#mountPoint)
    this.#mount()
    return !existsSync(witness) || readFileSync(witness, 'utf8') === ''
  }

  /** Leaves `bytes` bytes of room, at least; undefined gives all of it back. */
  leaveRoom(bytes: number | undefined): void {
    const { blocks, bfree, bsize } = statfsSync(this.#mountPoint)
    const usedBytes = (blocks - bfree) * bsize
    const size = bytes === undefined ? this.#bytesMax : Math.ceil((usedBytes + bytes) / PAGE_BYTES) * PAGE_BYTES
    command('mount', '-o', `remount,size=${size}`, this.#mountPoint)
  }

  close(): void {
    if (this.#isMounted) unmount(this.#mountPoint)
    this.#isMounted = false
  }

  #mount(): void {
    if (this.kind === 'plain') return
    if (this.kind === 'ext4') command('mount', '-o', 'loop', this.#image, this.#mountPoint)
    else command('mount', '-t', 'tmpfs', '-o', `size=${this.#bytesMax}`, 'tmpfs', this.#mountPoint)
    this.#isMounted = true
  }
}
