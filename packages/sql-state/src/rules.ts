// The rules of an era: every number that decides what a statement may do. Change one and outcomes change, so a change
// is a new era, agreed on at a height.

/** Number of the rule set. */
export const ERA = 1

/** The engine of this era: `sqlite3_sourceid` of the pinned build. */
export const ENGINE_SOURCE_ID = '2026-10-16 14:45:20 555e07ef33f69a0957d24d8e555b702464a131d6f1607f4c3c1e4551e8e6ca76'

/** SHA-256 of the engine's binary, `sqlite3.wasm` of @sqlite.org/sqlite-wasm 3.54.1-build1. A loader checks it. */
export const ENGINE_HASH = 'b8a92a19f441a90ff2339fe988fbe317c4adf3ed844096f12aee04aa72d58257'

/** Memory that the engine is given when it is loaded (address space: a page costs nothing until it is used). */
export const ENGINE_MEMORY_BYTES = 512 * 1024 * 1024

/** Bounds of what SQL may use. Gas counts steps of SQLite's virtual machine. */
export const RULES = {
  /** Gas of one transaction. */
  transactionGasMax: 20_000_000,
  /** Gas of one block; transactions behind it are refused as BLOCK_FULL. */
  blockGasMax: 200_000_000,
  /** Steps between two looks at the gas meter: a statement overruns its limit by no more. */
  gasStep: 1000,
  /** Gas of running a statement at all. */
  statementGas: 100,
  /** Gas of one character of a statement's text. */
  characterGas: 2,
  /** Fuel of one transaction or read: what may happen within its steps (see fuel.ts). A second or two of work. */
  transactionFuelMax: 500_000_000,
  /** Fuel of one block; transactions behind it are refused as BLOCK_FULL. */
  blockFuelMax: 2_000_000_000,
  /** With less fuel than this left, a statement ends at its next look at the meter, before it must trap. */
  fuelReserve: 50_000_000,
  /** Bytes of one value and of one row. */
  valueBytesMax: 4 * 1024 * 1024,
  /** Bytes of all replies that one transaction or read answers with. */
  resultBytesMax: 4 * 1024 * 1024,
  /** Bytes of heap of the whole engine: sorters and the dirty pages of a transaction are in it. */
  heapBytesMax: 256 * 1024 * 1024,
  /** KiB of page cache. Not spilled: dirty pages stay until commit, whatever the cache's size. */
  cacheKib: 65_536,
  /** How long an interactive transaction may have begun before the block that orders it. */
  replayMsMax: 60_000,
  /** How far ahead of the block's time an id may ask to be remembered. */
  rememberMsMax: 25 * 60 * 60 * 1000,
  /** Expired ids forgotten in one block. */
  forgetMax: 8192,
  /** Gas of a governance transaction, whatever becomes of it: two signatures are checked. */
  governanceGas: 20_000,
  /** How long a proposal stays open. Time and not blocks: there are none for a while, and then a hundred a second. */
  proposalMsMax: 7 * 24 * 60 * 60 * 1000,
  /** Proposals of one member that may be open at once. */
  proposalsMax: 8,
} as const

/**
 * sqlite3_limit: id and value. Length, SQL length, columns, expression depth, compound selects, VDBE ops, arguments,
 * attached, LIKE pattern, variables, trigger depth, workers.
 */
export const SQLITE_LIMITS: readonly (readonly [number, number])[] = [
  [0, RULES.valueBytesMax],
  [1, 1_000_000],
  [2, 2000],
  [3, 500],
  [4, 500],
  [5, 25_000_000],
  [6, 127],
  [7, 0],
  [8, 1000],
  [9, 32_766],
  [10, 100],
  [11, 0],
]

/** Pragmas a client may use with and without an argument. */
export const PRAGMAS_FREE: ReadonlySet<string> = new Set([
  'application_id',
  'defer_foreign_keys',
  'foreign_key_check',
  'foreign_key_list',
  'index_info',
  'index_list',
  'index_xinfo',
  'integrity_check',
  'quick_check',
  'table_info',
  'table_list',
  'table_xinfo',
  'user_version',
  'optimize',
])

/** Pragmas that may be read, not set. */
export const PRAGMAS_READ: ReadonlySet<string> = new Set([
  'collation_list',
  'compile_options',
  'database_list',
  'encoding',
  'foreign_keys',
  'function_list',
  'module_list',
  'page_count',
  'page_size',
  'pragma_list',
  'recursive_triggers',
  'schema_version',
  'freelist_count',
  'auto_vacuum',
  'journal_mode',
  'synchronous',
  'cache_size',
  'busy_timeout',
])

/** Pragmas that SQLite's extensions use while they run. */
export const PRAGMAS_NESTED: ReadonlySet<string> = new Set(['data_version'])

/** Functions that leave the sandbox. */
export const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set([
  'load_extension',
  'fts3_tokenizer',
  'readfile',
  'writefile',
  'edit',
])

/**
 * Built-in tables that show what is not part of the database: raw pages (with counters that the state root leaves out),
 * other statements of the connection, its bytecode. `dbstat` reads the whole file within one step.
 */
export const FORBIDDEN_TABLES: ReadonlySet<string> = new Set([
  'sqlite_dbpage',
  'sqlite_stmt',
  'bytecode',
  'tables_used',
  'dbstat',
  'sqlite_memstat',
])

/** Modules of CREATE VIRTUAL TABLE. */
export const VIRTUAL_TABLE_MODULES: ReadonlySet<string> = new Set(['fts5', 'fts5vocab', 'rtree', 'rtree_i32'])
