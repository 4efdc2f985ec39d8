import type { Digest } from '@quorate/types'
import { hashOf } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PAGE_BYTES } from './pages.ts'
import { pageHash } from './state-hash.ts'
import { rootFromPage, StateTree } from './state-tree.ts'

function digest(value: number): Digest {
  return hashOf('page', Uint8Array.of(value % 256, Math.floor(value / 256) % 256))
}

function planted(pages: readonly Digest[]): StateTree {
  const tree = new StateTree()
  tree.update(
    pages.length,
    pages.map((hash, i) => [i + 1, hash]),
  )
  return tree
}

/** Updates as a block makes them: a new page count, and hashes for some pages and all new ones. */
const updates = fc.array(
  fc.record({ count: fc.nat(70), touched: fc.array(fc.nat(69), { maxLength: 8 }), salt: fc.nat(60_000) }),
  { maxLength: 12 },
)

function applied(steps: readonly { count: number; touched: readonly number[]; salt: number }[]): {
  tree: StateTree
  pages: Digest[]
} {
  const tree = new StateTree()
  let pages: Digest[] = []
  for (const { count, touched, salt } of steps) {
    const changed = new Map<number, Digest>()
    for (let number = pages.length + 1; number <= count; number += 1) changed.set(number, digest(salt + number))
    for (const at of touched) if (at < count) changed.set(at + 1, digest(salt + 1000 + at))
    tree.update(count, [...changed])
    pages = Array.from({ length: count }, (_, i) => changed.get(i + 1) ?? pages[i]!)
  }
  return { tree, pages }
}

describe('the state root', () => {
  test('R1: kept up to date block by block, is the root of a tree planted from the pages alone', () => {
    fc.assert(
      fc.property(updates, (steps) => {
        const { tree, pages } = applied(steps)
        expect(tree.root).toBe(planted(pages).root)
      }),
    )
  })

  test('R1: differs with any page, their order and their number', () => {
    const pages = Array.from({ length: 9 }, (_, i) => digest(i))
    const { root } = planted(pages)
    pages.forEach((_, i) => expect(planted(pages.with(i, digest(99))).root).not.toBe(root))
    expect(planted([...pages].reverse()).root).not.toBe(root)
    expect(planted(pages.slice(0, 8)).root).not.toBe(root)
    expect(planted([...pages, digest(9)]).root).not.toBe(root)
    expect(planted([]).root).not.toBe(planted([digest(0)]).root)
  })

  test('R2: every page has a path to it, and no other page has the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat(), (count, pick, other) => {
        const pages = Array.from({ length: count }, (_, i) => digest(i))
        const tree = planted(pages)
        const number = (pick % count) + 1
        const path = tree.path(number)!
        const page = { number, hash: pages[number - 1]!, pageCount: count }
        expect(rootFromPage(page, path)).toBe(tree.root)
        expect(rootFromPage({ ...page, hash: digest(777) }, path)).not.toBe(tree.root)
        expect(rootFromPage({ ...page, pageCount: count + 1 }, path)).not.toBe(tree.root)
        const elsewhere = (other % count) + 1
        if (elsewhere !== number) expect(rootFromPage({ ...page, number: elsewhere }, path)).not.toBe(tree.root)
        if (path.length > 0) expect(rootFromPage(page, path.slice(1))).toBeUndefined()
        expect(rootFromPage(page, [...path, digest(1)])).toBeUndefined()
        expect(
          rootFromPage(
            page,
            path.map(() => 'no digest' as Digest),
          ),
        ).toBe(path.length === 0 ? tree.root : undefined)
      }),
    )
  })

  test('R2: a page that is not there has no path', () => {
    const tree = planted([digest(1), digest(2), digest(3)])
    expect(tree.path(0)).toBeUndefined()
    expect(tree.path(4)).toBeUndefined()
    expect(rootFromPage({ number: 4, hash: digest(1), pageCount: 3 }, [digest(1), digest(2)])).toBeUndefined()
  })

  test('R3: leaves out the change counters of page 1 and nothing else', () => {
    const page = new Uint8Array(PAGE_BYTES).fill(7)
    for (let at = 0; at < 200; at += 1) {
      const isCounter = (at >= 24 && at < 28) || (at >= 92 && at < 96)
      const changed = page.with(at, 8)
      expect(pageHash(1, changed) === pageHash(1, page)).toBe(isCounter)
      expect(pageHash(2, changed)).not.toBe(pageHash(2, page))
    }
  })
})
