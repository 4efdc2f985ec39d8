// One replica process that much may happen to.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createWriteStream, writeFileSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { REPLICA_NODE_FLAGS } from '../../apps/quorate/src/node-flags.ts'
import { until } from '../harness.ts'
import type { Status } from '../harness.ts'
import type { Medium } from './medium.ts'
import type { Site } from './site.ts'

const MAIN = fileURLToPath(new URL('../../apps/quorate/src/main.ts', import.meta.url))
const SHIFTED_CLOCK = new URL('./shifted-clock.ts', import.meta.url).href
const LOG_CHARS_MAX = 50_000

/** What a member is made of. */
export interface MemberParts {
  /** From 1. */
  readonly index: number
  readonly folder: string
  readonly site: Site
  readonly medium: Medium
  readonly replicaPort: number
  readonly httpPort: number
  /** name=host:port of each link that leads away from here. */
  readonly peers: () => readonly string[]
  /** Told when the process ends although nobody wanted it to. */
  readonly onUnexpectedEnd: (why: string) => void
}

export class Member {
  readonly index: number
  readonly site: Site
  readonly medium: Medium
  readonly #parts: MemberParts
  readonly #clockFile: string
  readonly #logFile: WriteStream
  #process: ChildProcess | undefined
  #isEndExpected = true
  #log = ''

  constructor(parts: MemberParts) {
    this.index = parts.index
    this.site = parts.site
    this.medium = parts.medium
    this.#parts = parts
    this.#clockFile = join(parts.folder, 'clock')
    this.#logFile = createWriteStream(join(parts.folder, 'log'))
    writeFileSync(this.#clockFile, '0')
  }

  get url(): string {
    return `http://${this.site.host}:${this.#parts.httpPort}`
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** The last line that it printed to tell of its end: `error CODE: message`. */
  get lastError(): string | undefined {
    return this.#log.match(/^error [A-Z_]+: .*$/gm)?.at(-1)
  }

  start(): void {
    const { folder, site, replicaPort, httpPort, peers, index, onUnexpectedEnd } = this.#parts
    this.#isEndExpected = false
    this.#log = ''
    const listen = ['--listen', `${site.host}:${replicaPort}`, '--http', `${site.host}:${httpPort}`]
    const files = ['--config', join(folder, 'quorate.toml'), '--data-dir', this.medium.dataDir]
    const node = [
      process.execPath,
      '--conditions=source',
      '--disable-warning=ExperimentalWarning',
      ...REPLICA_NODE_FLAGS,
    ]
    const words = [...site.prefix, ...node, '--import', SHIFTED_CLOCK, MAIN, 'start', ...files, ...listen]
    words.push('--peers', peers().join(','))
    const child = spawn(words[0] ?? '', words.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CHAOS_CLOCK_FILE: this.#clockFile },
    })
    const keep = (chunk: Buffer): void => {
      this.#logFile.write(chunk)
      this.#log = (this.#log + chunk.toString()).slice(-LOG_CHARS_MAX)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    // Only now is all that it said here.
    child.once('close', (code, signal) => {
      if (this.#isEndExpected || child !== this.#process) return
      onUnexpectedEnd(`member ${index} ended by itself (${code ?? signal}): ${this.lastError ?? this.#log.slice(-500)}`)
    })
    this.#process = child
  }

  /** Lets the process end without that being told as a fault of its own. */
  expectEnd(): void {
    this.#isEndExpected = true
  }

  /** Stops it in the middle of whatever it does, or lets it go on. */
  pause(isPaused: boolean): void {
    this.#process?.kill(isPaused ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Ends it and gives its exit code; null where a signal ended it. */
  async end(signal: 'SIGKILL' | 'SIGTERM', timeoutMs = 30_000): Promise<number | null> {
    this.expectEnd()
    this.#process?.kill(signal)
    return this.ended(timeoutMs)
  }

  /** Waits until it has ended and all it said is heard. */
  async ended(timeoutMs: number): Promise<number | null> {
    const child = this.#process
    await until(`member ${this.index} ends`, timeoutMs, () =>
      child === undefined || (!this.isRunning && child.stdout?.closed !== false && child.stderr?.closed !== false)
        ? true
        : undefined,
    )
    return child?.exitCode ?? null
  }

  /** Turns its wall clock. */
  setClock(shiftMs: number): void {
    writeFileSync(this.#clockFile, String(shiftMs))
  }

  async status(): Promise<Status> {
    const response = await fetch(`${this.url}/v1/status`, { signal: AbortSignal.timeout(5000) })
    return (await response.json()) as Status
  }

  /** Waits until it serves; fails at once where it has ended. */
  async ready(timeoutMs: number): Promise<void> {
    const state = await until(`member ${this.index} is ready`, timeoutMs, async () => {
      if (!this.isRunning) return 'ended'
      const response = await fetch(`${this.url}/v1/ready`, { signal: AbortSignal.timeout(2000) })
      return response.status === 200 ? 'ready' : undefined
    })
    if (state === 'ended') throw new Error(`member ${this.index} ended: ${this.lastError ?? this.#log.slice(-500)}`)
  }
}
