// Merkle tree over a list of digests, shaped as in RFC 6962, section 2.1 (certificate transparency): the left subtree of n
// leaves holds the largest power of two below n. Leaves and nodes are hashed with different first bytes, so that a node can't
// be passed off as a leaf, and no leaf is ever duplicated. The number of leaves is hashed on top: without it a path would fit another
// place in a longer list as well, and a proof would not say where its leaf stands.

import { hexInto, must, sha256 } from '@quorate/kernel'
import type { Digest } from './ids.ts'
import { DIGEST_BYTES } from './ids.ts'

// The preimages, made in place: a block hashes several per transaction. The first byte tells leaf from node.
const leafBytes = new Uint8Array(1 + DIGEST_BYTES)
const nodeBytes = new Uint8Array(1 + 2 * DIGEST_BYTES).fill(1, 0, 1)
const rootBytes = new Uint8Array(1 + 4 + DIGEST_BYTES).fill(2, 0, 1)
const rootView = new DataView(rootBytes.buffer)

function leafHash(leaf: Digest): Digest {
  hexInto(leaf, leafBytes, 1)
  return sha256(leafBytes) as Digest
}

function nodeHash(left: Digest, right: Digest): Digest {
  hexInto(left, nodeBytes, 1)
  hexInto(right, nodeBytes, 1 + DIGEST_BYTES)
  return sha256(nodeBytes) as Digest
}

/** The tree's top with the number of leaves below it: u32, little-endian. */
function rootHash(count: number, top: Digest): Digest {
  rootView.setUint32(1, count, true)
  hexInto(top, rootBytes, 5)
  return sha256(rootBytes) as Digest
}

function splitOf(count: number): number {
  let split = 1
  while (split * 2 < count) split *= 2
  return split
}

/** Root of the empty list: SHA-256 of nothing. */
const EMPTY: Digest = sha256(new Uint8Array(0)) as Digest

/** Root over `leaves`, in order. */
export function merkleRoot(leaves: readonly Digest[]): Digest {
  if (leaves.length === 0) return EMPTY
  let row = leaves.map(leafHash)
  // Pairing neighbours and carrying the odd one up gives the RFC's shape without recursion.
  while (row.length > 1) {
    const above: Digest[] = []
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i]
      const right = row[i + 1]
      if (left !== undefined) above.push(right === undefined ? left : nodeHash(left, right))
    }
    row = above
  }
  return rootHash(leaves.length, must(row[0], 'a tree has a top'))
}

/** The siblings from leaf `index` up to the root. Undefined where there is no such leaf. */
export function merklePath(leaves: readonly Digest[], index: number): readonly Digest[] | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) return undefined
  const path: Digest[] = []
  let row = leaves.map(leafHash)
  let at = index
  while (row.length > 1) {
    const sibling = row[at % 2 === 0 ? at + 1 : at - 1]
    if (sibling !== undefined) path.push(sibling)
    const above: Digest[] = []
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i]
      const right = row[i + 1]
      if (left !== undefined) above.push(right === undefined ? left : nodeHash(left, right))
    }
    row = above
    at = Math.floor(at / 2)
  }
  return path
}

/** The root that `leaf` at `index` of `count` leaves and the siblings `path` lead to, or undefined where they don't fit together. */
export function merkleRootFrom(
  leaf: Digest,
  index: number,
  count: number,
  path: readonly Digest[],
): Digest | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= count) return undefined
  const climb = (at: number, size: number, depth: number): Digest | undefined => {
    if (size === 1) return depth === 0 ? leafHash(leaf) : undefined
    const sibling = path[depth - 1]
    if (sibling === undefined) return undefined
    const split = splitOf(size)
    if (at < split) {
      const left = climb(at, split, depth - 1)
      return left === undefined ? undefined : nodeHash(left, sibling)
    }
    const right = climb(at - split, size - split, depth - 1)
    return right === undefined ? undefined : nodeHash(sibling, right)
  }
  const top = climb(index, count, path.length)
  return top === undefined ? undefined : rootHash(count, top)
}
