// Rules that look at one file at a time.

import { lineAt } from './mask.ts'
import type { Finding, SourceFile, Tree } from './tree.ts'

/** Anything that lets two honest replicas see different values for the same inputs, or that waits. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])Date\b(?!\s*\??:)/g, 'Date'],
  [/\bMath\s*\.\s*(?!(?:floor|ceil|trunc|min|max|abs|imul|clz32)\b)\w+/g, 'Math beyond integers'],
  // Powers of bigints are exact; those of numbers are rounded as each engine likes.
  [/(?<!\dn\s*)\*\*/g, 'Math beyond integers'],
  [/(?<![.\w$#])(?:async|await|Promise)\b(?!\s*:)/g, 'async'],
  [
    /(?<![.\w$#])(?:setTimeout|setInterval|setImmediate|queueMicrotask|performance|requestAnimationFrame)\b/g,
    'timer or clock',
  ],
  [
    /(?<![.\w$#])(?:process|console|fetch|crypto|Buffer|globalThis|WeakRef|FinalizationRegistry)\b(?!\s*\??:)/g,
    'ambient effect',
  ],
  [/\b(?:localeCompare|Intl|toLocale\w*)\b/g, 'locale'],
]

/** Signs of one machine: home folders and the like have no place in a repository. */
const MACHINE_PATH = /(?:^|[\s'"`(=:])(?:\/(?:home|Users|work|root)\/[\w.-]+|[A-Z]:\\Users\\)/g

function* matches(file: SourceFile, pattern: RegExp, rule: string, what: string): Generator<Finding> {
  for (const match of file.masked.code.matchAll(pattern)) {
    yield { path: file.path, line: lineAt(file.text, match.index), rule, what }
  }
}

function* purity(file: SourceFile, tree: Tree): Generator<Finding> {
  if (file.owner === undefined || file.isTest || !tree.layers.pure.includes(file.owner)) return
  for (const [pattern, what] of IMPURE) yield* matches(file, pattern, 'pure', what)
  for (const { at, text } of file.masked.strings) {
    if (text.startsWith('node:'))
      yield { path: file.path, line: lineAt(file.text, at), rule: 'pure', what: 'node: import' }
  }
}

function* size(file: SourceFile, tree: Tree): Generator<Finding> {
  const { lines_max, test_lines_max, columns_max } = tree.layers
  const lines = file.text.split('\n')
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length
  const max = file.isTest ? test_lines_max : lines_max
  if (count > max) yield { path: file.path, line: max + 1, rule: 'size', what: `${count} lines, at most ${max}` }
  for (const [index, line] of lines.entries()) {
    if (line.length <= columns_max || /https?:\/\//.test(line)) continue
    yield { path: file.path, line: index + 1, rule: 'columns', what: `${line.length} columns, at most ${columns_max}` }
  }
}

function* style(file: SourceFile): Generator<Finding> {
  yield* matches(file, /(?:\bas|\bextends|[:<|&,=])\s*any\b(?!\s*[:(])/g, 'any', 'use unknown and a parser')
  yield* matches(file, /;[ \t]*$/gm, 'semicolon', 'no semicolons')
  if (!file.isTest) yield* matches(file, /\.(?:sort|toSorted)\(\s*\)/g, 'sort', 'sort() without comparator')
  yield* matches(file, /\bexport\s*\*/g, 'star', 'export names, not *')
  const name = file.path.split('/').at(-1) ?? ''
  if (!/^[a-z0-9]+(?:[-.][a-z0-9]+)*\.ts$/.test(name)) {
    yield { path: file.path, line: 1, rule: 'name', what: 'file names are kebab-case' }
  }
  for (const { at, text } of file.masked.comments) {
    if (/\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/.test(text)) {
      yield {
        path: file.path,
        line: lineAt(file.text, at),
        rule: 'todo',
        what: 'name an issue, as in TODO(#12), or do it',
      }
    }
  }
}

function* machinePaths(path: string, text: string): Generator<Finding> {
  for (const match of text.matchAll(MACHINE_PATH)) {
    yield {
      path,
      line: lineAt(text, match.index + 1),
      rule: 'machine',
      what: `path of one machine: ${match[0].trim()}`,
    }
  }
}

/** All findings of the rules over single files. */
export function* textFindings(tree: Tree): Generator<Finding> {
  for (const file of tree.files) {
    yield* purity(file, tree)
    yield* size(file, tree)
    yield* style(file)
    yield* machinePaths(file.path, file.text)
  }
  for (const [path, text] of tree.texts) yield* machinePaths(path, text)
}

/** Files longer than usual: worth a thought, no fault. */
export function longFiles(tree: Tree): readonly string[] {
  const { lines_usual } = tree.layers
  return tree.files
    .filter((file) => !file.isTest && file.text.split('\n').length - 1 > lines_usual)
    .map((file) => file.path)
}
