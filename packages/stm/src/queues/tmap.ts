// A map whose keys don't conflict.
//
// A persistent map in one variable would make every change conflict with every other, and wake everyone who waits for
// any key. A variable per key leaves no place to wait for a key that isn't there. So the keys are spread, by their hash,
// over the leaves of a tree of variables: an operation reads the few variables of its path and writes one leaf of few
// entries. A leaf that grows becomes a branch. Nobody counts the entries, for all would conflict on the counter: `size`
// reads the whole tree. Branches stay when they empty, so the tree is as large as it was at its fullest, until `clear`.

import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'

/** A leaf with more entries is split. */
const LEAF_MAX = 8
const BITS = 4
const FAN_OUT = 1 << BITS
const HASH_BITS = 32

interface Leaf<K, V> {
  readonly kind: 'leaf'
  readonly entries: readonly (readonly [K, V])[]
}

interface Branch<K, V> {
  readonly kind: 'branch'
  readonly children: readonly TVar<Node<K, V>>[]
}

type Node<K, V> = Leaf<K, V> | Branch<K, V>

/** A map. Keys are compared as a `Map` does, and any value may be one. Entries come in no particular order. */
export class TMap<K, V> {
  readonly #root: TVar<Node<K, V>>

  constructor(entries: Iterable<readonly [K, V]> = []) {
    this.#root = newNode([...new Map(entries)], 0)
  }

  get(tx: Tx, key: K): V | undefined {
    const { entries } = this.#leafOf(tx, key).leaf
    for (const [each, value] of entries) if (isSame(each, key)) return value
    return undefined
  }

  has(tx: Tx, key: K): boolean {
    return indexIn(this.#leafOf(tx, key).leaf, key) >= 0
  }

  set(tx: Tx, key: K, value: V): void {
    const { at, leaf, shift } = this.#leafOf(tx, key)
    const index = indexIn(leaf, key)
    const entries = index >= 0 ? leaf.entries.with(index, [key, value]) : [...leaf.entries, [key, value] as const]
    tx.write(at, nodeOf(entries, shift))
  }

  /** False if there was no such key. */
  delete(tx: Tx, key: K): boolean {
    const { at, leaf } = this.#leafOf(tx, key)
    const index = indexIn(leaf, key)
    if (index < 0) return false
    tx.write(at, { kind: 'leaf', entries: leaf.entries.toSpliced(index, 1) })
    return true
  }

  clear(tx: Tx): void {
    tx.write(this.#root, { kind: 'leaf', entries: [] })
  }

  /** How many entries there are, by visiting all. */
  size(tx: Tx): number {
    return this.entries(tx).length
  }

  isEmpty(tx: Tx): boolean {
    return this.entries(tx).length === 0
  }

  entries(tx: Tx): (readonly [K, V])[] {
    const found: (readonly [K, V])[] = []
    const visit = (at: TVar<Node<K, V>>): void => {
      const node = tx.read(at)
      if (node.kind === 'leaf') found.push(...node.entries)
      else node.children.forEach(visit)
    }
    visit(this.#root)
    return found
  }

  keys(tx: Tx): K[] {
    return this.entries(tx).map(([key]) => key)
  }

  values(tx: Tx): V[] {
    return this.entries(tx).map(([, value]) => value)
  }

  #leafOf(tx: Tx, key: K): { readonly at: TVar<Node<K, V>>; readonly leaf: Leaf<K, V>; readonly shift: number } {
    const hash = hashOf(key)
    let at = this.#root
    let node = tx.read(at)
    let shift = 0
    while (node.kind === 'branch') {
      const child = node.children[(hash >>> shift) % FAN_OUT]
      if (child === undefined) throw new RangeError('a branch has a child for every value of its bits')
      at = child
      node = tx.read(at)
      shift += BITS
    }
    return { at, leaf: node, shift }
  }
}

function newNode<K, V>(entries: readonly (readonly [K, V])[], shift: number): TVar<Node<K, V>> {
  return new TVar(nodeOf(entries, shift))
}

/** A leaf, or a branch if they are many and their hashes have bits left to tell them apart. */
function nodeOf<K, V>(entries: readonly (readonly [K, V])[], shift: number): Node<K, V> {
  if (entries.length <= LEAF_MAX || shift >= HASH_BITS) return { kind: 'leaf', entries }
  const parts = Array.from({ length: FAN_OUT }, (): (readonly [K, V])[] => [])
  for (const entry of entries) parts[(hashOf(entry[0]) >>> shift) % FAN_OUT]?.push(entry)
  return { kind: 'branch', children: parts.map((part) => newNode(part, shift + BITS)) }
}

function indexIn<K, V>({ entries }: Leaf<K, V>, key: K): number {
  return entries.findIndex(([each]) => isSame(each, key))
}

/** SameValueZero, as in a `Map`. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}

/** Objects have no hash of their own; they get numbers as they come. */
const numbers = new WeakMap<object, number>()
let lastNumber = 0

function hashOf(key: unknown): number {
  if (typeof key === 'number' && Number.isInteger(key)) return spread(key | 0)
  if ((typeof key === 'object' && key !== null) || typeof key === 'function') {
    const known = numbers.get(key)
    if (known !== undefined) return known
    lastNumber += 1
    const number = spread(lastNumber)
    numbers.set(key, number)
    return number
  }
  const text = String(key)
  let hash = 0
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return spread(hash)
}

/** Lets every bit of `hash` bear upon the lowest ones. */
function spread(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return (once ^ (once >>> 15)) >>> 0
}
