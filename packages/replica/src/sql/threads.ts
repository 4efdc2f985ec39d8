// The SQL threads as the replica's loop sees them: promises, bounded, and loud when a thread dies.

import { Worker } from 'node:worker_threads'
import type { Result } from '@quorate/kernel'
import { assert } from '@quorate/kernel'
import type { Height, LedgerMember, StateAnswer, StateAsk } from '@quorate/types'
import type { Execution, Executor, Job } from '../host/ports.ts'
import type { ReaderReply, ReaderRequest, SqlWorkerOptions, WriterReply, WriterRequest } from './messages.ts'
import type { StateHeight } from './state-rows.ts'
import type { Taken, WrongAnswer } from './state-sink.ts'

/** Blocks waiting for the writer at once. */
export const BLOCKS_QUEUED_MAX = 1024
/** Reads and session steps waiting for a reader thread at once. */
export const READS_QUEUED_MAX = 10_000
/**
 * A reader thread that answers nothing for so long, with questions waiting, is replaced: gas bounds steps, not what one
 * step may cost.
 */
export const READER_SILENCE_MS_MAX = 10_000

/** An SQL thread failed, or its work did, for a reason that is this machine's. */
export class SqlThreadError extends Error {
  override readonly name = 'SqlThreadError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Far above what a thread needs: without a bound V8 lets garbage pile up, four times over in a process of four threads.
 */
const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8 }

/**
 * Far above what the engine's own stack of 512 KiB can need of the machine's: its end must be reached first, because it
 * is the same everywhere. Address space, not memory.
 */
const STACK = { stackSizeMb: 32 }

type SqlWorkerName = 'writer-worker' | 'reader-worker' | 'source-worker' | 'feed-worker'

export function workerOf(name: SqlWorkerName, options: SqlWorkerOptions): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new Worker(new URL(`./${name}.${extension}`, import.meta.url), {
    name,
    workerData: options,
    resourceLimits: { ...HEAP, ...STACK },
  })
}

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** The one thread that executes blocks. Answers come in the order of the questions. */
export class SqlWriter implements Executor {
  readonly #worker: Worker
  readonly #waiting: Waiting<WriterReply>[] = []
  readonly #exited: Promise<void>
  #failure: SqlThreadError | undefined
  #height: Height | undefined
  #arriving: StateHeight | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: WriterReply) => this.#waiting.shift()?.resolve(reply))
    worker.on('error', (error) =>
      this.#fail(new SqlThreadError('SQL_ENGINE', `the SQL writer ended: ${error.message}`)),
    )
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#fail(new SqlThreadError('SQL_CLOSED', 'the SQL writer is closed'))
        resolve()
      })
    })
  }

  /** Opens state.db in `folder`, making it where there is none. */
  static async open(folder: string): Promise<SqlWriter> {
    const writer = new SqlWriter(workerOf('writer-worker', { folder }))
    const reply = await writer.#reply()
    assert(reply.kind === 'opened', `the SQL writer opened with ${reply.kind}`)
    writer.#height = reply.height
    writer.#arriving = reply.arriving
    return writer
  }

  /** Height of the last executed block. */
  get height(): Height | undefined {
    return this.#height
  }

  /** What was being received when the replica stopped, or is being received now. */
  get arriving(): StateHeight | undefined {
    return this.#arriving
  }

  async execute({ height, timeMs, seed, bodyBytes }: Job): Promise<Execution> {
    const body = new Uint8Array(bodyBytes)
    const reply = await this.#ask({ kind: 'execute', height, timeMs, seed, body }, [body.buffer as ArrayBuffer])
    assert(reply.kind === 'executed', `execution of block ${height} answered with ${reply.kind}`)
    this.#height = height
    this.#arriving = undefined
    return reply.execution
  }

  /** All members after the last executed block, in the order of their ids; none before genesis. */
  async members(): Promise<readonly LedgerMember[]> {
    const reply = await this.#ask({ kind: 'members' }, [])
    assert(reply.kind === 'members', `the question for members was answered with ${reply.kind}`)
    return reply.members
  }

  /** Forgets everything above `to`. */
  async rewind(to: Height | undefined): Promise<void> {
    const reply = await this.#ask({ kind: 'rewind', to }, [])
    assert(reply.kind === 'rewound', `rewinding answered with ${reply.kind}`)
    this.#height = reply.height
    this.#arriving = undefined
  }

  /**
   * Holds these heights beyond their retention, instead of those held before; resolves to those of them that are there. At most
   * `HELD_HEIGHTS_MAX`. A new process holds nothing: say it again before the first block is executed.
   */
  async hold(heights: readonly Height[]): Promise<readonly Height[]> {
    const reply = await this.#ask({ kind: 'hold', heights }, [])
    assert(reply.kind === 'held', `holding heights answered with ${reply.kind}`)
    return reply.heights
  }

  /** Puts all that was executed on disk: before blocks are pruned from which it could be executed again. */
  async sync(): Promise<void> {
    const reply = await this.#ask({ kind: 'sync' }, [])
    assert(reply.kind === 'synced', `syncing answered with ${reply.kind}`)
  }

  /**
   * Begins to receive the database at a certified height above the newest one, or goes on with that. Until `finish`, readers see
   * what they saw; a block that is executed meanwhile gives the reception up. Resolves to whether nothing is here to compare with.
   */
  async receive(target: StateHeight): Promise<{ readonly isBlank: boolean }> {
    const reply = await this.#ask({ kind: 'receive', target }, [])
    assert(reply.kind === 'receiving', `receiving answered with ${reply.kind}`)
    this.#arriving = target
    return reply
  }

  /** Takes a peer's answer for the height that is being received, where it is proved. */
  async take(ask: StateAsk, answer: StateAnswer): Promise<Result<Taken, WrongAnswer>> {
    const reply = await this.#ask({ kind: 'take', ask, answer }, [])
    assert(reply.kind === 'took', `taking an answer answered with ${reply.kind}`)
    return reply.taken
  }

  /** Makes the height that was received the newest; rejects with STATE_DAMAGED where it is not whole. */
  async finish(): Promise<void> {
    const reply = await this.#ask({ kind: 'finish' }, [])
    assert(reply.kind === 'finished', `finishing answered with ${reply.kind}`)
    this.#height = reply.height
    this.#arriving = undefined
  }

  /** Resolves when state.db is closed and the thread is gone. */
  close(): Promise<void> {
    if (this.#failure === undefined) this.#worker.postMessage({ kind: 'close' } satisfies WriterRequest)
    return this.#exited
  }

  #ask(request: WriterRequest, transfer: readonly ArrayBuffer[]): Promise<WriterReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#waiting.length >= BLOCKS_QUEUED_MAX) {
      return Promise.reject(
        new SqlThreadError('SQL_QUEUE', `more than ${BLOCKS_QUEUED_MAX} blocks wait for the SQL writer`),
      )
    }
    this.#worker.postMessage(request, [...transfer])
    return this.#reply()
  }

  async #reply(): Promise<WriterReply> {
    const reply = await new Promise<WriterReply>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    if (reply.kind === 'failed') throw new SqlThreadError(reply.code, reply.message)
    return reply
  }

  #fail(error: SqlThreadError): void {
    this.#failure ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure)
  }
}

/** Threads that read. A session stays with the thread it was opened on. */
export class SqlReaders {
  readonly #threads: readonly ReaderThread[]
  #nextSession = 0
  #turn = 0

  constructor(folder: string, threads = 1) {
    this.#threads = Array.from({ length: threads }, () => new ReaderThread(folder))
  }

  /** Asks any thread. */
  read(request: ReaderRequest & { kind: 'read' }): Promise<ReaderReply> {
    this.#turn = (this.#turn + 1) % this.#threads.length
    return this.#threadOf(this.#turn).ask(request)
  }

  /** A number for a new session. */
  newSession(): number {
    this.#nextSession += 1
    return this.#nextSession
  }

  /**
   * Asks the thread of the request's session. What a session recorded is what its commit stands for, so that asking a
   * lost one for it rejects, and can't be taken for "nothing was written".
   */
  async inSession(request: Exclude<ReaderRequest, { readonly kind: 'read' }>): Promise<ReaderReply> {
    const reply = await this.#threadOf(request.session % this.#threads.length).ask(request)
    if (request.kind === 'recording' && reply.kind === 'failed') throw new SqlThreadError('SQL_READER', reply.message)
    return reply
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #threadOf(index: number): ReaderThread {
    const thread = this.#threads[index]
    assert(thread !== undefined, `no reader thread ${index}`)
    return thread
  }
}

/**
 * A thread that may be lost and replaced: reading must never stop the replica. What waits when it is lost fails, and so
 * does what is asked of sessions that were open on it.
 */
class ReaderThread {
  readonly #folder: string
  #worker: Worker | undefined
  readonly #waiting = new Map<number, Waiting<ReaderReply>>()
  #nextId = 0
  #watch: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(folder: string) {
    this.#folder = folder
  }

  ask(request: ReaderRequest): Promise<ReaderReply> {
    if (this.#isClosed) return Promise.reject(new SqlThreadError('SQL_CLOSED', 'the SQL readers are closed'))
    if (this.#waiting.size >= READS_QUEUED_MAX) {
      return Promise.resolve({ kind: 'failed', message: `more than ${READS_QUEUED_MAX} reads wait` })
    }
    this.#worker ??= this.#start()
    this.#nextId += 1
    const id = this.#nextId
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#watch ??= this.#watchOver(worker)
      worker.postMessage({ id, request })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#lose('the SQL readers are closed')
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = workerOf('reader-worker', { folder: this.#folder })
    worker.on('message', ({ id, reply }: { readonly id: number; readonly reply: ReaderReply }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      clearTimeout(this.#watch)
      this.#watch = this.#waiting.size === 0 ? undefined : this.#watchOver(worker)
      waiting?.resolve(reply)
    })
    const lost = (why: string): void => {
      if (this.#worker !== worker) return
      this.#lose(why)
      process.emitWarning(`${why}; another one takes its place`, 'SqlReaderLost')
    }
    worker.on('error', (error) => lost(`an SQL reader ended: ${error.message}`))
    worker.on('exit', () => lost('an SQL reader ended'))
    return worker
  }

  #watchOver(worker: Worker): NodeJS.Timeout {
    const give = (): void => {
      if (this.#worker !== worker) return
      const why = `an SQL reader gave no answer for ${READER_SILENCE_MS_MAX} ms`
      this.#lose(why)
      process.emitWarning(`${why}; another one takes its place`, 'SqlReaderLost')
      void worker.terminate()
    }
    return setTimeout(give, READER_SILENCE_MS_MAX).unref()
  }

  #lose(message: string): void {
    clearTimeout(this.#watch)
    this.#watch = undefined
    this.#worker = undefined
    const lost = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const waiting of lost) waiting.resolve({ kind: 'failed', message })
  }
}
