import { StmError } from '../errors.ts'
import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'
import type { Queue } from './queue.ts'
import { TQueue } from './tqueue.ts'

/**
 * A queue of at most `capacity` items, whose writers wait when it is full. One counter of free places would make every
 * read conflict with every write. Here the writers' side spends credit of its own, and the readers' side gathers credit
 * for what it took; only a writer whose credit is used up touches the readers', and takes it all. After Marlow.
 */
export class TBQueue<T> implements Queue<T> {
  readonly capacity: number
  readonly #items = new TQueue<T>()
  readonly #writeCredit: TVar<number>
  readonly #readCredit = new TVar(0)

  /** @throws StmError `INVALID` unless `capacity` is a positive safe integer. */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new StmError('INVALID', `capacity is ${capacity}, not a positive integer`)
    }
    this.capacity = capacity
    this.#writeCredit = new TVar(capacity)
  }

  read(tx: Tx): T {
    const item = this.#items.read(tx)
    this.#earn(tx, 1)
    return item
  }

  tryRead(tx: Tx): T | undefined {
    if (this.#items.isEmpty(tx)) return undefined
    return this.read(tx)
  }

  peek(tx: Tx): T {
    return this.#items.peek(tx)
  }

  tryPeek(tx: Tx): T | undefined {
    return this.#items.tryPeek(tx)
  }

  write(tx: Tx, item: T): void {
    if (!this.tryWrite(tx, item)) tx.retry()
  }

  /** False, and nothing changes, if it is full. */
  tryWrite(tx: Tx, item: T): boolean {
    if (!this.#spend(tx)) return false
    this.#items.write(tx, item)
    return true
  }

  /** Puts an item where the next read takes it; waits while the queue is full. */
  unget(tx: Tx, item: T): void {
    tx.check(this.#spend(tx))
    this.#items.unget(tx, item)
  }

  isEmpty(tx: Tx): boolean {
    return this.#items.isEmpty(tx)
  }

  isFull(tx: Tx): boolean {
    return tx.read(this.#writeCredit) === 0 && tx.read(this.#readCredit) === 0
  }

  /** How many items are in it. Conflicts with every read and write. */
  length(tx: Tx): number {
    return this.capacity - tx.read(this.#writeCredit) - tx.read(this.#readCredit)
  }

  flush(tx: Tx): T[] {
    const items = this.#items.flush(tx)
    this.#earn(tx, items.length)
    return items
  }

  #earn(tx: Tx, places: number): void {
    tx.update(this.#readCredit, (credit) => credit + places)
  }

  #spend(tx: Tx): boolean {
    let credit = tx.read(this.#writeCredit)
    if (credit === 0) {
      credit = tx.read(this.#readCredit)
      if (credit === 0) return false
      tx.write(this.#readCredit, 0)
    }
    tx.write(this.#writeCredit, credit - 1)
    return true
  }
}
