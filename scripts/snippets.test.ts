// Goal: the right fences are run, and expected output is really expected.

import { expect, test } from 'vitest'
import { missingLine, snippetsIn } from './snippets.ts'

const fence = '```'
const PAGE = `# Page

${fence}sh
not run
${fence}

${fence}sh test
one
two
${fence}

${fence}text output
1
${fence}

${fence}text output
nobody's
${fence}

${fence}js test
three
${fence}

words between

${fence}text output
not its
${fence}
`

test('fences marked as tests, with the output right behind them', () => {
  expect(snippetsIn(PAGE)).toEqual([
    { language: 'sh', code: 'one\ntwo\n', line: 7, output: ['1'] },
    { language: 'js', code: 'three\n', line: 20, output: [] },
  ])
})

test('expected lines are found in order, with dots for anything', () => {
  expect(missingLine('a\nb 17 c\nd', ['a', 'b ... c'])).toBeUndefined()
  expect(missingLine('b\na', ['a', 'b'])).toBe('b')
  expect(missingLine('a+b', ['a.b'])).toBe('a.b')
  expect(missingLine('xay', ['...a...'])).toBeUndefined()
  expect(missingLine('', [])).toBeUndefined()
})
