import type { Tx } from '../transaction.ts'

/** What every queue here can do, each within a transaction. What waits, waits as `retry` does. */
export interface Queue<T> {
  /** Takes the next item; waits while there is none. */
  read(tx: Tx): T
  /** Takes the next item, or undefined if there is none. */
  tryRead(tx: Tx): T | undefined
  /** The next item, left in place; waits while there is none. */
  peek(tx: Tx): T
  /** The next item, left in place, or undefined if there is none. */
  tryPeek(tx: Tx): T | undefined
  /** Adds an item; waits while a bounded queue is full. */
  write(tx: Tx, item: T): void
  isEmpty(tx: Tx): boolean
  /** Takes all items, in order. */
  flush(tx: Tx): T[]
}

/** An immutable list, so that a queue's old states stay readable and none is ever copied. */
export type List<T> = { readonly head: T; readonly tail: List<T> } | undefined

/** The list in reverse, onto `tail`. */
export function reversed<T>(list: List<T>, tail?: List<T>): List<T> {
  let result = tail
  for (let rest = list; rest !== undefined; rest = rest.tail) result = { head: rest.head, tail: result }
  return result
}

/** The items of a list, in order. */
export function itemsOf<T>(list: List<T>): T[] {
  const items: T[] = []
  for (let rest = list; rest !== undefined; rest = rest.tail) items.push(rest.head)
  return items
}
