// Goal: what the documents tell a reader to paste works. Method: each document's snippets are run in order, from a
// folder with a cluster of `quorate dev` in it, as a reader's clone has one.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { missingLine, snippetsIn } from '../../scripts/snippets.ts'
import type { Snippet } from '../../scripts/snippets.ts'
import { freePorts, spawnQuorate, until } from '../harness.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  'docs/http-api.md',
  'docs/sql.md',
  'docs/operating.md',
  'docs/embedded.md',
  'docs/archive.md',
  'packages/client/README.md',
  'packages/stm/README.md',
]
const SNIPPET_MS_MAX = 60_000

let folder = ''
let cluster: ChildProcess
let httpPort = 0
let log = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-docs-'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const basePort = await freePorts(8)
  httpPort = basePort + 4
  cluster = spawnQuorate(['dev', '--base-port', String(basePort), '--http-port', String(httpPort)], { cwd: folder })
  const keep = (chunk: Buffer): void => {
    log += chunk.toString()
  }
  cluster.stdout?.on('data', keep)
  cluster.stderr?.on('data', keep)
  await until('the cluster is ready', 60_000, () => (log.includes('are ready at') ? true : undefined)).catch(() => {
    throw new Error(`the cluster did not start:\n${log}`)
  })
})

afterAll(async () => {
  const ended = new Promise((resolve) => cluster.once('exit', resolve))
  cluster.kill('SIGTERM')
  await ended
  rmSync(folder, { recursive: true, force: true })
})

/** A reader's commands as they are run here: the same CLI, the ports of this cluster. */
function here(code: string): string {
  const cli = `"${process.execPath}" --conditions=source "${ROOT}apps/quorate/src/main.ts"`
  return code
    .replaceAll(/npm run (?:--silent )?quorate --|npx quorate/g, cli)
    .replaceAll(/127\.0\.0\.1:808(\d)/g, (_, digit: string) => `127.0.0.1:${httpPort + Number(digit)}`)
}

function runSnippet({ language, code }: Snippet): Promise<{ readonly status: number | null; readonly output: string }> {
  // A file, as a reader would have: a program on stdin can't start threads.
  const file = join(folder, 'snippet.mjs')
  writeFileSync(file, here(code))
  const [command, args] =
    language === 'sh' ? ['bash', ['-euo', 'pipefail', file]] : [process.execPath, ['--conditions=source', file]]
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: SNIPPET_MS_MAX })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
  })
}

for (const page of PAGES) {
  if (!existsSync(join(ROOT, page))) continue
  const snippets = snippetsIn(readFileSync(join(ROOT, page), 'utf8'))
  if (snippets.length === 0) continue
  test(`${page}: ${snippets.length} snippets`, async () => {
    for (const snippet of snippets) {
      const { status, output } = await runSnippet(snippet)
      const where = `${page}:${snippet.line}`
      expect(status, `${where} ended with ${status}:\n${output}`).toBe(0)
      expect(missingLine(output, snippet.output), `${where} printed:\n${output}`).toBeUndefined()
    }
  })
}
