// How `quorate dev kill 2` reaches the running `quorate dev`: a loopback port, written with a random token into a file
// that only its owner can read. One line of JSON each way. Whoever can't read the file can't give orders, web pages
// included.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { CliError } from '../errors.ts'
import { DEV_RUNNING_FILE } from '../target.ts'

/** What a running cluster can be told. */
export const ORDERS = ['kill', 'restart', 'stop', 'cont', 'corrupt'] as const

/** A kind of order. */
export type Order = (typeof ORDERS)[number]

/** An order to a running cluster. */
export interface Command {
  readonly order: Order
  /** Number of the replica, from 1. */
  readonly replica: number
  /** For `corrupt`: how to lie. */
  readonly how?: string
}

/** Carries out an order and says what it did. Rejects with a CliError. */
export type Handler = (command: Command) => Promise<string>

interface Running {
  readonly port: number
  readonly token: string
  /** Where its replicas serve clients. */
  readonly urls: readonly string[]
}

const LINE_BYTES_MAX = 4096
const ANSWER_MS_MAX = 60_000

function sameToken(given: unknown, token: string): boolean {
  if (typeof given !== 'string') return false
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Reads one line, at most LINE_BYTES_MAX long; undefined where the other side ends or says more. */
function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      text += String(chunk)
      const end = text.indexOf('\n')
      if (end >= 0) resolve(text.slice(0, end))
      else if (text.length > LINE_BYTES_MAX) resolve(undefined)
    })
    socket.on('close', () => resolve(undefined))
    socket.on('error', () => resolve(undefined))
  })
}

function parseCommand(line: string, token: string): Command | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { token: given, order, replica, how } = value as Readonly<Record<string, unknown>>
  const known = ORDERS.find((each) => each === order)
  if (!sameToken(given, token) || known === undefined || typeof replica !== 'number') return undefined
  return typeof how === 'string' ? { order: known, replica, how } : { order: known, replica }
}

async function serve(socket: Socket, token: string, handle: Handler): Promise<void> {
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy())
  const line = await readLine(socket)
  const command = line === undefined ? undefined : parseCommand(line, token)
  if (command === undefined) {
    socket.destroy()
    return
  }
  const answer = await handle(command).then(
    (message) => ({ ok: true, code: '', message }),
    (error: unknown) => ({
      ok: false,
      code: error instanceof CliError ? error.code : 'INTERNAL',
      message: error instanceof Error ? error.message : String(error),
    }),
  )
  socket.end(`${JSON.stringify(answer)}\n`)
}

/** The open door of a running cluster. */
export interface Admin {
  close(): void
}

/** Opens the door and writes where it is into `folder`. */
export async function openAdmin(folder: string, urls: readonly string[], handle: Handler): Promise<Admin> {
  const token = randomBytes(32).toString('hex')
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    void serve(socket, token, handle)
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  const path = join(folder, DEV_RUNNING_FILE)
  rmSync(path, { force: true })
  writeFileSync(path, `${JSON.stringify({ port, token, urls, pid: process.pid })}\n`, { mode: 0o600 })
  return {
    close: () => {
      rmSync(path, { force: true })
      server.close()
    },
  }
}

function readRunning(folder: string): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(join(folder, DEV_RUNNING_FILE), 'utf8')) as Readonly<
      Record<string, unknown>
    >
    const { port, token, urls } = running
    const isText = (value: unknown): value is string => typeof value === 'string'
    return typeof port === 'number' && typeof token === 'string' && Array.isArray(urls) && urls.every(isText)
      ? { port, token, urls }
      : undefined
  } catch {
    return undefined
  }
}

function connected(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

/** URL of the cluster that runs in `folder`, or undefined where none does. */
export async function runningUrl(folder: string): Promise<string | undefined> {
  const running = readRunning(folder)
  const socket = running === undefined ? undefined : await connected(running.port)
  socket?.destroy()
  return socket === undefined ? undefined : running?.urls[0]
}

/**
 * Gives an order to the cluster that runs in `folder`; resolves to what it says.
 * @throws CliError NOT_RUNNING and its own
 */
export async function order(folder: string, command: Command): Promise<string> {
  const running = readRunning(folder)
  const socket = running === undefined ? undefined : await connected(running.port)
  if (running === undefined || socket === undefined) {
    throw new CliError('NOT_RUNNING', `no cluster runs in ${folder}; start one with: quorate dev`)
  }
  const line = readLine(socket)
  socket.write(`${JSON.stringify({ ...command, token: running.token })}\n`)
  const text = await line
  socket.destroy()
  if (text === undefined) throw new CliError('NOT_RUNNING', `the cluster in ${folder} ended without an answer`)
  const { ok, code, message } = JSON.parse(text) as {
    readonly ok: boolean
    readonly code: string
    readonly message: string
  }
  if (!ok) throw new CliError(code, message)
  return message
}
