import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'
import type { List, Queue } from './queue.ts'
import { itemsOf, reversed } from './queue.ts'

/**
 * A queue without bound. Two lists, one to read from and one to write to, newest first: writers and readers touch
 * different variables until the first is used up and the second, reversed, becomes the first. So an item costs constant
 * time on average. Marlow, Parallel and Concurrent Programming in Haskell, chapter 10.
 */
export class TQueue<T> implements Queue<T> {
  readonly #front = new TVar<List<T>>(undefined)
  readonly #back = new TVar<List<T>>(undefined)

  read(tx: Tx): T {
    const front = this.#filled(tx)
    if (front === undefined) return tx.retry()
    tx.write(this.#front, front.tail)
    return front.head
  }

  tryRead(tx: Tx): T | undefined {
    const front = this.#filled(tx)
    if (front === undefined) return undefined
    tx.write(this.#front, front.tail)
    return front.head
  }

  peek(tx: Tx): T {
    const front = this.#filled(tx)
    return front === undefined ? tx.retry() : front.head
  }

  tryPeek(tx: Tx): T | undefined {
    return this.#filled(tx)?.head
  }

  write(tx: Tx, item: T): void {
    tx.update(this.#back, (tail) => ({ head: item, tail }))
  }

  /** Puts an item where the next read takes it. */
  unget(tx: Tx, item: T): void {
    tx.update(this.#front, (tail) => ({ head: item, tail }))
  }

  isEmpty(tx: Tx): boolean {
    return tx.read(this.#front) === undefined && tx.read(this.#back) === undefined
  }

  flush(tx: Tx): T[] {
    return itemsOf(tx.replace(this.#front, undefined)).concat(itemsOf(reversed(tx.replace(this.#back, undefined))))
  }

  /** The list to read from, refilled if it was empty. */
  #filled(tx: Tx): List<T> {
    const front = tx.read(this.#front)
    if (front !== undefined) return front
    const back = tx.read(this.#back)
    if (back === undefined) return undefined
    const filled = reversed(back)
    tx.write(this.#back, undefined)
    tx.write(this.#front, filled)
    return filled
  }
}
