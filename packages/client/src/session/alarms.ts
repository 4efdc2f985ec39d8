interface Alarm {
  readonly key: string
  atMs: number
}

/**
 * Alarms by key, each key at most one, as a binary heap that knows where each key stands: setting again moves, so what
 * is settled leaves nothing behind.
 */
export class Alarms {
  readonly #heap: Alarm[] = []
  readonly #places = new Map<string, number>()

  /** When the first one rings; undefined while there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs
  }

  /** Sets the alarm of `key`, in place of the one it had. */
  set(key: string, atMs: number): void {
    const place = this.#places.get(key)
    const alarm = place === undefined ? undefined : this.#heap[place]
    if (place === undefined || alarm === undefined) {
      this.#heap.push({ key, atMs })
      this.#places.set(key, this.#heap.length - 1)
      this.#rise(this.#heap.length - 1)
      return
    }
    alarm.atMs = atMs
    this.#sink(this.#rise(place))
  }

  clear(key: string): void {
    const place = this.#places.get(key)
    const last = this.#heap.pop()
    if (place === undefined || last === undefined) {
      if (last !== undefined) this.#heap.push(last)
      return
    }
    this.#places.delete(key)
    if (last.key === key) return
    this.#put(place, last)
    this.#sink(this.#rise(place))
  }

  /** Takes the first alarm that has rung by `nowMs`: earliest first, of two at one time the smaller key. */
  take(nowMs: number): string | undefined {
    const [first] = this.#heap
    if (first === undefined || first.atMs > nowMs) return undefined
    this.clear(first.key)
    return first.key
  }

  #put(place: number, alarm: Alarm): void {
    this.#heap[place] = alarm
    this.#places.set(alarm.key, place)
  }

  #rise(from: number): number {
    let place = from
    for (;;) {
      const above = (place - 1) >> 1
      const [alarm, parent] = [this.#heap[place], this.#heap[above]]
      if (alarm === undefined || parent === undefined || !isBefore(alarm, parent)) return place
      this.#put(above, alarm)
      this.#put(place, parent)
      place = above
    }
  }

  #sink(from: number): void {
    let place = from
    for (;;) {
      const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]]
      const below = right !== undefined && left !== undefined && isBefore(right, left) ? 2 * place + 2 : 2 * place + 1
      const [alarm, child] = [this.#heap[place], this.#heap[below]]
      if (alarm === undefined || child === undefined || !isBefore(child, alarm)) return
      this.#put(below, alarm)
      this.#put(place, child)
      place = below
    }
  }
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.atMs === b.atMs ? a.key < b.key : a.atMs < b.atMs
}
