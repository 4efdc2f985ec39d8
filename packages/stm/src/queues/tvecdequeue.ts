import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'
import type { List, Queue } from './queue.ts'
import { itemsOf, reversed } from './queue.ts'

/** Both halves have their outer end first. */
interface Halves<T> {
  readonly front: List<T>
  readonly frontSize: number
  readonly back: List<T>
  readonly backSize: number
}

const EMPTY: Halves<never> = { front: undefined, frontSize: 0, back: undefined, backSize: 0 }

/**
 * A queue with two ends, in one variable: every operation conflicts with every other, and its length is known. An item
 * costs constant time on average: when one half is used up, it gets half of the other.
 */
export class TVecDequeue<T> implements Queue<T> {
  readonly #halves = new TVar<Halves<T>>(EMPTY)

  read(tx: Tx): T {
    const halves = filled(tx.read(this.#halves))
    if (halves.front === undefined) return tx.retry()
    return this.#take(tx, halves, halves.front)
  }

  tryRead(tx: Tx): T | undefined {
    const halves = filled(tx.read(this.#halves))
    return halves.front === undefined ? undefined : this.#take(tx, halves, halves.front)
  }

  peek(tx: Tx): T {
    const { front } = filled(tx.read(this.#halves))
    return front === undefined ? tx.retry() : front.head
  }

  tryPeek(tx: Tx): T | undefined {
    return filled(tx.read(this.#halves)).front?.head
  }

  write(tx: Tx, item: T): void {
    tx.update(this.#halves, (halves) => withBack(halves, item))
  }

  /** Adds an item where `read` takes it next. */
  writeFront(tx: Tx, item: T): void {
    tx.update(this.#halves, (halves) => flipped(withBack(flipped(halves), item)))
  }

  /** Takes the item that was written last; waits while there is none. */
  readBack(tx: Tx): T {
    const halves = filled(flipped(tx.read(this.#halves)))
    if (halves.front === undefined) return tx.retry()
    tx.write(this.#halves, flipped(withoutFront(halves, halves.front)))
    return halves.front.head
  }

  /** The item that was written last, or undefined if there is none. */
  tryPeekBack(tx: Tx): T | undefined {
    return filled(flipped(tx.read(this.#halves))).front?.head
  }

  isEmpty(tx: Tx): boolean {
    return this.length(tx) === 0
  }

  length(tx: Tx): number {
    const { frontSize, backSize } = tx.read(this.#halves)
    return frontSize + backSize
  }

  flush(tx: Tx): T[] {
    const { front, back } = tx.replace(this.#halves, EMPTY)
    return itemsOf(front).concat(itemsOf(reversed(back)))
  }

  #take(tx: Tx, halves: Halves<T>, front: NonNullable<List<T>>): T {
    tx.write(this.#halves, withoutFront(halves, front))
    return front.head
  }
}

function withBack<T>(halves: Halves<T>, item: T): Halves<T> {
  return { ...halves, back: { head: item, tail: halves.back }, backSize: halves.backSize + 1 }
}

function withoutFront<T>(halves: Halves<T>, front: NonNullable<List<T>>): Halves<T> {
  return { ...halves, front: front.tail, frontSize: halves.frontSize - 1 }
}

function flipped<T>({ front, frontSize, back, backSize }: Halves<T>): Halves<T> {
  return { front: back, frontSize: backSize, back: front, backSize: frontSize }
}

/** With something in front, if there is anything at all: the inner half of the back moves over. */
function filled<T>(halves: Halves<T>): Halves<T> {
  if (halves.front !== undefined || halves.back === undefined) return halves
  const keep = Math.floor(halves.backSize / 2)
  let outer: List<T>
  let rest: List<T> = halves.back
  for (let i = 0; i < keep && rest !== undefined; i += 1) {
    outer = { head: rest.head, tail: outer }
    rest = rest.tail
  }
  return { front: reversed(rest), frontSize: halves.backSize - keep, back: reversed(outer), backSize: keep }
}
