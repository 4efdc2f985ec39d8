// The state root: a Merkle tree over the database's pages, kept up to date from the pages a block wrote.
//
// Hashing the whole file for every block would cost its size; a tree costs the changed pages and their paths. It is the
// smallest complete binary tree that holds all pages, absent ones being zero, so that growing to the next size keeps
// all that was hashed; the root binds page size and page count, so that a file and the same file with zero pages behind
// it differ.
//
// Bytes 24-27 (change counter) and 92-95 (its copy) of page 1 are masked: they count how often the file was written,
// which depends on restarts, and say nothing about its content.

import { concatBytes, hexInto, toHex } from '@quorate/kernel'
import type { Digest } from '@quorate/types'
import { HASH_BYTES, nodeHashInto, rootOver, widthFor } from './state-hash.ts'
import type { NodeRuns } from './state-proof.ts'
import { proofFor, runsFault } from './state-proof.ts'

/** The tree over all pages. 64 bytes a page. */
export class StateTree {
  /** Level 0 holds the leaves; each level is half as long as the one below. */
  #levels: Uint8Array[] = [new Uint8Array(HASH_BYTES)]
  #pageCount = 0

  get pageCount(): number {
    return this.#pageCount
  }

  /** Root over the pages as they are. */
  get root(): Digest {
    const top = this.#levels.at(-1)
    return rootOver(this.#pageCount, top ?? new Uint8Array(HASH_BYTES))
  }

  /** Whether no page's hash is known. */
  get isBlank(): boolean {
    return this.#levels.at(-1)?.every((byte) => byte === 0) ?? true
  }

  /** Takes the hashes of the pages that changed and the new page count. */
  update(pageCount: number, changed: Iterable<readonly [number: number, hash: Digest]>): void {
    const dirty = new Set<number>()
    this.#grow(pageCount, dirty)
    for (let number = pageCount + 1; number <= this.#pageCount; number += 1) {
      this.#leaves.fill(0, (number - 1) * HASH_BYTES, number * HASH_BYTES)
      dirty.add(number - 1)
    }
    for (const [number, hash] of changed) {
      if (number > pageCount) continue
      hexInto(hash, this.#leaves, (number - 1) * HASH_BYTES)
      dirty.add(number - 1)
    }
    this.#pageCount = pageCount
    this.#rehash(dirty)
    this.#shrink(pageCount)
  }

  /** The siblings of a page's leaf, from the leaf up; undefined where there is no such page. */
  path(number: number): readonly Digest[] | undefined {
    if (number < 1 || number > this.#pageCount) return undefined
    let at = number - 1
    return this.#levels.slice(0, -1).map((level) => {
      const sibling = at % 2 === 0 ? at + 1 : at - 1
      at = Math.floor(at / 2)
      return toHex(level.subarray(sibling * HASH_BYTES, (sibling + 1) * HASH_BYTES)) as Digest
    })
  }

  /** Hash of a page; undefined where there is none, or none is known yet. */
  hashOf(number: number): Digest | undefined {
    if (number < 1 || number > this.#pageCount) return undefined
    const leaf = this.#node(0, number - 1)
    return leaf.every((byte) => byte === 0) ? undefined : (toHex(leaf) as Digest)
  }

  /** The hashes of the nodes at these runs, one after the other, and their proof; undefined where there are no such runs. */
  prove(wanted: NodeRuns): { readonly hashes: Uint8Array; readonly proof: Uint8Array } | undefined {
    if (runsFault(this.#pageCount, wanted) !== undefined) return undefined
    const level = this.#levels[wanted.level] ?? new Uint8Array(0)
    const hashes = concatBytes(
      wanted.runs.map(({ from, count }) => level.subarray(from * HASH_BYTES, (from + count) * HASH_BYTES)),
    )
    return { hashes, proof: proofFor(this.#pageCount, wanted, (depth, index) => this.#node(depth, index)) }
  }

  #node(depth: number, index: number): Uint8Array {
    return (this.#levels[depth] ?? new Uint8Array(0)).subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
  }

  get #leaves(): Uint8Array {
    return this.#levels[0] ?? new Uint8Array(0)
  }

  #grow(pageCount: number, dirty: Set<number>): void {
    while (this.#leaves.length < pageCount * HASH_BYTES) {
      this.#levels = this.#levels.map((level) => concatBytes([level, new Uint8Array(level.length)]))
      this.#levels.push(new Uint8Array(HASH_BYTES))
      // The old top is the left child of the new one: everything on the path of leaf 0, and of the zero half, is made
      // again.
      dirty.add(0)
      dirty.add(this.#leaves.length / HASH_BYTES / 2)
    }
  }

  /** Back to the smallest tree, so that the root tells nothing of what was: its top is the left half's. */
  #shrink(pageCount: number): void {
    while (this.#levels.length > 1 && this.#leaves.length >= 2 * pageCount * HASH_BYTES) {
      this.#levels = this.#levels.slice(0, -1).map((level) => level.slice(0, level.length / 2))
    }
  }

  #rehash(leaves: ReadonlySet<number>): void {
    let dirty = leaves
    for (let depth = 0; depth + 1 < this.#levels.length; depth += 1) {
      const below = this.#levels[depth] ?? new Uint8Array(0)
      const level = this.#levels[depth + 1] ?? new Uint8Array(0)
      const above = new Set<number>()
      for (const at of dirty) above.add(Math.floor(at / 2))
      for (const at of above)
        nodeHashInto(below.subarray(at * 2 * HASH_BYTES, (at + 1) * 2 * HASH_BYTES), level, at * HASH_BYTES)
      dirty = above
    }
  }
}

/** The root that a page and its path lead to, or undefined where they don't fit. */
export function rootFromPage(
  page: { readonly number: number; readonly hash: Digest; readonly pageCount: number },
  path: readonly Digest[],
): Digest | undefined {
  if (page.number < 1 || page.number > page.pageCount) return undefined
  let top = new Uint8Array(HASH_BYTES)
  hexInto(page.hash, top, 0)
  let at = page.number - 1
  // Places of the tree's leaves below the node that `top` stands for.
  let width = 1
  for (const sibling of path) {
    const pair = new Uint8Array(HASH_BYTES * 2)
    pair.set(top, at % 2 === 0 ? 0 : HASH_BYTES)
    if (!hexInto(sibling, pair, at % 2 === 0 ? HASH_BYTES : 0)) return undefined
    top = new Uint8Array(HASH_BYTES)
    nodeHashInto(pair, top, 0)
    at = Math.floor(at / 2)
    width *= 2
  }
  // A path of another length would give the leaf another place.
  return width === widthFor(page.pageCount) ? rootOver(page.pageCount, top) : undefined
}
