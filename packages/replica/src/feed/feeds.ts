// What feeds tell, made once for all who follow: at the ledger's end everybody asks for the same block.

import { height as heightOf } from '@quorate/types'
import type { Height } from '@quorate/types'
import type { Reads } from '../host/reads.ts'
import type { FeedThread } from '../sql/feed-thread.ts'
import type { Store } from '../store/store.ts'
import type { FeedAnswer, FeedSource, Topic } from './entry.ts'

/** UTF-16 units of told blocks that are kept. */
export const FEED_CACHE_CHARS_MAX = 16 * 1024 * 1024
/** Pause where the next height didn't come in time. */
const RETRY_MS = 100
/** Told blocks that are kept. */
export const FEED_CACHE_BLOCKS_MAX = 256

/** What feeds are made from. */
export interface FeedParts {
  readonly store: Pick<Store, 'block'>
  readonly reads: Pick<Reads, 'certified' | 'heightFor'>
  readonly thread: Pick<FeedThread, 'ask'>
}

interface Told {
  readonly answer: Promise<FeedAnswer>
  /** 0 until it is there. */
  chars: number
}

export class Feeds implements FeedSource {
  readonly #parts: FeedParts
  readonly #told = new Map<string, Told>()
  #chars = 0
  #next: { readonly height: Height; readonly reached: Promise<void> } | undefined

  constructor(parts: FeedParts) {
    this.#parts = parts
  }

  get tip(): Height | undefined {
    return this.#parts.reads.certified
  }

  /** All who follow wait for the same: the next block. */
  async reached(height: Height): Promise<void> {
    const { tip } = this
    if (tip !== undefined && tip >= height) return
    const next = heightOf(tip === undefined ? 0 : tip + 1)
    if (this.#next?.height !== next) {
      this.#next = { height: next, reached: this.#wait(next) }
    }
    await this.#next.reached
  }

  async #wait(height: Height): Promise<void> {
    const reached = await this.#parts.reads.heightFor({ kind: 'at-least', height })
    // Too many wait already, or time is over: whoever comes back at once must not spin.
    if (reached === undefined) await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
    this.#next = undefined
  }

  block(topic: Topic, height: Height): Promise<FeedAnswer> {
    const name = `${topic} ${height}`
    const known = this.#told.get(name)
    if (known !== undefined) return known.answer
    const told: Told = { answer: this.#make(topic, height), chars: 0 }
    this.#told.set(name, told)
    void told.answer.then((answer) => this.#keep(name, told, answer))
    return told.answer
  }

  async #make(topic: Topic, height: Height): Promise<FeedAnswer> {
    try {
      const block = await this.#parts.store.block(height)
      if (block === undefined) return { kind: 'gone' }
      const { header, body, results } = block
      return await this.#parts.thread.ask({ topic, height, header, body, results })
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
  }

  /** Only what was told is worth keeping: what failed may go well the next time. */
  #keep(name: string, told: Told, answer: FeedAnswer): void {
    if (answer.kind !== 'told') {
      this.#told.delete(name)
      return
    }
    const { entries, end } = answer.block
    told.chars = entries.reduce((sum, entry) => sum + entry.json.length + 100, end.length)
    this.#chars += told.chars
    for (const [oldest, { chars }] of this.#told) {
      if (this.#chars <= FEED_CACHE_CHARS_MAX && this.#told.size <= FEED_CACHE_BLOCKS_MAX) break
      // What is still being made is awaited by somebody.
      if (chars === 0) continue
      this.#told.delete(oldest)
      this.#chars -= chars
    }
  }
}
