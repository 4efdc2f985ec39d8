// What the state tree hashes. Leaves are pages, a node is its two children, the root binds page size and page count; each
// with a first byte or domain of its own, so that none can be passed off as another.

import { concatBytes, hexInto, sha256, Writer } from '@quorate/kernel'
import type { Digest } from '@quorate/types'
import { hashOf } from '@quorate/types'
import { PAGE_BYTES } from './pages.ts'

/** Bytes of a hash in the tree. */
export const HASH_BYTES = 32

const NODE = Uint8Array.of(1)
const NOTHING = new Uint8Array(HASH_BYTES)
/** Change counter of page 1 and its copy: they count how often the file was written, and say nothing about its content. */
const MASKED: readonly (readonly [number, number])[] = [
  [24, 28],
  [92, 96],
]

/**
 * A page without what the root leaves out: page 1 with its change counters zero, any other as it is. Pages from elsewhere
 * are kept in this form, because nothing proves the rest.
 */
export function provenPage(number: number, page: Uint8Array): Uint8Array {
  if (number !== 1) return page
  const masked = page.slice()
  for (const [from, to] of MASKED) masked.fill(0, from, to)
  return masked
}

/** Hash of a page: the leaf of the tree. */
export function pageHash(number: number, page: Uint8Array): Digest {
  return hashOf('page', provenPage(number, page))
}

/** The state root over a tree's top. */
export function rootOver(pageCount: number, top: Uint8Array): Digest {
  return hashOf('state', new Writer(48).u32(PAGE_BYTES).u32(pageCount).raw(top).finish())
}

/**
 * Writes the hash of a node into `target`. A node over nothing is nothing, at every height: so growing never changes what
 * absent pages hash to.
 */
export function nodeHashInto(pair: Uint8Array, target: Uint8Array, at: number): void {
  if (pair.every((byte) => byte === 0)) target.set(NOTHING, at)
  else hexInto(sha256(concatBytes([NODE, pair])), target, at)
}

/** Leaves of the smallest complete tree that holds `pageCount` pages. */
export function widthFor(pageCount: number): number {
  let width = 1
  while (width < pageCount) width *= 2
  return width
}

/** Levels above the leaves of that tree. */
export function depthFor(pageCount: number): number {
  let depth = 0
  for (let width = 1; width < pageCount; width *= 2) depth += 1
  return depth
}
