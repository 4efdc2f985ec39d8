// One replica process of the local cluster. It is never restarted behind its owner's back: a replica that dies by
// itself is something to look at, so its last words are kept.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import type { WriteStream } from 'node:fs'
import { createWriteStream } from 'node:fs'

/** Where a replica process stands. */
export type ChildState =
  | { readonly kind: 'running' }
  /** SIGSTOP: it lives, but does nothing. */
  | { readonly kind: 'stopped' }
  /** Ended on command. */
  | { readonly kind: 'killed' }
  /** Ended by itself. */
  | { readonly kind: 'died'; readonly how: string; readonly lastLines: readonly string[] }

/** How to run a replica. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly logPath: string
}

/** Lines of log that are kept for the case that it dies. */
const LINES_KEPT = 12
/** Longest tail of output that is kept to find those lines in. */
const TAIL_CHARS_MAX = 16_384

export class Child {
  readonly #launch: Launch
  readonly #onDeath: () => void
  #process: ChildProcess | undefined
  #log: WriteStream | undefined
  #tail = ''
  #state: ChildState = { kind: 'killed' }
  #ended: Promise<void> = Promise.resolve()

  constructor(launch: Launch, onDeath: () => void) {
    this.#launch = launch
    this.#onDeath = onDeath
  }

  get state(): ChildState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts the process, with more flags where given. Only when none runs. */
  start(flags: readonly string[]): void {
    const { command, args, logPath } = this.#launch
    this.#tail = ''
    const log = (this.#log ??= createWriteStream(logPath, { flags: 'a' }))
    // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which ends its replicas in
    // order. The pipe on stdin ends with the supervisor, so that its replicas end even where it is killed.
    const child = spawn(command, [...args, ...flags], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    const keep = (chunk: Buffer): void => {
      log.write(chunk)
      this.#tail = (this.#tail + chunk.toString()).slice(-TAIL_CHARS_MAX)
    }
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#process = child
    this.#state = { kind: 'running' }
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.#process === child) this.#end(how)
        resolve()
      }
      child.on('error', (error) => end(error.message))
      child.on('close', (code, signal) => end(signal === null ? `exit code ${code}` : signal))
    })
  }

  #end(how: string): void {
    this.#process = undefined
    if (this.#state.kind === 'killed') return
    const lastLines = this.#tail
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-LINES_KEPT)
    this.#state = { kind: 'died', how, lastLines }
    this.#onDeath()
  }

  /** SIGKILL: no goodbye, as when the power fails. */
  async kill(): Promise<void> {
    if (this.#process === undefined) return
    this.#state = { kind: 'killed' }
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  /** SIGSTOP. */
  pause(): void {
    if (this.#process === undefined) return
    this.#process.kill('SIGSTOP')
    this.#state = { kind: 'stopped' }
  }

  /** SIGCONT. */
  resume(): void {
    if (this.#process === undefined || this.#state.kind !== 'stopped') return
    this.#process.kill('SIGCONT')
    this.#state = { kind: 'running' }
  }

  /** Ends it in order, or by SIGKILL where that takes longer than `boundMs`. True: in order. */
  async stop(boundMs: number): Promise<boolean> {
    const child = this.#process
    if (child === undefined) return true
    this.#state = { kind: 'killed' }
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    let inOrder = true
    const late = setTimeout(() => {
      inOrder = false
      child.kill('SIGKILL')
    }, boundMs)
    await this.#ended
    clearTimeout(late)
    return inOrder
  }

  /** Closes the log file. */
  close(): void {
    this.#log?.end()
    this.#log = undefined
  }
}
