// Rules about who imports whom: arrows between packages, cycles between files, declared dependencies.

import { posix } from 'node:path'
import { lineAt } from './mask.ts'
import type { Finding, Package, SourceFile, Tree } from './tree.ts'

interface Import {
  readonly specifier: string
  readonly line: number
}

// In masked code a specifier's quotes remain, so these find the statement forms and nothing inside strings or comments.
const SPECIFIER = /(?<![.\w$])(?:from\s*|import\s*\(?\s*)(['"`])/g

function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = []
  const byStart = new Map(file.masked.strings.map((literal) => [literal.at, literal.text]))
  for (const match of file.masked.code.matchAll(SPECIFIER)) {
    const at = match.index + match[0].length - 1
    const specifier = byStart.get(at)
    if (specifier !== undefined) found.push({ specifier, line: lineAt(file.text, at) })
  }
  return found
}

/** Name of the package in a bare specifier: `@a/b/c` -> `@a/b`, `c/d` -> `c`. */
function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}

function layerOf(tree: Tree, folder: string): number | undefined {
  const index = tree.layers.layers.findIndex((names) => names.includes(folder))
  return index < 0 ? undefined : index
}

/** Why `from` must not import the package `to`, or undefined. */
function arrowFault(tree: Tree, file: SourceFile, from: string, to: string): string | undefined {
  if (tree.layers.side.includes(to)) {
    if (file.isTest || tree.layers.side.includes(from)) return undefined
    return `${from} must not import ${to}, which is beside the layers and for tests alone`
  }
  if (tree.layers.side.includes(from)) return undefined
  const here = layerOf(tree, from)
  const there = layerOf(tree, to)
  if (here === undefined || there === undefined || there < here) return undefined
  return `${from} (layer ${here}) must not import ${to} (layer ${there}): arrows point down`
}

function* bareImport(
  tree: Tree,
  file: SourceFile,
  own: Package | undefined,
  { specifier, line }: Import,
): Generator<Finding> {
  if (specifier.startsWith('node:')) return
  const name = packageOf(specifier)
  const at = { path: file.path, line }
  if (own === undefined) {
    const isWorkspace = tree.packages.some((each) => each.name === name)
    if (
      !isWorkspace &&
      !tree.rootDependencies.has(name) &&
      !tree.packages.some((each) => each.devDependencies.has(name))
    ) {
      yield { ...at, rule: 'undeclared', what: `${name} is in no package.json` }
    }
    return
  }
  if (name === own.name) {
    yield { ...at, rule: 'index', what: `${own.folder} imports itself by name; import the file` }
    return
  }
  const declared =
    own.dependencies.has(name) || (file.isTest && (own.devDependencies.has(name) || tree.rootDependencies.has(name)))
  if (!declared) {
    const where = file.isTest ? 'dependencies or devDependencies' : 'dependencies'
    yield { ...at, rule: 'undeclared', what: `${name} is not in the ${where} of ${own.path}/package.json` }
  }
  const other = tree.packages.find((each) => each.name === name)
  const fault = other === undefined ? undefined : arrowFault(tree, file, own.folder, other.folder)
  if (fault !== undefined) yield { ...at, rule: 'arrow', what: fault }
}

function* relativeImport(file: SourceFile, own: Package | undefined, target: string, line: number): Generator<Finding> {
  if (own === undefined) return
  const at = { path: file.path, line }
  if (!target.startsWith(`${own.path}/`)) {
    yield { ...at, rule: 'arrow', what: `leaves its package for ${target}; import the package by name` }
  } else if (target === `${own.path}/src/index.ts`) {
    yield { ...at, rule: 'index', what: 'index.ts is for other packages; import the file' }
  }
}

/** Strongly connected files (Tarjan), each as a list; files alone without an import of themselves are left out. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []
  const visit = (node: string): void => {
    const index = order.size
    order.set(node, index)
    low.set(node, index)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? index, low.get(next) ?? index))
    }
    if (low.get(node) !== index) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1 || (graph.get(node) ?? []).includes(node)) cycles.push(group)
  }
  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return cycles
}

/** Findings about imports and about packages that layers.json doesn't know. */
export function* graphFindings(tree: Tree): Generator<Finding> {
  for (const { folder, path } of tree.packages) {
    if (layerOf(tree, folder) !== undefined || tree.layers.side.includes(folder)) continue
    yield { path: `${path}/package.json`, line: 1, rule: 'layer', what: `${folder} is not named in layers.json` }
  }
  const graph = new Map<string, string[]>()
  for (const file of tree.files) {
    const own = tree.packages.find((each) => each.folder === file.owner)
    const targets: string[] = []
    graph.set(file.path, targets)
    for (const each of importsOf(file)) {
      if (!each.specifier.startsWith('.')) yield* bareImport(tree, file, own, each)
      else {
        const target = posix.normalize(posix.join(posix.dirname(file.path), each.specifier))
        targets.push(target)
        yield* relativeImport(file, own, target, each.line)
      }
    }
  }
  for (const cycle of cyclesIn(graph)) {
    const names = [...cycle].sort((a, b) => (a < b ? -1 : 1))
    yield { path: names[0] ?? '', line: 1, rule: 'cycle', what: `these files import each other: ${names.join(' ')}` }
  }
}
