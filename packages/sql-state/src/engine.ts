// One WASM module made into an engine: its VFS, its gas meter and its authorizer, installed once, and connections that are all
// set up alike. The hooks are C callbacks of the module; whose statement they speak of is whichever runs, since nothing here runs
// in parallel.

import { assert } from '@quorate/kernel'
import type { StatementNotes } from './authorizer.ts'
import { authorize } from './authorizer.ts'
import { Connection } from './connection.ts'
import type { Overlay } from './pages.ts'
import { PAGE_BYTES } from './pages.ts'
import { ENGINE_SOURCE_ID, RULES, SQLITE_LIMITS } from './rules.ts'
import { PageVfs } from './vfs.ts'
import type { Pointer, SqliteModule } from './wasm.ts'

const ALLOW = 0
const DENY = 1
const CONFIG_DEFENSIVE = 1010
const CONFIG_DQS_DDL = 1014
const CONFIG_DQS_DML = 1013
const CONFIG_LOAD_EXTENSION = 1005
const CONFIG_TRUSTED_SCHEMA = 1017
const PROBE_BYTES = 32 * 1024 * 1024

/** Counts virtual-machine steps of one transaction or read, and stops it at its limit. */
export class GasMeter {
  readonly #limit: number
  #used = 0
  #ticks = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Steps used by finished statements. */
  get used(): number {
    return this.#used
  }

  /** A statement begins. */
  begin(): void {
    this.#ticks = 0
  }

  /** `gasStep` more steps, nested statements of extensions included. False ends the statement. */
  tick(): boolean {
    this.#ticks += 1
    return this.#used + this.#ticks * RULES.gasStep <= this.#limit
  }

  /** A statement ended after `steps` of its own. */
  end(steps: number): void {
    this.#used += Math.max(steps, this.#ticks * RULES.gasStep)
    this.#ticks = 0
  }
}

/** The engine of one thread. */
export class Engine {
  readonly vfs: PageVfs
  readonly #progress: Pointer
  readonly #authorizer: Pointer
  #meter: GasMeter | undefined
  #notes: StatementNotes | undefined
  #files = 0

  /** @param module - The pinned build; another one is refused, because it would compute other outcomes. */
  constructor(module: SqliteModule) {
    assert(module.version.sourceId === ENGINE_SOURCE_ID, `SQL engine ${module.version.sourceId}, this era runs ${ENGINE_SOURCE_ID}`)
    this.vfs = new PageVfs(module)
    const { memory } = this.vfs
    this.#progress = memory.install('i(p)', () => (this.#meter?.tick() === false ? 1 : 0))
    const text = (at: Pointer): string | undefined => {
      if (at === 0) return undefined
      return String.fromCharCode(...memory.bytes.subarray(at, at + memory.stringLength(at)))
    }
    this.#authorizer = memory.install('i(pipppp)', (_argument: Pointer, action: number, first: Pointer, second: Pointer) =>
      this.#notes === undefined || authorize(this.#notes, action, text(first), text(second)) ? ALLOW : DENY,
    )
  }

  /** Runs `work`, a preparation of a client's statement, under the authorizer, which fills `notes`. */
  authorized<T>(notes: StatementNotes, work: () => T): T {
    this.#notes = notes
    try {
      return work()
    } finally {
      this.#notes = undefined
    }
  }

  /** Runs `work`, the stepping of a client's statement, on the meter. */
  metered<T>(meter: GasMeter, work: () => T): T {
    this.#meter = meter
    meter.begin()
    try {
      return work()
    } finally {
      this.#meter = undefined
    }
  }

  /** Opens a fresh connection on `overlay`, with the era's settings. Close it with the function given back. */
  open(overlay: Overlay, options: { readonly cacheKib?: number } = {}): { readonly connection: Connection; readonly close: () => void } {
    this.#files += 1
    const name = `db${this.#files}`
    this.vfs.mount(name, overlay)
    const connection = new Connection(this.vfs, name)
    for (const [id, value] of SQLITE_LIMITS) connection.limit(id, value)
    connection.config(CONFIG_DEFENSIVE, true)
    connection.config(CONFIG_LOAD_EXTENSION, false)
    connection.config(CONFIG_TRUSTED_SCHEMA, false)
    connection.config(CONFIG_DQS_DDL, true)
    connection.config(CONFIG_DQS_DML, true)
    connection.setForeignKeys(true)
    connection.exec(
      `PRAGMA page_size=${PAGE_BYTES};PRAGMA journal_mode=MEMORY;PRAGMA locking_mode=EXCLUSIVE;PRAGMA synchronous=OFF;` +
        `PRAGMA temp_store=MEMORY;PRAGMA cache_spill=OFF;PRAGMA cache_size=-${options.cacheKib ?? RULES.cacheKib};` +
        `PRAGMA recursive_triggers=OFF;PRAGMA hard_heap_limit=${RULES.heapBytesMax}`,
    )
    connection.watch({ steps: RULES.gasStep, pointer: this.#progress }, this.#authorizer)
    const close = (): void => {
      connection.close()
      this.vfs.unmount(name)
    }
    return { connection, close }
  }

  /** Whether the module can still get memory: tells the era's heap limit (an outcome) from a machine without memory (local trouble). */
  get hasMemory(): boolean {
    const { exports } = this.vfs.memory
    const probe = exports.malloc(PROBE_BYTES)
    if (probe !== 0) exports.free(probe)
    return probe !== 0
  }
}
