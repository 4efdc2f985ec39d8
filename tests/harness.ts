// A cluster of real processes for tests and benchmarks: made by the CLI's own `init`, run by its own `start`, on loopback ports
// that were free a moment ago, in a directory of its own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { REPLICA_NODE_FLAGS } from '../apps/quorate/src/node-flags.ts'

const MAIN = fileURLToPath(new URL('../apps/quorate/src/main.ts', import.meta.url))
const NODE_ARGS = ['--conditions=source', '--disable-warning=ExperimentalWarning', ...REPLICA_NODE_FLAGS]

/** What `GET /v1/status` answers, as far as tests read it. */
export interface Status {
  readonly height: number
  readonly round: number
  readonly stateRoot: string
  readonly faults: readonly { readonly member: string; readonly name: string; readonly kind: string }[]
  readonly [key: string]: unknown
}

/** Runs the CLI to its end. */
export function quorate(
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string } = {},
): { status: number; stdout: string; stderr: string } {
  const done = spawnSync(process.execPath, [...NODE_ARGS, MAIN, ...args], {
    encoding: 'utf8',
    input: options.input,
    cwd: options.cwd,
    timeout: 120_000,
  })
  return { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr }
}

/** Starts the CLI and leaves it running. */
export function spawnQuorate(args: readonly string[], options: { readonly cwd?: string } = {}): ChildProcess {
  return spawn(process.execPath, [...NODE_ARGS, MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd })
}

/**
 * First of `count` consecutive ports that are free now. All lie below the range that systems take the ports of outgoing
 * connections from: one of those could take a port between this look and the replica's.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = 10_000 + Math.floor(Math.random() * (32_000 - 10_000))
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)))
    if (free.every(Boolean)) return base
  }
  throw new Error(`no ${count} free ports in a row`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Polls until `probe` gives a value, or fails with `what` and the last error. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < end) {
    try {
      const value = await probe()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
    await sleep(50)
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}${last instanceof Error ? ` (${last.message})` : ''}`)
}

/** One replica process. */
export class Replica {
  readonly index: number
  readonly url: string
  readonly replicaPort: number
  readonly directory: string
  #process: ChildProcess | undefined
  #log = ''

  constructor(index: number, directory: string, url: string, replicaPort: number) {
    this.index = index
    this.directory = directory
    this.url = url
    this.replicaPort = replicaPort
  }

  /** The last of what it printed. */
  get log(): string {
    return this.#log
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  start(flags: readonly string[] = []): void {
    const child = spawnQuorate(['start', '--config', join(this.directory, 'quorate.toml'), ...flags])
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-200_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    this.#process = child
  }

  /** Sends a signal; with SIGKILL or SIGTERM waits for the end and gives the exit code. */
  async signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<number | null> {
    const child = this.#process
    if (child === undefined || !this.isRunning) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    child.kill(name)
    if (name === 'SIGSTOP' || name === 'SIGCONT') return null
    return ended
  }

  async exited(timeoutMs: number): Promise<number | null> {
    await until(`replica ${this.index} ends`, timeoutMs, () => (this.isRunning ? undefined : true))
    return this.#process?.exitCode ?? null
  }

  async status(): Promise<Status> {
    const response = await fetch(`${this.url}/v1/status`, { signal: AbortSignal.timeout(5000) })
    return (await response.json()) as Status
  }

  /** Waits until it serves; fails with the end of its log, and at once where it has ended. */
  async ready(timeoutMs = 60_000): Promise<void> {
    const state = await until('ready', timeoutMs, async () => {
      if (!this.isRunning) return 'ended'
      const response = await fetch(`${this.url}/v1/ready`, { signal: AbortSignal.timeout(2000) })
      return response.status === 200 ? 'ready' : undefined
    }).catch(String)
    if (state !== 'ready') throw new Error(`replica ${this.index}: ${state}\n${this.#log.slice(-2000)}`)
  }
}

/** A cluster of processes with its directory. */
export class Cluster {
  readonly directory: string
  readonly replicas: Replica[]

  private constructor(directory: string, replicas: Replica[]) {
    this.directory = directory
    this.replicas = replicas
  }

  static async init(members = 4, flags: readonly string[] = []): Promise<Cluster> {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-test-'))
    const basePort = await freePorts(members * 2)
    const httpPort = basePort + members
    const made = quorate([
      'init',
      '--members',
      String(members),
      '--out',
      directory,
      '--base-port',
      String(basePort),
      '--http-port',
      String(httpPort),
      ...flags,
    ])
    if (made.status !== 0) throw new Error(`init failed: ${made.stdout}${made.stderr}`)
    const names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
    const replicas = names.map(
      (name, i) => new Replica(i + 1, join(directory, name), `http://127.0.0.1:${httpPort + i}`, basePort + i),
    )
    return new Cluster(directory, replicas)
  }

  /** @param flags - For `quorate init`. */
  static async start(members = 4, flags: readonly string[] = []): Promise<Cluster> {
    const cluster = await Cluster.init(members, flags)
    for (const replica of cluster.replicas) replica.start()
    await cluster.ready()
    return cluster
  }

  /** Makes the replica of one that wants to be a member, beside the others'. Gives its key. It is not started. */
  async newcomer(name: string): Promise<{ readonly replica: Replica; readonly id: string; readonly address: string }> {
    const port = await freePorts(2)
    const address = `127.0.0.1:${port}`
    const flags = ['--member', name, '--address', address, '--http-port', String(port + 1), '--out', this.directory]
    const made = quorate(['init', ...flags])
    if (made.status !== 0) throw new Error(`init failed: ${made.stdout}${made.stderr}`)
    const { id } = JSON.parse(made.stdout) as { id: string }
    const url = `http://127.0.0.1:${port + 1}`
    const replica = new Replica(this.replicas.length + 1, join(this.directory, name), url, port)
    this.replicas.push(replica)
    return { replica, id, address }
  }

  at(index: number): Replica {
    const replica = this.replicas[index - 1]
    if (replica === undefined) throw new Error(`no replica ${index}`)
    return replica
  }

  get genesisPath(): string {
    return join(this.directory, 'genesis.json')
  }

  get genesis(): unknown {
    return JSON.parse(readFileSync(this.genesisPath, 'utf8'))
  }

  async ready(): Promise<void> {
    await Promise.all(this.replicas.filter((replica) => replica.isRunning).map((replica) => replica.ready()))
  }

  /** Waits until all running replicas (or those given) stand at one height with one state root, and gives that height. */
  async converged(
    replicas = this.replicas.filter((replica) => replica.isRunning),
    timeoutMs = 30_000,
  ): Promise<number> {
    return until('all replicas at one height with one state root', timeoutMs, async () => {
      const all = await Promise.all(replicas.map((replica) => replica.status()))
      const [first] = all
      if (first === undefined) return undefined
      return all.every((each) => each.height === first.height && each.stateRoot === first.stateRoot)
        ? first.height
        : undefined
    })
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.replicas.map(async (replica) => {
        await replica.signal('SIGCONT')
        const ended = replica.signal('SIGTERM')
        const late = sleep(10_000).then(() => replica.signal('SIGKILL'))
        await Promise.race([ended, late])
      }),
    )
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A value as JSON carries it to REST. */
export type Json = string | number | boolean | null

/** Runs one statement as one transaction over REST; throws with the answer's code where it fails. */
export async function run(
  url: string,
  sql: string,
  args: readonly Json[] = [],
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ sql, args }),
    signal: AbortSignal.timeout(60_000),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`)
  return answer
}
