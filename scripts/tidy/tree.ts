import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Masked } from './mask.ts'
import { mask } from './mask.ts'

/** layers.json: what may import what, and the limits. */
export interface Layers {
  /** From the ground up. A package imports only packages of lower layers. */
  readonly layers: readonly (readonly string[])[]
  /** Packages beside the layers: they import what they like, and of the layered packages only tests import them. */
  readonly side: readonly string[]
  readonly pure: readonly string[]
  /** By file: names of rules' findings that the file is excused from. */
  readonly allow: Readonly<Record<string, readonly string[]>>
  readonly lines_usual: number
  readonly lines_max: number
  readonly test_lines_max: number
  readonly columns_max: number
}

/** A TypeScript file of the repository. */
export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string
  /** Folder name of its package, or undefined for scripts, bench and tests at the root. */
  readonly owner: string | undefined
  /** Tests and what only tests import. */
  readonly isTest: boolean
  readonly text: string
  readonly masked: Masked
}

/** A package's folder and what its package.json declares. */
export interface Package {
  readonly folder: string
  readonly path: string
  readonly name: string
  readonly dependencies: ReadonlySet<string>
  readonly devDependencies: ReadonlySet<string>
}

/** Everything that the rules look at, read once. */
export interface Tree {
  readonly root: string
  readonly layers: Layers
  readonly packages: readonly Package[]
  readonly files: readonly SourceFile[]
  /** Other texts (Markdown, JSON, shell, YAML) by path. */
  readonly texts: ReadonlyMap<string, string>
  readonly rootDependencies: ReadonlySet<string>
}

/** One thing that is wrong. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly what: string
}

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.quorate', 'testdata', 'package-lock.json'])
const TEXT_FILE = /(?:\.(?:md|json|sh|yml|yaml|toml)|\/run)$/
/** Folders at the root that hold code of no package. */
const LOOSE = ['scripts', 'bench', 'tests']

function* filesUnder(root: string, path: string): Generator<string> {
  if (!existsSync(join(root, path))) return
  for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue
    const below = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isDirectory()) yield* filesUnder(root, below)
    else if (entry.isFile()) yield below
  }
}

function namesIn(value: unknown): ReadonlySet<string> {
  return new Set(typeof value === 'object' && value !== null ? Object.keys(value) : [])
}

function readPackage(root: string, path: string): Package {
  const file = join(root, path, 'package.json')
  const json = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Record<string, unknown>
  const folder = path.split('/')[1] ?? path
  const name = json['name']
  return {
    folder,
    path,
    name: typeof name === 'string' ? name : folder,
    dependencies: new Set([...namesIn(json['dependencies']), ...namesIn(json['peerDependencies'])]),
    devDependencies: namesIn(json['devDependencies']),
  }
}

function isTestPath(path: string): boolean {
  return /\.test\.ts$|\/(?:testing|test)\//.test(path) || path.startsWith('tests/')
}

/** Reads the repository at `root`. */
export function readTree(root: string): Tree {
  const layers = JSON.parse(readFileSync(join(root, 'layers.json'), 'utf8')) as Layers
  const packages: Package[] = []
  for (const group of ['packages', 'apps']) {
    if (!existsSync(join(root, group))) continue
    for (const entry of readdirSync(join(root, group), { withFileTypes: true })) {
      if (entry.isDirectory()) packages.push(readPackage(root, `${group}/${entry.name}`))
    }
  }
  const paths = [...filesUnder(root, '')].map((path) => path.split(sep).join('/')).sort((a, b) => (a < b ? -1 : 1))
  const files: SourceFile[] = []
  const texts = new Map<string, string>()
  for (const path of paths) {
    const owner = packages.find((each) => path.startsWith(`${each.path}/`))
    const isOurs = owner !== undefined || LOOSE.some((folder) => path.startsWith(`${folder}/`))
    if (path.endsWith('.ts') && isOurs) {
      const text = readFileSync(join(root, path), 'utf8')
      files.push({ path, owner: owner?.folder, isTest: isTestPath(path), text, masked: mask(text) })
    } else if (TEXT_FILE.test(path)) texts.set(path, readFileSync(join(root, path), 'utf8'))
  }
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  const rootDependencies = new Set([...namesIn(own['dependencies']), ...namesIn(own['devDependencies'])])
  return { root, layers, packages, files, texts, rootDependencies }
}
