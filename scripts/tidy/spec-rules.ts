// A SPEC.md numbers a package's invariants, and each names the test that would fail without it.

import { lineAt } from './mask.ts'
import type { Finding, Tree } from './tree.ts'

/**
 * An invariant's number (I3, I-3, INV-12) at the head of a line, behind the marks of a list, a table, a heading or bold
 * type.
 */
const INVARIANT = /^[\s>#|*_-]*`?\**([A-Z]{1,4}-?\d+[a-z]?)\b/gm
const TEST_FILE = /[\w./-]+\.test\.ts\b/g

function testExists(tree: Tree, folder: string, name: string): boolean {
  const candidates = [`${folder}/${name}`, `${folder}/src/${name}`, name]
  const isBare = !name.includes('/')
  return tree.files.some(
    ({ path }) => candidates.includes(path) || (isBare && path.startsWith(`${folder}/`) && path.endsWith(`/${name}`)),
  )
}

function* invariants(tree: Tree, path: string, text: string): Generator<Finding> {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const heads = [...text.matchAll(INVARIANT)]
  for (const [index, head] of heads.entries()) {
    const number = head[1] ?? ''
    const next = heads[index + 1]?.index ?? text.length
    const heading = text.indexOf('\n#', head.index + 1)
    const body = text.slice(head.index, heading < 0 ? next : Math.min(next, heading))
    // The invariants of a table or list begin on their own line, behind the line break that the pattern's blanks may
    // have taken.
    const line = lineAt(text, head.index + head[0].length)
    const tests = [...body.matchAll(TEST_FILE)].map((match) => match[0])
    if (tests.length === 0) yield { path, line, rule: 'spec', what: `${number} names no test file` }
    for (const test of tests) {
      if (!testExists(tree, folder, test))
        yield { path, line, rule: 'spec', what: `${number} names ${test}, which does not exist` }
    }
  }
}

/** Findings about the invariants of every SPEC.md. */
export function* specFindings(tree: Tree): Generator<Finding> {
  for (const [path, text] of tree.texts) if (path.endsWith('/SPEC.md')) yield* invariants(tree, path, text)
}
