import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'
import type { Queue } from './queue.ts'

/** A place for one item: a queue of capacity one, a hand-over, or a lock. After Haskell's `TMVar`. */
export class TMVar<T> implements Queue<T> {
  readonly #place: TVar<{ readonly item: T } | undefined>

  /** Full with `item` if one is given, else empty. */
  constructor(...item: readonly [] | readonly [item: T]) {
    this.#place = new TVar(item.length === 0 ? undefined : { item: item[0] })
  }

  read(tx: Tx): T {
    const item = this.peek(tx)
    tx.write(this.#place, undefined)
    return item
  }

  tryRead(tx: Tx): T | undefined {
    const place = tx.read(this.#place)
    if (place !== undefined) tx.write(this.#place, undefined)
    return place?.item
  }

  peek(tx: Tx): T {
    const place = tx.read(this.#place)
    return place === undefined ? tx.retry() : place.item
  }

  tryPeek(tx: Tx): T | undefined {
    return tx.read(this.#place)?.item
  }

  write(tx: Tx, item: T): void {
    if (!this.tryWrite(tx, item)) tx.retry()
  }

  /** False, and nothing changes, if it is full. */
  tryWrite(tx: Tx, item: T): boolean {
    if (tx.read(this.#place) !== undefined) return false
    tx.write(this.#place, { item })
    return true
  }

  /** Puts `item` in the place of the one that is there, and returns that; waits while it is empty. */
  replace(tx: Tx, item: T): T {
    const old = this.peek(tx)
    tx.write(this.#place, { item })
    return old
  }

  isEmpty(tx: Tx): boolean {
    return tx.read(this.#place) === undefined
  }

  flush(tx: Tx): T[] {
    const place = tx.replace(this.#place, undefined)
    return place === undefined ? [] : [place.item]
  }
}
