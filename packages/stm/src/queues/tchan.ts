import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'
import type { Queue } from './queue.ts'

/** One place of a channel: what was written there, and the next place; undefined where the next write goes. */
type Place<T> = TVar<{ readonly item: T; readonly next: Place<T> } | undefined>

function append<T>(tx: Tx, end: TVar<Place<T>>, item: T): void {
  const next: Place<T> = new TVar(undefined)
  tx.write(tx.read(end), { item, next })
  tx.write(end, next)
}

function newEnd<T>(): TVar<Place<T>> {
  return new TVar<Place<T>>(new TVar(undefined))
}

/**
 * A channel whose items go to each of its reading ends. It is a linked list: the channel's duplicates share the end where
 * items are written, and each has its own place to read from. What all have read is garbage. After Marlow.
 */
export class TChan<T> implements Queue<T> {
  readonly #write: TVar<Place<T>>
  readonly #read: TVar<Place<T>>

  /** A new channel. */
  constructor()
  /**
   * Reading from `from`.
   * @internal
   */
  constructor(write: TVar<Place<T>>, from: Place<T>)
  constructor(write: TVar<Place<T>> = newEnd(), from: Place<T> = write.value) {
    this.#write = write
    this.#read = new TVar(from)
  }

  /** Another reading end, for what is written from now on. */
  dup(tx: Tx): TChan<T> {
    return new TChan(this.#write, tx.read(this.#write))
  }

  /** Another reading end, for what this one would still read. */
  clone(tx: Tx): TChan<T> {
    return new TChan(this.#write, tx.read(this.#read))
  }

  read(tx: Tx): T {
    const place = tx.read(tx.read(this.#read))
    if (place === undefined) return tx.retry()
    tx.write(this.#read, place.next)
    return place.item
  }

  tryRead(tx: Tx): T | undefined {
    const place = tx.read(tx.read(this.#read))
    if (place !== undefined) tx.write(this.#read, place.next)
    return place?.item
  }

  peek(tx: Tx): T {
    const place = tx.read(tx.read(this.#read))
    return place === undefined ? tx.retry() : place.item
  }

  tryPeek(tx: Tx): T | undefined {
    return tx.read(tx.read(this.#read))?.item
  }

  write(tx: Tx, item: T): void {
    append(tx, this.#write, item)
  }

  /** Puts an item where the next read of this end, and of no other, takes it. */
  unget(tx: Tx, item: T): void {
    tx.update(this.#read, (next): Place<T> => new TVar({ item, next }))
  }

  isEmpty(tx: Tx): boolean {
    return tx.read(tx.read(this.#read)) === undefined
  }

  flush(tx: Tx): T[] {
    const items: T[] = []
    let at = tx.read(this.#read)
    for (let place = tx.read(at); place !== undefined; place = tx.read(at)) {
      items.push(place.item)
      at = place.next
    }
    tx.write(this.#read, at)
    return items
  }
}

/** The writing end of a channel alone. It keeps no items: each goes to the ends that `dup` has made before. */
export class TBroadcast<T> {
  readonly #write = newEnd<T>()

  write(tx: Tx, item: T): void {
    append(tx, this.#write, item)
  }

  /** A reading end, for what is written from now on. */
  dup(tx: Tx): TChan<T> {
    return new TChan(this.#write, tx.read(this.#write))
  }
}
