import { assert, must } from '@quorate/kernel'

/** Something that happens at a moment of virtual time. */
export interface Appointment {
  readonly atMs: number
  /** Settles what happens first at one moment: who was entered first. */
  readonly order: number
  readonly run: () => void | Promise<void>
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** What is to happen, the soonest first: a binary heap. No two appointments share a rank. */
export class Agenda {
  readonly #heap: Appointment[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** Time of the next appointment; Infinity where there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity
  }

  add(atMs: number, run: Appointment['run']): void {
    assert(Number.isFinite(atMs), `an appointment at ${atMs}`)
    this.#order += 1
    const heap = this.#heap
    const added = { atMs, order: this.#order, run }
    let at = heap.length
    heap.push(added)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = must(heap[parent], 'a parent in the heap')
      if (isBefore(above, added)) break
      heap[at] = above
      at = parent
    }
    heap[at] = added
  }

  /** Takes the next appointment out. */
  take(): Appointment | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = at * 2 + 1
      const right = left + 1
      const a = heap[left]
      if (a === undefined) break
      const b = heap[right]
      const child = b !== undefined && isBefore(b, a) ? b : a
      if (isBefore(last, child)) break
      heap[at] = child
      at = child === a ? left : right
    }
    heap[at] = last
    return first
  }
}
