// Goal: the tree has the shape of RFC 6962, every leaf is proved by its path at its place, and nothing else is. Method: against the
// RFC's own recursive definition, for every size up to 70; forged indexes, counts and leaves.

import { concatBytes, sha256, Writer } from '@quorate/kernel'
import { expect, test } from 'vitest'
import type { Digest } from './ids.ts'
import { rawOf } from './ids.ts'
import { merklePath, merkleRoot, merkleRootFrom } from './merkle.ts'

const leaves = Array.from({ length: 70 }, (_, i) => sha256(Uint8Array.of(i)) as Digest)

/** MTH of RFC 6962, section 2.1, word for word. */
function treeHash(list: readonly Digest[]): Digest {
  const [first] = list
  if (first === undefined) return sha256(new Uint8Array(0)) as Digest
  if (list.length === 1) return sha256(concatBytes([Uint8Array.of(0), rawOf(first)])) as Digest
  let k = 1
  while (k * 2 < list.length) k *= 2
  return sha256(
    concatBytes([Uint8Array.of(1), rawOf(treeHash(list.slice(0, k))), rawOf(treeHash(list.slice(k)))]),
  ) as Digest
}

test('root and paths of every size', () => {
  for (let count = 0; count <= leaves.length; count += 1) {
    const list = leaves.slice(0, count)
    const root = merkleRoot(list)
    if (count > 0) {
      const size = new Writer(4).u32(count).finish()
      expect(root).toBe(sha256(concatBytes([Uint8Array.of(2), size, rawOf(treeHash(list))])))
    }
    list.forEach((leaf, i) => {
      const path = merklePath(list, i) ?? []
      expect(merkleRootFrom(leaf, i, count, path)).toBe(root)
      expect(merkleRootFrom(leaves[(i + 1) % leaves.length] ?? leaf, i, count, path)).not.toBe(root)
      expect(merkleRootFrom(leaf, i, count, [...path, leaf])).toBeUndefined()
      if (count > 1) expect(merkleRootFrom(leaf, i, count, path.slice(1))).not.toBe(root)
      // The same path leads nowhere from another place, nor in a list of another length.
      for (const [at, size] of [[i + 1, count + 1] as const, [i + 1, count] as const, [i, count + 1] as const])
        expect(merkleRootFrom(leaf, at, size, path)).not.toBe(root)
    })
    expect(merklePath(list, count)).toBeUndefined()
    expect(merklePath(list, -1)).toBeUndefined()
  }
})
