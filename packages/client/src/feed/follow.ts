// Follows a feed through everything that happens to connections and replicas.
//
// Every entry has a position, and positions mean the same at every replica. So there is nothing to do about a lost
// connection but to ask another replica for what comes behind the last entry: it begins where the one before ended,
// nothing is missing and nothing comes twice. What tells that a connection is lost is an error, the feed's own last
// entry, or silence: a replica that has nothing to tell says now and then that it is there.
//
// What other replicas can't mend ends it: a question that makes no sense, or a position that none of them keeps any more.

import type { BackOff } from '../back-off.ts'
import { waitMs } from '../back-off.ts'
import { ClientError } from '../client-error.ts'
import type { Fetch } from '../http.ts'
import { asObject, errorIn, parseJson, wishOf } from '../http.ts'
import type { SessionClock } from '../session/client-session.ts'

/** Longest line that is read: an entry can't be longer. */
const LINE_CHARS_MAX = 256 * 1024 * 1024

/** How to follow. */
export interface FollowOptions {
  /**
   * Where to begin: a height, to begin with its block, or the position of an entry, to go on behind it. Without it the
   * feed begins now.
   */
  readonly from?: number | string
  /** Ends the iteration, as if the feed were over. */
  readonly signal?: AbortSignal
  /** Told of each interruption, before the next replica is asked. */
  readonly onInterruption?: (why: ClientError) => void
}

/** What following stands on. */
export interface FollowParts {
  readonly urls: readonly string[]
  readonly fetch: Fetch
  readonly clock: SessionClock
  readonly random: () => number
  readonly backOff: BackOff
  /** A feed that says nothing for so long is lost: three heartbeats. */
  readonly silenceMs: number
}

/** Refusals that no other replica and no later time will mend. */
const FINAL: ReadonlySet<string> = new Set(['BAD_ANSWER', 'POSITION_INVALID', 'FORMAT_INVALID', 'TABLES_INVALID'])
/** How often all replicas are asked where some have given up the position and the others don't answer. */
const ROUNDS_GONE_MAX = 3

/** Why a connection was given up. */
interface Broken {
  readonly error: ClientError
  readonly wishMs: number
}

/** Aborts where the feed's user leaves, or nothing comes for too long. */
class Watch {
  readonly #abort = new AbortController()
  readonly #clock: SessionClock
  readonly #silenceMs: number
  #stop: () => void = () => undefined
  isSilent = false

  constructor(clock: SessionClock, silenceMs: number, outer: AbortSignal | undefined) {
    this.#clock = clock
    this.#silenceMs = silenceMs
    outer?.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal })
    if (outer?.aborted === true) this.#abort.abort()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Something came. */
  rewind(): void {
    this.#stop()
    this.#stop = this.#clock.after(this.#silenceMs, () => {
      this.isSilent = true
      this.#abort.abort()
    })
  }

  /** Nothing is expected to come. */
  hold(): void {
    this.#stop()
  }

  end(): void {
    this.#stop()
    this.#abort.abort()
  }
}

/** The lines of an answer. Throws where the connection breaks. */
async function* linesOf(body: ReadableStream<Uint8Array>, watch: Watch): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const parts: string[] = []
  let length = 0
  for await (const bytes of body) {
    watch.rewind()
    const pieces = decoder.decode(bytes, { stream: true }).split('\n')
    for (const [at, piece] of pieces.entries()) {
      parts.push(piece)
      length += piece.length
      if (length > LINE_CHARS_MAX)
        throw new ClientError('BAD_ANSWER', `a line of more than ${LINE_CHARS_MAX} characters`)
      if (at === pieces.length - 1) break
      const line = parts.join('')
      parts.length = 0
      length = 0
      if (line !== '') yield line
    }
  }
}

function unreachable(url: string, error: unknown, watch: Watch): Broken {
  if (error instanceof ClientError) return { error, wishMs: 0 }
  const what = watch.isSilent ? 'silent for too long' : error instanceof Error ? error.message : String(error)
  return { error: new ClientError('UNREACHABLE', `${url}: ${what}`), wishMs: 0 }
}

export class Follower<T extends { readonly position: string }> {
  readonly #parts: FollowParts
  readonly #path: string
  readonly #parse: (value: unknown) => T | undefined
  readonly #options: FollowOptions
  /** Behind everything that was given out. */
  #position: string | undefined
  #replica = 0
  /** Replicas that said since the last entry that they don't keep the position any more. */
  readonly #gone = new Map<string, ClientError>()
  #failures = 0

  /** @param path - With its query, but for the position. */
  constructor(parts: FollowParts, path: string, parse: (value: unknown) => T | undefined, options: FollowOptions) {
    this.#parts = parts
    this.#path = path
    this.#parse = parse
    this.#options = options
    this.#position = options.from === undefined ? undefined : String(options.from)
  }

  /** @throws ClientError HEIGHT_GONE, POSITION_INVALID, TABLES_INVALID, BAD_ANSWER */
  async *entries(): AsyncGenerator<T, void, undefined> {
    const { signal, onInterruption } = this.#options
    const { urls, backOff, random } = this.#parts
    while (signal?.aborted !== true) {
      const url = urls[this.#replica % urls.length] ?? ''
      const { error, wishMs } = yield* this.#connection(url)
      if (this.#options.signal?.aborted === true) return
      this.#replica += 1
      this.#failures += 1
      if (FINAL.has(error.code)) throw error
      if (error.code === 'HEIGHT_GONE') this.#gone.set(url, error)
      // Those that don't answer may keep it; but somebody should hear of it.
      const [gone] = this.#gone.values()
      const isOver = this.#gone.size === urls.length || this.#failures >= ROUNDS_GONE_MAX * urls.length
      if (gone !== undefined && isOver) throw gone
      onInterruption?.(error)
      await this.#pause(waitMs(backOff, this.#failures, random(), wishMs))
    }
  }

  /** One connection's entries, and why it ended. */
  async *#connection(url: string): AsyncGenerator<T, Broken, undefined> {
    const { fetch, clock, silenceMs } = this.#parts
    const watch = new Watch(clock, silenceMs, this.#options.signal)
    watch.rewind()
    try {
      const response = await fetch(this.#urlAt(url), {
        headers: { accept: 'application/x-ndjson' },
        signal: watch.signal,
      })
      if (response.status !== 200 || response.body === null) return await refusalOf(response)
      // Without a position of its own, a feed that breaks at once must not begin anew.
      this.#position ??= response.headers.get('quorate-position') ?? undefined
      for await (const line of linesOf(response.body, watch)) {
        const value = asObject(parseJson(line))
        if (value?.['kind'] === 'heartbeat') continue
        if (value?.['kind'] === 'end') return endOf(url, value)
        const entry = this.#parse(value)
        if (entry === undefined) throw new ClientError('BAD_ANSWER', `${url}: not an entry: ${line.slice(0, 200)}`)
        this.#position = entry.position
        this.#failures = 0
        this.#gone.clear()
        // However long the entry is worked on, that is not the feed's silence.
        watch.hold()
        yield entry
        watch.rewind()
      }
      return { error: new ClientError('UNREACHABLE', `${url}: the feed broke off`), wishMs: 0 }
    } catch (error) {
      return unreachable(url, error, watch)
    } finally {
      watch.end()
    }
  }

  #urlAt(url: string): string {
    const path = url.replace(/\/+$/, '') + this.#path
    if (this.#position === undefined) return path
    return `${path}${path.includes('?') ? '&' : '?'}from=${encodeURIComponent(this.#position)}`
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options
    let wake: () => void = () => undefined
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    const stop = this.#parts.clock.after(ms, wake)
    signal?.addEventListener('abort', wake, { once: true })
    await woken
    stop()
    // A feed that is interrupted for days must not gather listeners.
    signal?.removeEventListener('abort', wake)
  }
}

async function refusalOf(response: Response): Promise<Broken> {
  const text = await response.text()
  const { code, message } = errorIn({ kind: 'answer', status: response.status, headers: response.headers, text })
  return { error: new ClientError(code, message), wishMs: wishOf(response.headers) }
}

function endOf(url: string, value: Readonly<Record<string, unknown>>): Broken {
  const code = typeof value['code'] === 'string' ? value['code'] : 'UNREACHABLE'
  return { error: new ClientError(code, `${url} ended the feed: ${code}`), wishMs: 0 }
}
