// Goal: the five minutes of a newcomer with `quorate dev`: a cluster comes up, survives `dev kill`, names the liar
// of `dev corrupt`, ends cleanly on Ctrl-C, and comes back with the same ledger. Method: the CLI as a child process, nothing else.

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts, quorate, spawnQuorate, until } from '../harness.ts'

let folder = ''
let ports: readonly string[] = []
let dev: ChildProcess
let output = ''

function startDev(): void {
  output = ''
  dev = spawnQuorate(['dev', '--dir', folder, ...ports])
  const keep = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  dev.stdout?.on('data', keep)
  dev.stderr?.on('data', keep)
}

async function url(): Promise<string> {
  return until(`an URL in: ${output}`, 20_000, () => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0])
}

async function ended(): Promise<number | null> {
  if (dev.exitCode !== null) return dev.exitCode
  return new Promise((resolve) => dev.once('exit', resolve))
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-dev-'))
  const base = await freePorts(8)
  ports = ['--base-port', String(base), '--http-port', String(base + 4)]
  startDev()
})

afterAll(async () => {
  dev.kill('SIGINT')
  await ended()
  rmSync(folder, { recursive: true, force: true })
})

test('becomes ready and prints three commands to paste', async () => {
  const at = await url()
  await until('ready', 20_000, async () => ((await fetch(`${at}/v1/ready`)).status === 200 ? true : undefined))
  for (const word of ['curl', '@libsql/client', 'shell']) expect(output).toContain(word)
})

test('goes on with one killed, takes it back, and names the one that lies', async () => {
  const at = await url()
  const sql = (text: string): ReturnType<typeof quorate> => quorate(['shell', at, '-c', text])
  expect(sql('CREATE TABLE t(a)').status).toBe(0)
  expect(quorate(['dev', 'kill', '2', '--dir', folder]).status).toBe(0)
  expect(sql('INSERT INTO t VALUES (1)').status).toBe(0)
  expect(quorate(['dev', 'restart', '2', '--dir', folder]).status).toBe(0)
  expect(quorate(['dev', 'corrupt', '3', '--dir', folder]).status).toBe(0)
  await until('the liar is named', 30_000, async () => {
    sql('INSERT INTO t VALUES (2)')
    const { faults } = (await (await fetch(`${at}/v1/status`)).json()) as {
      faults: readonly { readonly name: string; readonly kind: string }[]
    }
    return faults.some((fault) => fault.name === 'member3' && fault.kind === 'fork') ? true : undefined
  })
  const status = quorate(['status', at])
  expect(status.stdout).toMatch(/member3.*fork/)
})

test('Ctrl-C ends it cleanly, and the next start resumes the same ledger', async () => {
  const at = await url()
  const before = quorate(['shell', at, '-c', 'SELECT count(*) FROM t']).stdout
  dev.kill('SIGINT')
  expect(await ended()).toBe(0)
  startDev()
  await until('ready again', 20_000, async () =>
    (await fetch(`${await url()}/v1/ready`)).status === 200 ? true : undefined,
  )
  expect(quorate(['shell', at, '-c', 'SELECT count(*) FROM t']).stdout).toBe(before)
})
