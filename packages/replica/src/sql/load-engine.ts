import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import init from '@sqlite.org/sqlite-wasm'
import { assert } from '@quorate/kernel'
import type { SqliteModule, WasmImports } from '@quorate/sql-state'
import { Engine, ENGINE_HASH, ENGINE_MEMORY_BYTES, sealedImports, withFuel } from '@quorate/sql-state'
import type { VerifySignature } from '@quorate/types'
import { verifyNow } from '../crypto/verify-now.ts'

/** The global of that name, as far as it is used: Node's types have none. */
declare const WebAssembly: {
  readonly compile: (bytes: Uint8Array) => Promise<object>
  readonly Instance: new (module: object, imports: WasmImports) => object
}

/** What the package's loader takes, beyond what its types say. */
interface LoaderOptions {
  readonly INITIAL_MEMORY: number
  readonly print: () => void
  readonly printErr: () => void
  readonly instantiateWasm: (imports: WasmImports, onInstance: (instance: object, module: object) => void) => object
}

// The package's own types describe its object layer; the engine uses the module beneath it.
const load = init as unknown as (options: LoaderOptions) => Promise<SqliteModule>

let compiled: Promise<object> | undefined

/** The pinned binary, checked byte by byte (another one would compute other outcomes), and made to count its work. */
async function compile(): Promise<object> {
  const bytes = await readFile(fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')))
  const hash = createHash('sha256').update(bytes).digest('hex')
  assert(hash === ENGINE_HASH, `sqlite3.wasm hashes to ${hash}, this era runs ${ENGINE_HASH}`)
  return WebAssembly.compile(withFuel(bytes))
}

/**
 * Instantiates the pinned WASM build, counting and cut off from its surroundings, and makes it an engine. One per
 * thread. @param verify - Only a simulation, whose signatures are not real, has a rule of its own.
 */
export async function loadEngine(verify: VerifySignature = verifyNow): Promise<Engine> {
  compiled ??= compile()
  const binary = await compiled
  const sqlite = await load({
    INITIAL_MEMORY: ENGINE_MEMORY_BYTES,
    print: () => undefined,
    printErr: () => undefined,
    instantiateWasm: (imports, onInstance) => {
      const { memory } = imports['env'] as unknown as { readonly memory: { readonly buffer: ArrayBuffer } }
      let view = new DataView(memory.buffer)
      const heap = (): DataView => {
        if (view.buffer !== memory.buffer) view = new DataView(memory.buffer)
        return view
      }
      onInstance(new WebAssembly.Instance(binary, sealedImports(imports, heap)), binary)
      return {}
    },
  })
  return new Engine(sqlite, { verify })
}
