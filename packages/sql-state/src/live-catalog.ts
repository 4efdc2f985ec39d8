// The catalogue as a transaction sees it. Reading all tables takes long where there are many, and each change of the
// schema changes one: so it is read once, kept from block to block, and brought up to date table by table; what is undone
// is put back as it was.

import type { SchemaAction } from './authorizer.ts'
import type { BlockConnection } from './block-connection.ts'
import type { Catalog, Table } from './catalog.ts'
import { presentName, readCatalog, readTable, shadowsOf } from './catalog.ts'

/** The tables of a state that was committed; the schema's version tells whether they are still those. */
export interface CatalogMemory {
  version: bigint | undefined
  catalog: Catalog
}

/** Remembers nothing yet. */
export function newCatalogMemory(): CatalogMemory {
  return { version: undefined, catalog: new Map() }
}

/** What the catalogue said of tables before a change. */
export type CatalogBefore = readonly (readonly [name: string, table: Table | undefined])[]

const VERSION = 'PRAGMA schema_version'

export class LiveCatalog {
  readonly #block: BlockConnection
  readonly #committed: CatalogMemory
  /** A copy of what is committed, once the transaction has changed it. */
  #own: Map<string, Table> | undefined
  #version: bigint | undefined

  constructor(block: BlockConnection, memory: CatalogMemory) {
    this.#block = block
    this.#committed = memory
  }

  /** Version of the schema that the catalogue is of. */
  get version(): bigint | undefined {
    return this.#version
  }

  get(name: string): Table | undefined {
    return (this.#own ?? this.#committed.catalog).get(name)
  }

  /** The schema's version now. */
  readVersion(): bigint {
    return this.#block.own(VERSION)?.[0] as bigint
  }

  /** A transaction begins: nothing of the one before counts unless it was kept. */
  begin(): void {
    const version = this.readVersion()
    if (version !== this.#committed.version) {
      this.#committed.catalog = readCatalog(this.#block.connection)
      this.#committed.version = version
    }
    this.#version = version
    this.#own = undefined
  }

  /** The transaction will be committed. */
  keep(): void {
    this.#committed.catalog = this.#own ?? this.#committed.catalog
    this.#own = undefined
    this.#committed.version = this.#version
  }

  /** A statement has changed the schema; gives what `undo` takes. */
  advance(version: bigint, action: SchemaAction | undefined): CatalogBefore {
    this.#version = version
    return action?.type === 'table' ? this.#set(this.#presentOf(action)) : []
  }

  /** The changes since then have been rolled back. */
  undo(version: bigint, before: CatalogBefore): void {
    this.#version = version
    this.#set(before)
  }

  #presentOf({ operation, name }: SchemaAction): CatalogBefore {
    const { connection } = this.#block
    if (operation === 'drop') return [[name, undefined]]
    const known = operation === 'alter' ? this.get(name) : undefined
    const present = known === undefined ? name : presentName(connection, known)
    const table = present === undefined ? undefined : readTable(connection, present)
    const gone = [name, undefined] as const
    if (table !== undefined) return [gone, [table.name, table]]
    // What is no ordinary table may be a virtual one, which makes others its own.
    return [gone, ...shadowsOf(name).map((shadow) => [shadow, undefined] as const)]
  }

  #set(tables: CatalogBefore): CatalogBefore {
    this.#own ??= new Map(this.#committed.catalog)
    const own = this.#own
    const before = tables.map(([name]) => [name, own.get(name)] as const)
    for (const [name, table] of tables) {
      if (table === undefined) own.delete(name)
      else own.set(name, table)
    }
    return before
  }
}
