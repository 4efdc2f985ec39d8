// Goal: the supervisor tells replicas apart, carries out orders, names a replica that died by itself, and leaves nobody
// behind. Method: a few lines of Node stand in for a replica: they serve /v1/status and /v1/ready and end in order on
// SIGTERM.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CliError } from '../errors.ts'
import { openAdmin, order, runningUrl } from './admin.ts'
import { freeRun, isPortFree } from './ports.ts'
import type { Seat } from './supervisor.ts'
import { Supervisor } from './supervisor.ts'

const FAKE = `
import { createServer } from 'node:http'
const [name, port, ...flags] = process.argv.slice(2)
console.log(name + ' starts ' + flags.join(' '))
const status = { height: 3, round: 9, transactions: 5, ready: true, phase: 'operational', member: name, peers: [],
  stateRoot: 'ab'.repeat(32),
  faults: name === 'a' ? [{ member: 'b', name: 'b', kind: 'fork', message: '' }] : [] }
const server = createServer((request, response) => {
  if (request.url === '/die') { console.log('last words'); process.exit(7) }
  response.end(JSON.stringify(status))
}).listen(Number(port), '127.0.0.1')
process.on('SIGTERM', () => { console.log('in order'); server.closeAllConnections(); process.exit(0) })
process.stdin.on('end', () => process.exit(0)).resume()
`

let folder = ''
let supervisor: Supervisor
let seats: readonly Seat[] = []
let deaths: string[][] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dev-'))
  const fake = join(folder, 'fake.mjs')
  writeFileSync(fake, FAKE)
  const port = await freeRun(21_000 + Math.floor(Math.random() * 20_000), 2)
  seats = ['a', 'b'].map((name, i) => ({
    name,
    url: `http://127.0.0.1:${(port ?? 0) + i}`,
    launch: {
      command: process.execPath,
      args: [fake, name, String((port ?? 0) + i)],
      logPath: join(folder, `${name}.log`),
    },
  }))
  deaths = []
  supervisor = new Supervisor(seats, (name, how, lastLines) => deaths.push([name, how, ...lastLines]))
  supervisor.start()
  await supervisor.ready(20_000)
})

afterEach(async () => {
  await supervisor.kill()
  rmSync(folder, { recursive: true })
})

async function states(): Promise<readonly string[]> {
  return (await supervisor.sample()).map((sample) =>
    sample.status === undefined ? `${sample.state.kind}, mute` : sample.state.kind,
  )
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: CliError) => error.code,
  )
}

test('kill, restart, stop, cont and corrupt', async () => {
  expect(await states()).toEqual(['running', 'running'])
  await supervisor.handle({ order: 'kill', replica: 2 })
  expect(await states()).toEqual(['running', 'killed, mute'])
  expect(await refusal(supervisor.handle({ order: 'kill', replica: 2 }))).toBe('WRONG_STATE')
  await supervisor.handle({ order: 'restart', replica: 2 })
  await supervisor.ready(20_000)
  await supervisor.handle({ order: 'stop', replica: 2 })
  expect(await states()).toEqual(['running', 'stopped, mute'])
  await supervisor.handle({ order: 'cont', replica: 2 })
  await supervisor.ready(20_000)
  expect(await supervisor.handle({ order: 'corrupt', replica: 2, how: 'silent' })).toContain('silent')
  await supervisor.ready(20_000)
  const samples = await supervisor.sample()
  expect(samples.map((sample) => sample.misbehave)).toEqual([undefined, 'silent'])
  expect(readFileSync(join(folder, 'b.log'), 'utf8')).toMatch(/b starts --misbehave silent/)
  expect(await refusal(supervisor.handle({ order: 'kill', replica: 3 }))).toBe('NO_SUCH_REPLICA')
  expect(deaths).toEqual([])
})

test('a replica that dies by itself is reported with its last words and stays dead', async () => {
  await fetch(`${seats[0]?.url}/die`).catch(() => undefined)
  for (let i = 0; i < 200 && deaths.length === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(deaths).toEqual([['a', 'exit code 7', 'a starts ', 'last words']])
  expect(await states()).toEqual(['died, mute', 'running'])
})

test('a stop ends all in order, a stopped one too', async () => {
  await supervisor.handle({ order: 'stop', replica: 1 })
  expect(await supervisor.stop()).toBe(true)
  expect(readFileSync(join(folder, 'a.log'), 'utf8')).toContain('in order')
  expect(deaths).toEqual([])
})

test('orders reach the supervisor through the door, and only from who can read its file', async () => {
  const admin = await openAdmin(folder, ['http://one', 'http://two'], (command) => supervisor.handle(command))
  try {
    expect(statSync(join(folder, 'dev.json')).mode & 0o777).toBe(0o600)
    expect(await runningUrl(folder)).toBe('http://one')
    expect(await order(folder, { order: 'kill', replica: 2 })).toContain('b killed')
    expect(await refusal(order(folder, { order: 'cont', replica: 2 }))).toBe('WRONG_STATE')
    const file = join(folder, 'dev.json')
    const running = JSON.parse(readFileSync(file, 'utf8')) as { token: string }
    writeFileSync(file, JSON.stringify({ ...running, token: 'f'.repeat(64) }))
    expect(await refusal(order(folder, { order: 'kill', replica: 1 }))).toBe('NOT_RUNNING')
    expect(await states()).toEqual(['running', 'killed, mute'])
  } finally {
    admin.close()
  }
  expect(await refusal(order(folder, { order: 'kill', replica: 1 }))).toBe('NOT_RUNNING')
  expect(await runningUrl(folder)).toBeUndefined()
})

test('ports: a row of free ones, none that is in use', async () => {
  expect(await freeRun(10, 3, (port) => Promise.resolve(port !== 11 && port !== 14))).toBe(15)
  expect(await freeRun(65_535, 2, () => Promise.resolve(true))).toBeUndefined()
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  expect(await isPortFree(port)).toBe(false)
  await new Promise((resolve) => server.close(resolve))
})
