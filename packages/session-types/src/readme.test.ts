// Goal: what the README shows works as it stands. Method: each `ts test` snippet is run by Node in this package, and must
// print the lines of the `text output` behind it.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const README = new URL('../README.md', import.meta.url)
const SNIPPET = /^```ts test\n([^]*?)^```\n\n```text output\n([^]*?)^```$/gm

function runTypeScript(code: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['--conditions=source', '--input-type=module-typescript', '-']
    const cwd = fileURLToPath(new URL('..', import.meta.url))
    const child = execFile(process.execPath, args, { cwd }, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    })
    child.stdin?.end(code)
  })
}

const lines = (text: string): readonly string[] => text.split('\n').flatMap((line) => line.trim() || [])

test('the snippets of the README', async () => {
  const snippets = [...readFileSync(README, 'utf8').matchAll(SNIPPET)]
  expect(snippets).toHaveLength(3)
  for (const [, code = '', output = ''] of snippets) {
    expect(lines(await runTypeScript(code))).toEqual(lines(output))
  }
})
