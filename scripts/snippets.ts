// Snippets of the documents that are run by a test, so that what a reader pastes works. A fence that says `sh test` or
// `js test` is run; a fence `text output` right behind it holds lines that the output must have, in that order; `...`
// stands for anything.

/** A snippet to be run. */
export interface Snippet {
  readonly language: 'sh' | 'js'
  readonly code: string
  /** Line of the fence in its document, from 1. */
  readonly line: number
  /** Lines of expected output; empty where none is given. */
  readonly output: readonly string[]
}

const FENCE = /^```(\S[^\n]*)?\n([^]*?)^```$/gm

/** The snippets of a Markdown text that are to be run, in order. */
export function snippetsIn(markdown: string): readonly Snippet[] {
  const snippets: Snippet[] = []
  let behind = -1
  for (const match of markdown.matchAll(FENCE)) {
    const [fence, info = '', code = ''] = match
    const last = snippets.at(-1)
    const isNext = last !== undefined && behind >= 0 && markdown.slice(behind, match.index).trim() === ''
    if (info === 'text output' && isNext) {
      snippets[snippets.length - 1] = { ...last, output: code.split('\n').filter((line) => line.trim() !== '') }
    }
    behind = -1
    if (info !== 'sh test' && info !== 'js test') continue
    const line = markdown.slice(0, match.index).split('\n').length
    snippets.push({ language: info === 'sh test' ? 'sh' : 'js', code, line, output: [] })
    behind = match.index + fence.length
  }
  return snippets
}

/** The first expected line that `output` lacks, from where the one before was found; undefined where all are there. */
export function missingLine(output: string, expected: readonly string[]): string | undefined {
  const lines = output.split('\n').map((line) => line.trim())
  let from = 0
  for (const line of expected) {
    const parts = line
      .trim()
      .split('...')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const pattern = new RegExp(`^${parts.join('.*')}$`)
    const at = lines.findIndex((each, index) => index >= from && pattern.test(each))
    if (at < 0) return line
    from = at + 1
  }
  return undefined
}
