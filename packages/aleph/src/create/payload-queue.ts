import { BoundedQueue } from '@quorate/kernel'
import { encodePayload, PAYLOAD_ITEMS_MAX } from '@quorate/types'
import type { AlephLimits } from '../limits.ts'

/** Bytes of an item count in front of the items. */
const COUNT_BYTES_MAX = 5

/** Items of this member that wait for an own unit. Bounded in items and bytes. */
export class PayloadQueue {
  readonly #limits: AlephLimits
  readonly #items: BoundedQueue<Uint8Array>

  constructor(limits: AlephLimits) {
    this.#limits = limits
    const bounds = { countMax: limits.queueItemsMax, weightMax: limits.queueBytesMax }
    this.#items = new BoundedQueue(bounds, (item: Uint8Array) => item.length)
  }

  /** Whether an own unit would have something to say. */
  get isEmpty(): boolean {
    return this.#items.size === 0
  }

  /** Everything that waits, in order. */
  get items(): readonly Uint8Array[] {
    return this.#items.toArray()
  }

  /** What can still be submitted. */
  get room(): { readonly items: number; readonly bytes: number } {
    const { queueItemsMax, queueBytesMax } = this.#limits
    return { items: queueItemsMax - this.#items.size, bytes: queueBytesMax - this.#items.weight }
  }

  /** Takes items in order; returns those without room, and those that fit into no unit. */
  push(items: readonly Uint8Array[]): Uint8Array[] {
    const itemBytesMax = this.#limits.unitPayloadBytesMax - COUNT_BYTES_MAX
    return items.filter((item) => item.length === 0 || item.length > itemBytesMax || !this.#items.push(item))
  }

  /** The payload of the next own unit; empty when nothing waits. */
  take(): Uint8Array {
    const taken: Uint8Array[] = []
    let bytes = COUNT_BYTES_MAX
    for (let item = this.#items.peek(); item !== undefined; item = this.#items.peek()) {
      if (bytes + item.length > this.#limits.unitPayloadBytesMax || taken.length === PAYLOAD_ITEMS_MAX) break
      bytes += item.length
      taken.push(item)
      this.#items.shift()
    }
    return taken.length === 0 ? new Uint8Array(0) : encodePayload(taken)
  }
}
