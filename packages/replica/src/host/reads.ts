// At which height may a read run? Readers only ever see certified heights. A linearizable read asks a quorum how far it has
// voted and waits until this replica has certified as much: every acknowledged transaction was certified, so some honest member
// of that quorum had voted for it (see the read index in the choam package's SPEC).
//
// The chain's tip is a variable, and so is time, as far as deadlines care: a read waits for whichever comes first.

import type { ChoamInput } from '@quorate/choam'
import { atomically, atomicallySync, newTVar } from '@quorate/stm'
import type { TVar, Tx } from '@quorate/stm'
import type { Height, Millis } from '@quorate/types'

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

/** Most reads waiting for a height or a quorum. */
export const READS_WAITING_MAX = 10_000

/** Longest wait for a height or a quorum. */
export const READ_WAIT_MS_MAX = 10_000

export class Reads {
  readonly #feed: (input: ChoamInput) => void
  readonly #nowMs: () => Millis
  readonly #tip: TVar<Height | undefined> = newTVar<Height | undefined>(undefined)
  /** Time, as of the last `expire`. */
  readonly #time: TVar<number> = newTVar(0)
  /** Linearizable reads, by the number that the core knows them by, with the height it found for them. */
  readonly #asked = new Map<number, TVar<Height | undefined>>()
  #request = 0
  #waiting = 0

  constructor(feed: (input: ChoamInput) => void, nowMs: () => Millis) {
    this.#feed = feed
    this.#nowMs = nowMs
  }

  /** The newest height that readers may see; undefined before genesis. */
  get certified(): Height | undefined {
    return this.#tip.value
  }

  /** A height became final. */
  advance(height: Height): void {
    atomicallySync((tx) => tx.write(this.#tip, height))
  }

  /** The core found the height for a linearizable read. */
  readable(request: number, height: Height): void {
    const asked = this.#asked.get(request)
    if (asked !== undefined) atomicallySync((tx) => tx.write(asked, height))
  }

  /** The height at which a read of this level may run, or undefined where none was reached in time. */
  async heightFor(level: ReadLevel): Promise<Height | undefined> {
    const certified = this.certified
    switch (level.kind) {
      case 'local':
        return certified
      case 'as-of':
        return certified !== undefined && level.height <= certified ? level.height : undefined
      case 'at-least':
        if (certified !== undefined && certified >= level.height) return certified
        return this.#inTime((tx) => {
          const tip = tx.read(this.#tip)
          return tip !== undefined && tip >= level.height ? tip : tx.retry()
        })
      case 'linearizable':
        return this.#ask()
    }
  }

  /** Tells the waiting what time it is: those whose deadline has passed give up. */
  expire(): void {
    atomicallySync((tx) => tx.write(this.#time, this.#nowMs()))
  }

  async #ask(): Promise<Height | undefined> {
    if (this.#waiting >= READS_WAITING_MAX) return undefined
    this.#request = (this.#request + 1) % 0xffff_ffff
    const request = this.#request
    const found = newTVar<Height | undefined>(undefined)
    this.#asked.set(request, found)
    this.#feed({ kind: 'read', request })
    const height = await this.#inTime((tx) => tx.read(found) ?? tx.retry())
    this.#asked.delete(request)
    return height
  }

  /** What `reached` gives once it doesn't retry; undefined where too many wait, or the deadline passes first. */
  async #inTime(reached: (tx: Tx) => Height): Promise<Height | undefined> {
    if (this.#waiting >= READS_WAITING_MAX) return undefined
    const deadlineMs = this.#nowMs() + READ_WAIT_MS_MAX
    const late = (tx: Tx): undefined => {
      tx.check(tx.read(this.#time) >= deadlineMs)
    }
    this.#waiting += 1
    try {
      return await atomically((tx): Height | undefined => tx.orElse(reached, late))
    } finally {
      this.#waiting -= 1
    }
  }
}
