// The engine for this package's tests, loaded as a host must load it.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import init from '@sqlite.org/sqlite-wasm'
import { Engine } from '../engine.ts'
import { withFuel } from '../fuel.ts'
import { ENGINE_MEMORY_BYTES } from '../rules.ts'
import type { WasmImports } from '../sealed-imports.ts'
import { sealedImports } from '../sealed-imports.ts'
import type { SqliteModule } from '../wasm.ts'
import { isToySigned } from './signature.ts'

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: WasmImports) => object
}

let binary: object | undefined

/** A new module of the pinned build. */
export function loadModule(): Promise<SqliteModule> {
  binary ??= new WebAssembly.Module(
    withFuel(readFileSync(fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')))),
  )
  const module = binary
  const options = {
    INITIAL_MEMORY: ENGINE_MEMORY_BYTES,
    print: () => undefined,
    printErr: () => undefined,
    instantiateWasm: (imports: WasmImports, onInstance: (instance: object, module: object) => void): object => {
      const { memory } = imports['env'] as unknown as { readonly memory: { readonly buffer: ArrayBuffer } }
      onInstance(
        new WebAssembly.Instance(
          module,
          sealedImports(imports, () => new DataView(memory.buffer)),
        ),
        module,
      )
      return {}
    },
  }
  return (init as unknown as (with_: typeof options) => Promise<SqliteModule>)(options)
}

/** A new engine, with the signatures of `signature.ts`. */
export async function loadEngine(options: { readonly heapBytesMax?: number } = {}): Promise<Engine> {
  return new Engine(await loadModule(), { verify: isToySigned, ...options })
}
