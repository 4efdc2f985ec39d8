// One WASM module made into an engine: its VFS, its gas meter and its authorizer, installed once, and connections that
// are all set up alike. The hooks are C callbacks of the module; whose statement they speak of is whichever runs, since
// nothing here runs in parallel.

import { assert } from '@quorate/kernel'
import type { VerifySignature } from '@quorate/types'
import type { StatementNotes } from './authorizer.ts'
import { authorize, authorizeNested } from './authorizer.ts'
import { Connection } from './connection.ts'
import { EngineImage } from './engine-image.ts'
import type { GasMeter } from './gas.ts'
import type { Overlay } from './pages.ts'
import { PAGE_BYTES } from './pages.ts'
import { ENGINE_MEMORY_BYTES, ENGINE_SOURCE_ID, RULES, SQLITE_LIMITS } from './rules.ts'
import { PageVfs } from './vfs.ts'
import type { Pointer, SqliteModule } from './wasm.ts'

const ALLOW = 0
const DENY = 1
const CONFIG_DEFENSIVE = 1010
const CONFIG_DQS_DDL = 1014
const CONFIG_DQS_DML = 1013
const CONFIG_LOAD_EXTENSION = 1005
const CONFIG_TRUSTED_SCHEMA = 1017

/** Fuel of what the ledger itself does: as much as there can be. */
export const OWN_FUEL = 2_147_483_647

/** Page cache of a reader or a session, many of which share one engine. Changes no answer. */
export const READ_CACHE_KIB = 8192

/** An open connection and how to close it. */
export interface Opened {
  readonly connection: Connection
  readonly close: () => void
}

/** A change of a row that is about to be made. */
export interface RowCall {
  readonly operation: 'delete' | 'insert' | 'update'
  readonly table: string
  /** Of an update or a delete, in a table that has rowids. */
  readonly oldRowid: bigint
  /** Of an update or an insert. */
  readonly newRowid: bigint
}

/** SQLite's numbers of the operations. */
const ROW_OPERATIONS: ReadonlyMap<number, RowCall['operation']> = new Map([
  [9, 'delete'],
  [18, 'insert'],
  [23, 'update'],
])

/** Settings of a connection that tests vary, to show that they change nothing. */
export interface OpenOptions {
  readonly cacheKib?: number
}

/** The engine of one thread. */
export class Engine {
  readonly vfs: PageVfs
  /** Checks the signatures of governance. */
  readonly verify: VerifySignature
  readonly #image: EngineImage
  readonly #progress: Pointer
  readonly #authorizer: Pointer
  readonly #heapBytesMax: number
  readonly #fuel: { value: number }
  #meter: GasMeter | undefined
  #notes: StatementNotes | undefined
  #files = 0
  #rowHook: Pointer = 0
  #onRow: ((call: RowCall) => void) | undefined

  /**
   * @param module - The pinned build; another one is refused, because it would compute other outcomes.
   * @param options - `verify` is the rule of signatures, the same on every replica; `heapBytesMax` below the era's is
   * for tests of what happens there.
   */
  constructor(module: SqliteModule, options: { readonly verify: VerifySignature; readonly heapBytesMax?: number }) {
    assert(
      module.version.sourceId === ENGINE_SOURCE_ID,
      `SQL engine ${module.version.sourceId}, this era runs ${ENGINE_SOURCE_ID}`,
    )
    this.verify = options.verify
    this.#heapBytesMax = options.heapBytesMax ?? RULES.heapBytesMax
    this.vfs = new PageVfs(module)
    const { memory } = this.vfs
    // Growing may fail on a machine that is short of memory, and a statement must not be what finds out.
    assert(
      memory.bytes.length >= ENGINE_MEMORY_BYTES,
      `the engine has ${memory.bytes.length} bytes, it needs ${ENGINE_MEMORY_BYTES} from the start`,
    )
    assert(memory.exports.quorate_fuel !== undefined, 'the engine was instantiated without fuel')
    this.#fuel = memory.exports.quorate_fuel
    this.#progress = memory.install('i(p)', () => (this.#mayGoOn() ? 0 : 1))
    this.#authorizer = memory.install(
      'i(pipppp)',
      (_argument: Pointer, action: number, first: Pointer, second: Pointer, database: Pointer) =>
        this.#mayDo(action, first, second, database) ? ALLOW : DENY,
    )
    this.#image = new EngineImage(memory)
  }

  /** Whether the last statements have left the engine's memory as SQLite expects it. */
  get isIntact(): boolean {
    return this.#image.isIntact
  }

  /**
   * Makes the engine new: nothing it has ever done has an effect on what it does next. Connections that are open are
   * void.
   */
  renew(): void {
    this.refuel(OWN_FUEL)
    this.#image.restore()
    this.vfs.forget()
    this.#files = 0
    this.#meter = undefined
    this.#notes = undefined
    this.#onRow = undefined
  }

  /** What is left of the fuel. Below zero the engine has trapped, and traps again at every call. */
  get fuel(): number {
    return this.#fuel.value
  }

  /** Sets the fuel for what comes next. */
  refuel(fuel: number): void {
    this.#fuel.value = fuel
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

  /**
   * Tells `listener` of each change of a row on `connection`, before it is made; undefined ends that. It is called from
   * within SQLite: it must not throw, nor use the connection but for `changingValue`. What runs under it may
   * take other steps and leave other pages, so that no outcome may depend on it.
   */
  watchRows(connection: Connection, listener: ((call: RowCall) => void) | undefined): void {
    this.#onRow = listener
    if (this.#rowHook === 0) {
      const { memory } = this.vfs
      this.#rowHook = memory.install(
        'v(ppippjj)',
        (
          _: Pointer,
          _db: Pointer,
          code: number,
          _name: Pointer,
          table: Pointer,
          oldRowid: bigint,
          newRowid: bigint,
        ) => {
          const operation = ROW_OPERATIONS.get(code)
          if (operation !== undefined) this.#onRow?.({ operation, table: memory.text(table) ?? '', oldRowid, newRowid })
        },
      )
    }
    connection.hookChanges(listener === undefined ? 0 : this.#rowHook)
  }

  /** Opens a fresh connection on `overlay`, with the era's settings. */
  open(overlay: Overlay, options: OpenOptions = {}): Opened {
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
        `PRAGMA recursive_triggers=OFF;PRAGMA hard_heap_limit=${this.#heapBytesMax}`,
    )
    connection.watch({ steps: RULES.gasStep, pointer: this.#progress }, this.#authorizer)
    const close = (): void => {
      connection.close()
      this.vfs.unmount(name)
    }
    return { connection, close }
  }

  /** Asked now and then while a statement runs, or is prepared. */
  #mayGoOn(): boolean {
    if (this.#meter?.tick() === false) return false
    const isOwn = this.#meter === undefined && this.#notes === undefined
    return isOwn || this.fuel >= RULES.fuelReserve
  }

  #mayDo(action: number, first: Pointer, second: Pointer, database: Pointer): boolean {
    const { memory } = this.vfs
    if (this.#notes !== undefined) {
      const names = { first: memory.text(first), second: memory.text(second), database: memory.text(database) }
      return authorize(this.#notes, { action, ...names })
    }
    // Neither prepared nor stepped for a client: our own statement.
    return this.#meter === undefined || authorizeNested(action, memory.text(first))
  }
}
