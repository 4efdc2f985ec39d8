// A database as pages. Everything above sees a database only as a list of pages of one size, numbered from 1;
// everything below SQLite's file calls is here and in vfs.ts.

/** Bytes of a page. Part of the era. */
export const PAGE_BYTES = 4096

/** Copies kept for the next attempt. */
const SPARE_PAGES_MAX = 64

/** A database at one height: pages 1 to `pageCount`. Pages that are read must not be changed. */
export interface PageSource {
  readonly pageCount: number
  /** Throws for local trouble (a disk that fails), which must stop the replica. */
  page(number: number): Uint8Array
}

/** The database before genesis. */
export const NO_PAGES: PageSource = {
  pageCount: 0,
  page: (number) => {
    throw new RangeError(`page ${number} of an empty database`)
  },
}

/** Pages that differ from a source: what a block or an interactive transaction has written. */
export class Overlay implements PageSource {
  readonly #base: PageSource
  readonly #changed = new Map<number, Uint8Array>()
  /** What the pages that the attempt under way has written were before; undefined for those of the source. */
  #before: Map<number, Uint8Array | undefined> | undefined
  /** Pages to keep copies in, of attempts that succeeded: making new ones took longer than all the rest. */
  readonly #spare: Uint8Array[] = []
  #count: number

  constructor(base: PageSource) {
    this.#base = base
    this.#count = base.pageCount
  }

  get pageCount(): number {
    return this.#count
  }

  /** Runs `work`; where it throws, nothing of what it wrote stands. */
  attempt<T>(work: () => T): T {
    const before = new Map<number, Uint8Array | undefined>()
    const count = this.#count
    this.#before = before
    try {
      const result = work()
      for (const bytes of before.values()) if (bytes !== undefined) this.#spare.push(bytes)
      this.#spare.length = Math.min(this.#spare.length, SPARE_PAGES_MAX)
      return result
    } catch (error) {
      this.#count = count
      for (const [number, bytes] of before) {
        if (bytes === undefined) this.#changed.delete(number)
        else this.#changed.set(number, bytes)
      }
      throw error
    } finally {
      this.#before = undefined
    }
  }

  /** Valid until the page is written again. */
  page(number: number): Uint8Array {
    return this.#changed.get(number) ?? this.#base.page(number)
  }

  /**
   * Copies a page out of `heap`. A page that was skipped on the way is a page of zeros, as in a file: nothing is left
   * undefined.
   */
  write(number: number, heap: Uint8Array, at: number): void {
    this.#keep(number)
    const mine = this.#changed.get(number)
    const bytes = heap.subarray(at, at + PAGE_BYTES)
    if (mine === undefined) this.#changed.set(number, bytes.slice())
    else mine.set(bytes)
    for (let skipped = this.#count + 1; skipped < number; skipped += 1) {
      this.#keep(skipped)
      this.#changed.set(skipped, new Uint8Array(PAGE_BYTES))
    }
    if (number > this.#count) this.#count = number
  }

  truncate(count: number): void {
    for (const number of this.#changed.keys()) {
      if (number <= count) continue
      this.#keep(number)
      this.#changed.delete(number)
    }
    this.#count = Math.min(count, this.#count)
  }

  /** Remembers a page that is about to change. */
  #keep(number: number): void {
    if (this.#before === undefined || this.#before.has(number)) return
    const mine = this.#changed.get(number)
    const copy = mine === undefined ? undefined : (this.#spare.pop() ?? new Uint8Array(PAGE_BYTES))
    if (mine !== undefined) copy?.set(mine)
    this.#before.set(number, copy)
  }

  /** The changed pages that still exist, by number. */
  changed(): readonly (readonly [number: number, bytes: Uint8Array])[] {
    return [...this.#changed].sort(([a], [b]) => a - b)
  }
}
