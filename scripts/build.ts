// Emits every package's dist/ with the compiler alone, lowest layer first, and then asks a plain node, without the
// source condition and without type stripping, whether it can load each. Run: npm run build.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report, runStep } from './step.ts'
import type { Layers } from './tidy/tree.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { layers } = JSON.parse(readFileSync(join(ROOT, 'layers.json'), 'utf8')) as Layers

/**
 * Folders of the packages that are published, in an order in which each finds those it imports already built. Side
 * packages are for tests, which run from source.
 */
function inOrder(): readonly string[] {
  return layers
    .flat()
    .flatMap((name) => [`packages/${name}`, `apps/${name}`].filter((path) => existsSync(join(ROOT, path, 'src'))))
}

async function step(name: string, command: string, args: readonly string[]): Promise<boolean> {
  const result = await runStep({ name, command, args }, ROOT)
  report(result)
  return result.ok
}

async function build(path: string): Promise<boolean> {
  rmSync(join(ROOT, path, 'dist'), { recursive: true, force: true })
  return step(path, join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(path, 'tsconfig.build.json')])
}

async function load(path: string): Promise<boolean> {
  if (existsSync(join(ROOT, path, 'src/main.ts'))) {
    return step(`run ${path}`, process.execPath, [join(path, 'dist/main.js'), '--version'])
  }
  const { name } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as { readonly name: string }
  return step(`load ${path}`, process.execPath, ['--input-type=module', '--eval', `await import('${name}')`])
}

const packages = inOrder()
let ok = true
for (const path of packages) ok = ok && (await build(path))
if (ok) for (const path of packages) ok = (await load(path)) && ok
process.exitCode = ok ? 0 : 1
