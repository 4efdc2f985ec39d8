// A database as pages. Everything above sees a database only as a list of pages of one size, numbered from 1; everything below
// SQLite's file calls is here and in vfs.ts.

/** Bytes of a page. Part of the era. */
export const PAGE_BYTES = 4096

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
  #count: number

  constructor(base: PageSource) {
    this.#base = base
    this.#count = base.pageCount
  }

  get pageCount(): number {
    return this.#count
  }

  page(number: number): Uint8Array {
    return this.#changed.get(number) ?? this.#base.page(number)
  }

  /** Takes a page; `bytes` must not change afterwards. */
  write(number: number, bytes: Uint8Array): void {
    this.#changed.set(number, bytes)
    if (number > this.#count) this.#count = number
  }

  truncate(count: number): void {
    for (const number of this.#changed.keys()) if (number > count) this.#changed.delete(number)
    this.#count = count
  }

  /** The changed pages that still exist, by number. */
  changed(): readonly (readonly [number: number, bytes: Uint8Array])[] {
    return [...this.#changed].sort(([a], [b]) => a - b)
  }
}
