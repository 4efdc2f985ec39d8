/** First in, first out, never above its bounds. A full queue refuses; what to do then is the caller's explicit choice. */
export class BoundedQueue<T> {
  readonly #items: T[] = []
  #head = 0
  #weight = 0
  readonly #countMax: number
  readonly #weightMax: number
  readonly #weigh: (item: T) => number

  /** @param weigh - An item's weight, usually its bytes. */
  constructor(limits: { readonly countMax: number; readonly weightMax: number }, weigh: (item: T) => number) {
    this.#countMax = limits.countMax
    this.#weightMax = limits.weightMax
    this.#weigh = weigh
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** Sum of the weights of what is queued. */
  get weight(): number {
    return this.#weight
  }

  /** False, and nothing changes, where the item would exceed a bound. */
  push(item: T): boolean {
    const weight = this.#weigh(item)
    if (this.size + 1 > this.#countMax || this.#weight + weight > this.#weightMax) return false
    this.#items.push(item)
    this.#weight += weight
    return true
  }

  /** Everything queued, first in first. */
  toArray(): readonly T[] {
    return this.#items.slice(this.#head)
  }

  /** Takes everything out, first in first. */
  drain(): readonly T[] {
    const items = this.#items.splice(0).slice(this.#head)
    this.#head = 0
    this.#weight = 0
    return items
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head += 1
    this.#weight -= this.#weigh(item)
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }
}
