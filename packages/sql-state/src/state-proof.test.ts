// Goal: a proof for any places of any database is accepted, is as small as it can be, and nothing else is accepted in its
// place. Method: random databases and selections, proofs made from the tree; forgeries bit by bit; the needed siblings
// counted by brute force.

import { concatBytes, hexInto } from '@quorate/kernel'
import type { Digest } from '@quorate/types'
import { hashOf } from '@quorate/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PAGE_BYTES } from './pages.ts'
import { depthFor, HASH_BYTES, pageHash, provenPage } from './state-hash.ts'
import type { NodeRuns, StateTarget } from './state-proof.ts'
import { checkNodes, checkPages, nodesAt, pageRuns, placesIn, runsOf } from './state-proof.ts'
import { StateTree } from './state-tree.ts'

const RUNS = { seed: 5, numRuns: 150 }

function pageAt(number: number, salt = 0): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES)
  new DataView(page.buffer).setUint32(200, number * 1000 + salt)
  return page
}

function treeOver(pageCount: number): { readonly tree: StateTree; readonly target: StateTarget } {
  const tree = new StateTree()
  tree.update(
    pageCount,
    Array.from({ length: pageCount }, (_, i) => [i + 1, pageHash(i + 1, pageAt(i + 1))]),
  )
  return { tree, target: { pageCount, stateRoot: tree.root } }
}

/** A database's size, a level of its tree, and some places on it. */
const selections = fc
  .record({
    pageCount: fc.integer({ min: 1, max: 90 }),
    depth: fc.nat(6),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
  })
  .map(({ pageCount, depth, picks }) => {
    const level = Math.min(depth, depthFor(pageCount))
    const nodes = nodesAt(pageCount, level)
    const indexes = [...new Set(picks.map((pick) => pick % nodes))].sort((a, b) => a - b)
    return { pageCount, indexes, wanted: { level, runs: runsOf(indexes) } satisfies NodeRuns }
  })

function proved(pageCount: number, wanted: NodeRuns): { hashes: Uint8Array; proof: Uint8Array; target: StateTarget } {
  const { tree, target } = treeOver(pageCount)
  const found = tree.prove(wanted)
  if (found === undefined) throw new Error('nothing to prove')
  return { ...found, target }
}

/** The fewest siblings: nodes that can't be computed, stand beside one that can, and over a page. */
function siblingsNeeded(pageCount: number, level: number, indexes: readonly number[]): number {
  let known = new Set(indexes)
  let needed = 0
  for (let at = level; at < depthFor(pageCount); at += 1) {
    for (const index of known) {
      const sibling = index % 2 === 0 ? index + 1 : index - 1
      if (!known.has(sibling) && sibling < Math.ceil(pageCount / 2 ** at)) needed += 1
    }
    known = new Set([...known].map((index) => Math.floor(index / 2)))
  }
  return needed
}

describe('proofs of nodes', () => {
  test('P1: any places of any level are proved, with no hash more than needed', () => {
    fc.assert(
      fc.property(selections, ({ pageCount, indexes, wanted }) => {
        const { hashes, proof, target } = proved(pageCount, wanted)
        expect(hashes.length).toBe(placesIn(wanted.runs) * HASH_BYTES)
        expect(checkNodes(target, wanted, hashes, proof)).toEqual({ ok: true, value: undefined })
        expect(proof.length / HASH_BYTES).toBe(siblingsNeeded(pageCount, wanted.level, indexes))
      }),
      RUNS,
    )
  })

  test('P1: the top proves the page count, and nothing does for another one', () => {
    const { hashes, proof, target } = proved(90, { level: 7, runs: [{ from: 0, count: 1 }] })
    expect(proof.length).toBe(0)
    for (let pageCount = 65; pageCount <= 128; pageCount += 1) {
      const checked = checkNodes({ ...target, pageCount }, { level: 7, runs: [{ from: 0, count: 1 }] }, hashes, proof)
      expect(checked.ok).toBe(pageCount === 90)
    }
  })

  test('P2: a changed bit, another place, another root, hashes too many or too few are refused', () => {
    fc.assert(
      fc.property(selections, fc.nat(), ({ pageCount, wanted }, pick) => {
        const { hashes, proof, target } = proved(pageCount, wanted)
        const code = (...args: Parameters<typeof checkNodes>): string => {
          const checked = checkNodes(...args)
          return checked.ok ? 'accepted' : checked.error.code
        }
        const flip = (bytes: Uint8Array): Uint8Array => {
          const at = pick % bytes.length
          return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (pick % 8)))
        }
        expect(code(target, wanted, flip(hashes), proof)).toBe('PROOF_ROOT')
        if (proof.length > 0) expect(code(target, wanted, hashes, flip(proof))).toBe('PROOF_ROOT')
        if (proof.length > 0) expect(code(target, wanted, hashes, proof.subarray(HASH_BYTES))).toBe('PROOF_SIBLINGS')
        expect(code(target, wanted, hashes, concatBytes([proof, Uint8Array.of(0)]))).toBe('PROOF_SIBLINGS')
        expect(code(target, wanted, hashes, concatBytes([proof, new Uint8Array(HASH_BYTES)]))).toBe('PROOF_SIBLINGS')
        expect(code(target, wanted, hashes.subarray(1), proof)).toBe('PROOF_LENGTH')
        expect(code({ ...target, stateRoot: hashOf('page') }, wanted, hashes, proof)).toBe('PROOF_ROOT')
        const moved = wanted.runs.map(({ from, count }) => ({ from: from + 1, count }))
        expect(code(target, { ...wanted, runs: moved }, hashes, proof)).not.toBe('accepted')
        expect(code({ ...target, pageCount: pageCount + 1 }, wanted, hashes, proof)).not.toBe('accepted')
        expect(code(target, { ...wanted, level: wanted.level + 1 }, hashes, proof)).not.toBe('accepted')
      }),
      RUNS,
    )
  })

  test('P2: selections in no form but one, or beyond the tree, are neither proved nor checked', () => {
    const { tree, target } = treeOver(20)
    const bad: NodeRuns[] = [
      { level: 0, runs: [] },
      { level: 0, runs: [{ from: 0, count: 0 }] },
      { level: 0, runs: [{ from: 0, count: -1 }] },
      { level: 0, runs: [{ from: 0.5, count: 1 }] },
      { level: 0, runs: [{ from: -1, count: 2 }] },
      { level: 0, runs: [{ from: 0, count: 21 }] },
      { level: 0, runs: [{ from: 20, count: 1 }] },
      { level: 0, runs: [{ from: 0, count: 2 ** 53 }] },
      { level: 1, runs: [{ from: 9, count: 2 }] },
      { level: 6, runs: [{ from: 0, count: 1 }] },
      { level: -1, runs: [{ from: 0, count: 1 }] },
      { level: Number.NaN, runs: [{ from: 0, count: 1 }] },
      {
        level: 0,
        runs: [
          { from: 4, count: 1 },
          { from: 2, count: 1 },
        ],
      },
      {
        level: 0,
        runs: [
          { from: 2, count: 2 },
          { from: 4, count: 1 },
        ],
      },
      {
        level: 0,
        runs: [
          { from: 2, count: 3 },
          { from: 4, count: 1 },
        ],
      },
    ]
    for (const wanted of bad) {
      expect(tree.prove(wanted), JSON.stringify(wanted)).toBeUndefined()
      expect(checkNodes(target, wanted, new Uint8Array(HASH_BYTES), new Uint8Array(0))).toMatchObject({
        ok: false,
        error: { code: 'PROOF_RUNS' },
      })
      expect(checkPages(target, wanted.runs, new Uint8Array(PAGE_BYTES), new Uint8Array(0)).ok).toBe(false)
    }
  })
})

describe('proofs of pages', () => {
  test('P3: pages are given with their hashes, and no page passes for another', () => {
    fc.assert(
      fc.property(selections, fc.nat(), ({ pageCount, indexes }, pick) => {
        const numbers = [...new Set(indexes.map((index) => (index % pageCount) + 1))].sort((a, b) => a - b)
        const runs = runsOf(numbers)
        const { tree, target } = treeOver(pageCount)
        const proof = tree.prove(pageRuns(runs))?.proof ?? new Uint8Array(0)
        const pages = concatBytes(numbers.map((number) => pageAt(number)))
        const digests: readonly Digest[] = numbers.map((number) => pageHash(number, pageAt(number)))
        expect(checkPages(target, runs, pages, proof)).toEqual({ ok: true, value: digests })
        const at = 200 + PAGE_BYTES * (pick % numbers.length)
        const forged = checkPages(target, runs, pages.with(at, (pages[at] ?? 0) ^ 1), proof)
        expect(forged).toMatchObject({ ok: false, error: { code: 'PROOF_ROOT' } })
        const short = checkPages(target, runs, pages.subarray(PAGE_BYTES), proof)
        expect(short).toMatchObject({ ok: false, error: { code: 'PROOF_LENGTH' } })
      }),
      RUNS,
    )
  })

  test('P4: what the root leaves out of page 1 is zero once it is proved', () => {
    const page = pageAt(1)
    for (const at of [24, 27, 92, 95]) page[at] = 7
    const kept = provenPage(1, page)
    expect(pageHash(1, kept)).toBe(pageHash(1, page))
    expect([24, 27, 92, 95].map((at) => kept[at])).toEqual([0, 0, 0, 0])
    expect(provenPage(2, page)).toBe(page)
  })

  test('P2: a page is no node, and a node is no page', () => {
    const { tree, target } = treeOver(2)
    const { hashes } = tree.prove({ level: 0, runs: [{ from: 0, count: 2 }] })!
    const node = new Uint8Array(HASH_BYTES)
    hexInto(hashOf('page', Uint8Array.of(1), hashes), node, 0)
    expect(checkNodes(target, { level: 1, runs: [{ from: 0, count: 1 }] }, node, new Uint8Array(0)).ok).toBe(false)
    expect(
      checkNodes(
        target,
        { level: 0, runs: [{ from: 0, count: 1 }] },
        tree.prove({ level: 1, runs: [{ from: 0, count: 1 }] })!.hashes,
        new Uint8Array(0),
      ).ok,
    ).toBe(false)
  })
})
