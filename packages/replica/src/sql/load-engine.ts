import init from '@sqlite.org/sqlite-wasm'
import type { SqliteModule } from '@quorate/sql-state'
import { Engine } from '@quorate/sql-state'

/** Instantiates the pinned WASM build and makes it an engine. One per thread. */
export async function loadEngine(): Promise<Engine> {
  const quiet = { print: () => undefined, printErr: () => undefined }
  // The package's own types describe its object layer; the engine uses the module beneath it.
  const load = init as unknown as (options: typeof quiet) => Promise<SqliteModule>
  return new Engine(await load(quiet))
}
