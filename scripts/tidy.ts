// Checks what the compiler and the linter cannot: downward arrows, purity of the cores, cycles, sizes, specs that name
// tests. Run: node scripts/tidy.ts [root]. One line per finding, `path:line: rule: text`; exits 1 if there is any. The
// rules read text, not types: they catch slips, they are no proof. layers.json holds the layers, the limits and, under
// `allow`, the few exceptions: a file and the findings it is excused from.

import { pathToFileURL } from 'node:url'
import { graphFindings } from './tidy/graph-rules.ts'
import { specFindings } from './tidy/spec-rules.ts'
import { longFiles, textFindings } from './tidy/text-rules.ts'
import type { Finding } from './tidy/tree.ts'
import { readTree } from './tidy/tree.ts'

/** What tidy has to say about the repository at `root`. */
export function tidy(root: string): {
  readonly findings: readonly Finding[]
  readonly long: readonly string[]
  readonly files: number
} {
  const tree = readTree(root)
  const used = new Set<string>()
  const isAllowed = ({ path, rule, what }: Finding): boolean => {
    const name = [rule, what].find((each) => tree.layers.allow[path]?.includes(each))
    if (name !== undefined) used.add(`${path} ${name}`)
    return name !== undefined
  }
  const findings = [...textFindings(tree), ...graphFindings(tree), ...specFindings(tree)].filter(
    (each) => !isAllowed(each),
  )
  for (const [path, names] of Object.entries(tree.layers.allow)) {
    for (const name of names) {
      if (!used.has(`${path} ${name}`))
        findings.push({ path, line: 1, rule: 'allow', what: `layers.json excuses "${name}", which nothing needs` })
    }
  }
  findings.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1))
  return { findings, long: longFiles(tree), files: tree.files.length }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { findings, long, files } = tidy(process.argv[2] ?? '.')
  for (const { path, line, rule, what } of findings) console.log(`${path}:${line}: ${rule}: ${what}`)
  if (long.length > 0) console.log(`longer than usual: ${long.join(' ')}`)
  console.log(`tidy: ${files} files, ${findings.length} findings`)
  process.exitCode = findings.length > 0 ? 1 : 0
}
