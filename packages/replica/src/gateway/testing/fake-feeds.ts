// Feeds of blocks that a test makes up.

import { atomically, atomicallySync, newTVar } from '@quorate/stm'
import type { Height } from '@quorate/types'
import { height as heightOf } from '@quorate/types'
import type { FeedAnswer, FeedEntry, FeedSource, Topic } from '../../feed/entry.ts'
import { positionText } from '../../feed/entry.ts'

/** An entry of a made-up block: its transaction, its table, and how many letters it has besides. */
export interface FakeEntry {
  readonly index: number
  readonly table?: string
  readonly padding?: number
}

export class FakeFeeds implements FeedSource {
  readonly #tip = newTVar<number>(-1)
  readonly #blocks = new Map<number, readonly FakeEntry[]>()
  /** Heights below are not retained. */
  floor = 0
  /** The block at this height can't be made. */
  broken: number | undefined
  /** Blocks that were asked for. */
  asked = 0

  get tip(): Height | undefined {
    return this.#tip.value < 0 ? undefined : heightOf(this.#tip.value)
  }

  /** Adds a block and makes it final. */
  add(...entries: readonly FakeEntry[]): void {
    const next = this.#tip.value + 1
    this.#blocks.set(next, entries)
    atomicallySync((tx) => tx.write(this.#tip, next))
  }

  async reached(height: Height): Promise<void> {
    await atomically((tx) => tx.check(tx.read(this.#tip) >= height))
  }

  async block(topic: Topic, height: Height): Promise<FeedAnswer> {
    this.asked += 1
    if (height < this.floor) return { kind: 'gone' }
    if (height === this.broken) return { kind: 'failed', message: 'broken' }
    const counts = new Map<number, number>()
    const entries = (this.#blocks.get(height) ?? []).map(({ index, table, padding = 0 }): FeedEntry => {
      const sequence = counts.get(index) ?? 0
      counts.set(index, sequence + 1)
      const position = positionText(topic, height, index, sequence)
      const json = JSON.stringify({ kind: 'change', position, table: table ?? null, padding: 'x'.repeat(padding) })
      return { index, sequence, table, json }
    })
    const end = JSON.stringify({ kind: 'block', position: String(height + 1), height })
    return { kind: 'told', block: { entries, end } }
  }
}
