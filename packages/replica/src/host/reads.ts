// At which height may a read run? Readers only ever see certified heights. A linearizable read asks a quorum how far it has
// voted and waits until this replica has certified as much: every acknowledged transaction was certified, so some honest member
// of that quorum had voted for it (see the read index in the choam package's SPEC).

import type { Height, Millis } from '@quorate/types'
import type { ChoamInput } from '@quorate/choam'

/** How fresh a read must be. */
export type ReadLevel =
  /** Whatever this replica has. */
  | { readonly kind: 'local' }
  /** Everything acknowledged anywhere before the read began. */
  | { readonly kind: 'linearizable' }
  /** At least this height: a token from an earlier answer gives read-your-writes on any replica. */
  | { readonly kind: 'at-least'; readonly height: Height }
  /** Exactly this height, if it is still retained. */
  | { readonly kind: 'as-of'; readonly height: Height }

interface Waiting {
  readonly from: Height
  readonly resolve: (height: Height | undefined) => void
  readonly deadlineMs: number
}

/** Most reads waiting for a height or a quorum. */
export const READS_WAITING_MAX = 10_000

/** Longest wait for a height or a quorum. */
export const READ_WAIT_MS_MAX = 10_000

export class Reads {
  readonly #feed: (input: ChoamInput) => void
  readonly #nowMs: () => Millis
  #certified: Height | undefined
  #request = 0
  readonly #asked = new Map<number, Omit<Waiting, 'from'>>()
  readonly #waiting = new Set<Waiting>()

  constructor(feed: (input: ChoamInput) => void, nowMs: () => Millis) {
    this.#feed = feed
    this.#nowMs = nowMs
  }

  /** The newest height that readers may see; undefined before genesis. */
  get certified(): Height | undefined {
    return this.#certified
  }

  /** A height became final. */
  advance(height: Height): void {
    this.#certified = height
    for (const waiting of this.#waiting) {
      if (waiting.from > height) continue
      this.#waiting.delete(waiting)
      waiting.resolve(height)
    }
  }

  /** The core found the height for a linearizable read. */
  readable(request: number, height: Height): void {
    const asked = this.#asked.get(request)
    if (asked === undefined) return
    this.#asked.delete(request)
    asked.resolve(height)
  }

  /** The height at which a read of this level may run, or undefined where none was reached in time. */
  async heightFor(level: ReadLevel): Promise<Height | undefined> {
    switch (level.kind) {
      case 'local':
        return this.#certified
      case 'as-of':
        return this.#certified !== undefined && level.height <= this.#certified ? level.height : undefined
      case 'at-least':
        return this.#reach(level.height)
      case 'linearizable':
        return this.#ask()
    }
  }

  /** Gives up on reads whose deadline has passed. */
  expire(): void {
    const now = this.#nowMs()
    for (const [request, asked] of this.#asked) {
      if (asked.deadlineMs > now) break
      this.#asked.delete(request)
      asked.resolve(undefined)
    }
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > now) break
      this.#waiting.delete(waiting)
      waiting.resolve(undefined)
    }
  }

  #deadline(): number {
    return this.#nowMs() + READ_WAIT_MS_MAX
  }

  #reach(from: Height): Promise<Height | undefined> {
    const certified = this.#certified
    if (certified !== undefined && certified >= from) return Promise.resolve(certified)
    if (this.#waiting.size >= READS_WAITING_MAX) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#waiting.add({ from, resolve, deadlineMs: this.#deadline() }))
  }

  #ask(): Promise<Height | undefined> {
    if (this.#asked.size >= READS_WAITING_MAX) return Promise.resolve(undefined)
    this.#request = (this.#request + 1) % 0xffff_ffff
    const request = this.#request
    return new Promise((resolve) => {
      this.#asked.set(request, { resolve, deadlineMs: this.#deadline() })
      this.#feed({ kind: 'read', request })
    })
  }
}
