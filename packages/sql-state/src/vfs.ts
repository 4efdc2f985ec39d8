// The file system that SQLite sees: named databases made of pages, a clock and a source of randomness that are inputs.
//
// It is installed as the module's default VFS, because `sqlite3_randomness` asks the default one, whatever file is
// open: with any other, every replica would draw real entropy for rowids past 2^63 - 1 and diverge.
//
// A callback can't throw through C. What goes wrong below (a disk that fails) is kept in `trouble`; SQLite is told
// IOERR, and the engine throws the trouble as soon as SQLite returns, so that it stops the replica and never becomes an
// outcome.

import { concatBytes, fromHex, sha256 } from '@quorate/kernel'
import type { Overlay } from './pages.ts'
import { PAGE_BYTES } from './pages.ts'
import type { Memory, Pointer, SqliteModule } from './wasm.ts'
import { Memory as ModuleMemory, RESULT } from './wasm.ts'

/** Milliseconds from the Julian epoch, SQLite's own, to 1970. */
const JULIAN_EPOCH_MS = 210_866_760_000_000n
const PATH_BYTES_MAX = 64
const FILE_STRUCT_BYTES = 8
const VFS_STRUCT_BYTES = 88
const IO_METHODS_STRUCT_BYTES = 76
const OPEN_MAIN_DB = 0x100

/** The VFS of one module. */
export class PageVfs {
  readonly memory: Memory
  readonly #files = new Map<string, Overlay>()
  readonly #open = new Map<number, Overlay>()
  #nextFile = 1
  #methods: Pointer = 0
  #timeMs = 0
  #seed: Uint8Array = new Uint8Array(0)
  #draws = 0
  #trouble: unknown
  #isWritable = false

  constructor(module: SqliteModule) {
    this.memory = new ModuleMemory(module)
    this.#register()
  }

  /** Makes `overlay` the database file `name`. */
  mount(name: string, overlay: Overlay): void {
    this.#files.set(name, overlay)
  }

  unmount(name: string): void {
    this.#files.delete(name)
  }

  /** Forgets every open file: the module's memory, where SQLite keeps its handles, was put back. */
  forget(): void {
    this.#files.clear()
    this.#open.clear()
    this.#nextFile = 1
    this.#trouble = undefined
    this.#isWritable = false
  }

  /** What `now` is, in milliseconds since 1970. */
  setTime(timeMs: number): void {
    this.#timeMs = timeMs
  }

  /** Runs `work`, the only time that files change. */
  writable<T>(work: () => T): T {
    this.#isWritable = true
    try {
      return work()
    } finally {
      this.#isWritable = false
    }
  }

  /** Starts the random sequence that belongs to `seed`. */
  reseed(seed: Uint8Array): void {
    this.#seed = seed
    this.#draws = 0
    this.memory.exports.sqlite3_randomness(0, 0)
  }

  /** Throws what went wrong in a callback, if anything did. */
  check(): void {
    if (this.#trouble === undefined) return
    const trouble = this.#trouble
    this.#trouble = undefined
    throw trouble
  }

  #fileOf(file: Pointer): Overlay | undefined {
    return this.#open.get(this.memory.u32(file + 4))
  }

  /** Runs a callback's work; whatever it throws becomes `trouble` and IOERR. */
  #guard(work: () => number): number {
    try {
      return work()
    } catch (error) {
      this.#trouble ??= error
      return RESULT.ioerr
    }
  }

  #read(file: Pointer, target: Pointer, count: number, offset: bigint): number {
    return this.#guard(() => {
      const overlay = this.#fileOf(file)
      if (overlay === undefined) return RESULT.ioerr
      const start = Number(offset)
      const heap = this.memory.bytes
      const number = Math.floor(start / PAGE_BYTES) + 1
      if (number > overlay.pageCount) {
        heap.fill(0, target, target + count)
        return RESULT.shortRead
      }
      const within = start % PAGE_BYTES
      const page = overlay.page(number)
      heap.set(within === 0 && count === PAGE_BYTES ? page : page.subarray(within, within + count), target)
      return RESULT.ok
    })
  }

  /** Only a COMMIT of ours writes (nothing spills): a client's statement that got here would be a broken engine's. */
  #write(file: Pointer, source: Pointer, count: number, offset: bigint): number {
    return this.#guard(() => {
      const overlay = this.#fileOf(file)
      if (overlay === undefined || count !== PAGE_BYTES || !this.#isWritable) return RESULT.ioerr
      overlay.write(Math.floor(Number(offset) / PAGE_BYTES) + 1, this.memory.bytes, source)
      return RESULT.ok
    })
  }

  #randomness(count: number, target: Pointer): number {
    let drawn = 0
    while (drawn < count) {
      const block = fromHex(
        sha256(concatBytes([this.#seed, Uint8Array.of(this.#draws % 256, Math.floor(this.#draws / 256) % 256)])),
      )
      this.#draws += 1
      const part = (block ?? new Uint8Array(0)).subarray(0, count - drawn)
      this.memory.bytes.set(part, target + drawn)
      drawn += part.length
    }
    return count
  }

  #openFile(name: Pointer, file: Pointer, flags: number, outFlags: Pointer): number {
    const { memory } = this
    memory.setU32(file, 0)
    // Journals and temporary files are kept in memory by the connection's settings; a request for one is refused.
    if (name === 0 || Math.floor(flags / OPEN_MAIN_DB) % 2 === 0) return RESULT.cantopen
    const overlay = this.#files.get(memory.text(name) ?? '')
    if (overlay === undefined) return RESULT.cantopen
    const id = this.#nextFile
    this.#nextFile += 1
    this.#open.set(id, overlay)
    memory.setU32(file, this.#methods)
    memory.setU32(file + 4, id)
    if (outFlags !== 0) memory.setU32(outFlags, flags)
    return RESULT.ok
  }

  #register(): void {
    const { memory } = this
    const ok = (): number => RESULT.ok
    const zero = (_file: Pointer, out: Pointer): number => {
      memory.setU32(out, 0)
      return RESULT.ok
    }
    // Offsets and signatures of sqlite3_io_methods, version 1.
    const methods = memory.exports.malloc(IO_METHODS_STRUCT_BYTES)
    memory.bytes.fill(0, methods, methods + IO_METHODS_STRUCT_BYTES)
    const method = (offset: number, signature: string, callback: (...args: never[]) => unknown): void =>
      memory.setU32(methods + offset, memory.install(signature, callback))
    memory.setU32(methods, 1)
    method(4, 'i(p)', (file: Pointer) => {
      this.#open.delete(memory.u32(file + 4))
      return RESULT.ok
    })
    method(8, 'i(ppij)', (file: Pointer, target: Pointer, count: number, offset: bigint) =>
      this.#read(file, target, count, offset),
    )
    method(12, 'i(ppij)', (file: Pointer, source: Pointer, count: number, offset: bigint) =>
      this.#write(file, source, count, offset),
    )
    method(16, 'i(pj)', (file: Pointer, size: bigint) => {
      this.#fileOf(file)?.truncate(Math.floor(Number(size) / PAGE_BYTES))
      return RESULT.ok
    })
    method(20, 'i(pi)', ok)
    method(24, 'i(pp)', (file: Pointer, out: Pointer) => {
      memory.setI64(out, BigInt((this.#fileOf(file)?.pageCount ?? 0) * PAGE_BYTES))
      return RESULT.ok
    })
    method(28, 'i(pi)', ok)
    method(32, 'i(pi)', ok)
    method(36, 'i(pp)', zero)
    method(40, 'i(pip)', () => RESULT.notfound)
    method(44, 'i(p)', () => PAGE_BYTES)
    method(48, 'i(p)', () => 0)
    this.#methods = methods
    this.#registerVfs()
  }

  #registerVfs(): void {
    const { memory } = this
    const name = memory.exports.malloc(8)
    memory.bytes.set([113, 117, 111, 114, 97, 116, 101, 0], name)
    const vfs = memory.exports.malloc(VFS_STRUCT_BYTES)
    memory.bytes.fill(0, vfs, vfs + VFS_STRUCT_BYTES)
    const method = (offset: number, signature: string, callback: (...args: never[]) => unknown): void =>
      memory.setU32(vfs + offset, memory.install(signature, callback))
    // Offsets of sqlite3_vfs, version 2: the one that has xCurrentTimeInt64.
    memory.setU32(vfs, 2)
    memory.setU32(vfs + 4, FILE_STRUCT_BYTES)
    memory.setU32(vfs + 8, PATH_BYTES_MAX)
    memory.setU32(vfs + 16, name)
    method(24, 'i(pppip)', (_vfs: Pointer, path: Pointer, file: Pointer, flags: number, out: Pointer) =>
      this.#openFile(path, file, flags, out),
    )
    method(28, 'i(ppi)', () => RESULT.ok)
    method(32, 'i(ppip)', (_vfs: Pointer, _path: Pointer, _flags: number, out: Pointer) => {
      memory.setU32(out, 0)
      return RESULT.ok
    })
    method(36, 'i(ppip)', (_vfs: Pointer, path: Pointer, count: number, out: Pointer) => {
      const length = memory.stringLength(path) + 1
      if (length > count) return RESULT.cantopen
      memory.bytes.copyWithin(out, path, path + length)
      return RESULT.ok
    })
    method(56, 'i(pip)', (_vfs: Pointer, count: number, target: Pointer) => this.#randomness(count, target))
    method(60, 'i(pi)', () => 0)
    method(68, 'i(pip)', () => 0)
    method(72, 'i(pp)', (_vfs: Pointer, out: Pointer) => {
      memory.setI64(out, BigInt(this.#timeMs) + JULIAN_EPOCH_MS)
      return RESULT.ok
    })
    memory.exports.sqlite3_vfs_register(vfs, 1)
  }
}

/** The seed of one statement, from its transaction's: a statement's draws don't depend on how many others made. */
export function statementSeed(transactionSeed: Uint8Array, statement: number): Uint8Array {
  const index = Uint8Array.of(statement % 256, Math.floor(statement / 256) % 256, Math.floor(statement / 65_536) % 256)
  return concatBytes([transactionSeed, index])
}
