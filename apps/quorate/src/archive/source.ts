// Where an archiver takes blocks from. None of them is trusted: what they give is checked before it is kept.

import { readWhole } from '@quorate/replica'
import type { Height, WholeBlock } from '@quorate/types'
import { decodeWholeBlocks, height, WHOLE_BLOCK_LIMITS } from '@quorate/types'

/** What a source gives: blocks in a row, or why there are none. */
export type Given =
  /** `tip`: the source's newest certified height; -1 before genesis. */
  | { readonly kind: 'blocks'; readonly blocks: readonly WholeBlock[]; readonly tip: number }
  /** Pruned there. */
  | { readonly kind: 'gone'; readonly lowest: number | undefined; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** One source. */
export interface Source {
  /** For people. */
  readonly title: string
  /** Blocks from a height on; none where there are none yet. Never rejects. */
  blocks(from: Height): Promise<Given>
}

/** Longest time for one answer, and its most bytes: one block may be large. */
const ANSWER_MS_MAX = 60_000
const ANSWER_BYTES_MAX = 512 * 1024 * 1024
/** Blocks and bytes that are asked for at once. */
const BLOCKS_AT_ONCE = WHOLE_BLOCK_LIMITS.blocksMax
const BYTES_AT_ONCE = 4 * 1024 * 1024

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}

/** The whole body, if it has at most `bytesMax`. */
export async function bodyOf(response: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > bytesMax) return undefined
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

interface Refusal {
  readonly code?: unknown
  readonly message?: unknown
}

function refusalIn(bytes: Uint8Array): Refusal {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** A replica, over HTTP. */
export class ReplicaSource implements Source {
  readonly title: string

  constructor(url: string) {
    this.title = url.replace(/\/+$/, '')
  }

  async blocks(from: Height): Promise<Given> {
    try {
      const url = `${this.title}/v1/blocks/raw?from=${from}&count=${BLOCKS_AT_ONCE}`
      const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
      const bytes = await bodyOf(response, ANSWER_BYTES_MAX)
      if (bytes === undefined) return { kind: 'failed', message: `an answer of more than ${ANSWER_BYTES_MAX} bytes` }
      if (response.status !== 200) return this.#refused(response.status, bytes)
      const tip = Number(response.headers.get('quorate-height') ?? 'none')
      const blocks = decodeWholeBlocks(bytes)
      if (!blocks.ok || !Number.isSafeInteger(tip))
        return { kind: 'failed', message: blocks.ok ? 'it tells no height' : `no blocks: ${blocks.error.message}` }
      return { kind: 'blocks', blocks: blocks.value, tip }
    } catch (error) {
      return { kind: 'failed', message: reasonOf(error) }
    }
  }

  #refused(status: number, bytes: Uint8Array): Given {
    const { code, message } = refusalIn(bytes)
    const text = typeof message === 'string' ? message.slice(0, 300) : `HTTP ${status}`
    if (code !== 'HEIGHT_GONE') return { kind: 'failed', message: text }
    const lowest = /begin at (\d{1,15})$/.exec(text)?.[1]
    return { kind: 'gone', lowest: lowest === undefined ? undefined : Number(lowest), message: text }
  }
}

/** A replica's data folder on this machine; the replica may be running. */
export class FolderSource implements Source {
  readonly title: string

  constructor(folder: string) {
    this.title = folder
  }

  blocks(from: Height): Promise<Given> {
    try {
      const { blocks, tip, lowest } = readWhole(this.title, from, BLOCKS_AT_ONCE, BYTES_AT_ONCE)
      if (blocks.length > 0 || from >= lowest) return Promise.resolve({ kind: 'blocks', blocks, tip })
      const message = `block ${from} is no longer kept here, where blocks begin at ${lowest}`
      return Promise.resolve({ kind: 'gone', lowest, message })
    } catch (error) {
      return Promise.resolve({ kind: 'failed', message: reasonOf(error) })
    }
  }
}

/** Several sources that stand in for each other: whichever fails is left for the next. */
export class Sources {
  readonly #all: readonly Source[]
  #at = 0

  constructor(all: readonly Source[]) {
    this.#all = all
  }

  get count(): number {
    return this.#all.length
  }

  get current(): Source {
    const source = this.#all[this.#at]
    if (source === undefined) throw new RangeError('there is no source')
    return source
  }

  ask(from: number): Promise<Given> {
    return this.current.blocks(height(from))
  }

  next(): void {
    this.#at = (this.#at + 1) % this.#all.length
  }
}
