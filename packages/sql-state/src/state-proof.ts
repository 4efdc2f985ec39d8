// Proofs that some pages, or some inner nodes, of a database stand under a state root, made from the tree that a writer keeps
// and checked without any state of one's own.
//
// A path for each page would repeat most of what its neighbours' paths hold. A proof for many places at once needs only the
// nodes that can't be computed from what is proved: on each level, going up, the sibling of a run's first node where that
// is a right child, and of its last where that is a left one. Runs that meet on the way become one. Siblings that stand
// over no page at all are zero in every tree and are left out as well.
//
// So which nodes a proof holds, in which order, follows from page count, level and runs alone: a proof is a bare list of
// hashes, there is exactly one for a question, and one with too few or too many is refused. Work and memory of a check are
// bounded by the bytes that were given, whatever sizes they claim. The root binds the page count, so that proving anything
// proves the count too.

import type { Result } from '@quorate/kernel'
import { concatBytes, err, hexInto, ok } from '@quorate/kernel'
import type { Digest, Run } from '@quorate/types'
import { PAGE_BYTES } from './pages.ts'
import { depthFor, HASH_BYTES, nodeHashInto, pageHash, rootOver } from './state-hash.ts'

/** What is asked to be proved: runs of nodes on one level; level 0 holds the pages' hashes. */
export interface NodeRuns {
  readonly level: number
  /** Ascending, and never two that touch: one selection, one form. */
  readonly runs: readonly Run[]
}

/** A database's size and root, as a certified header gives them. */
export interface StateTarget {
  readonly pageCount: number
  readonly stateRoot: Digest
}

/** Why a proof was refused. */
export interface StateProofError {
  readonly code:
    /** The runs are empty, out of order, touch each other, or lie outside of the tree. */
    | 'PROOF_RUNS'
    /** Pages or hashes of another number of bytes than the runs say. */
    | 'PROOF_LENGTH'
    /** More or fewer siblings than the one proof has. */
    | 'PROOF_SIBLINGS'
    /** The proof leads to another root. */
    | 'PROOF_ROOT'
  readonly message: string
}

/** Nodes of a level that stand over at least one page. */
export function nodesAt(pageCount: number, level: number): number {
  let nodes = pageCount
  for (let at = 0; at < level && nodes > 1; at += 1) nodes = Math.ceil(nodes / 2)
  return nodes
}

/** How many places runs hold together. */
export function placesIn(runs: readonly Run[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0)
}

/** Ascending numbers as runs. */
export function runsOf(numbers: Iterable<number>): Run[] {
  const runs: { from: number; count: number }[] = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last !== undefined && last.from + last.count === number) last.count += 1
    else runs.push({ from: number, count: 1 })
  }
  return runs
}

/** Why the runs can't be asked for in a tree of so many pages; undefined where they can. */
export function runsFault(pageCount: number, { level, runs }: NodeRuns): string | undefined {
  if (!Number.isSafeInteger(level) || level < 0 || level > depthFor(pageCount)) return `no level ${level}`
  if (runs.length === 0) return 'nothing is asked for'
  const nodes = nodesAt(pageCount, level)
  let free = 0
  for (const { from, count } of runs) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) return `a run of ${count} at ${from}`
    if (from < free) return `a run at ${from}, the first place free for one is ${free}`
    if (from + count > nodes) return `a run to ${from + count - 1} on level ${level}, which has ${nodes} nodes`
    free = from + count + 1
  }
  return undefined
}

/** Runs one level up. */
function lift(runs: readonly Run[]): Run[] {
  const above: { from: number; count: number }[] = []
  for (const { from, count } of runs) {
    const first = Math.floor(from / 2)
    const end = Math.ceil((from + count) / 2)
    const last = above.at(-1)
    if (last !== undefined && last.from + last.count === first) last.count += end - first
    else above.push({ from: first, count: end - first })
  }
  return above
}

/** The siblings of one level that the runs need, in order. */
function* siblingsOf(runs: readonly Run[]): Iterable<number> {
  for (const { from, count } of runs) {
    if (from % 2 === 1) yield from - 1
    if ((from + count) % 2 === 1) yield from + count
  }
}

/**
 * The proof for runs that `runsFault` found nothing wrong with. `node` gives a node's hash by level and index; it is asked for existing
 * ones only.
 */
export function proofFor(
  pageCount: number,
  { level, runs }: NodeRuns,
  node: (level: number, index: number) => Uint8Array,
): Uint8Array {
  const siblings: Uint8Array[] = []
  let at = runs
  for (let height = level; height < depthFor(pageCount); height += 1) {
    const nodes = nodesAt(pageCount, height)
    for (const index of siblingsOf(at)) if (index < nodes) siblings.push(node(height, index))
    at = lift(at)
  }
  return concatBytes(siblings)
}

/** Hashes read front to back. */
class Hashes {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Copies the next hash into `target`; false where none is left. */
  into(target: Uint8Array, at: number): boolean {
    const end = this.#at + HASH_BYTES
    if (end > this.#bytes.length) return false
    target.set(this.#bytes.subarray(this.#at, end), at)
    this.#at = end
    return true
  }

  get isUsedUp(): boolean {
    return this.#at === this.#bytes.length
  }
}

/** The hashes one level up; undefined where the siblings end too early. `nodes` is how many nodes this level has. */
function climb(runs: readonly Run[], hashes: Uint8Array, siblings: Hashes, nodes: number): Uint8Array | undefined {
  const known = new Hashes(hashes)
  const above = new Uint8Array(placesIn(lift(runs)) * HASH_BYTES)
  const pair = new Uint8Array(2 * HASH_BYTES)
  let at = 0
  for (const { from, count } of runs) {
    const end = from + count
    for (let left = from - (from % 2); left < end; left += 2) {
      pair.fill(0)
      for (const [side, index] of [left, left + 1].entries()) {
        const source = index >= from && index < end ? known : siblings
        if (index < nodes && !source.into(pair, side * HASH_BYTES)) return undefined
      }
      nodeHashInto(pair, above, at)
      at += HASH_BYTES
    }
  }
  return above
}

/**
 * Checks that `hashes` are the nodes of these runs under the target's root.
 * Errors: PROOF_RUNS, PROOF_LENGTH, PROOF_SIBLINGS, PROOF_ROOT.
 */
export function checkNodes(
  { pageCount, stateRoot }: StateTarget,
  { level, runs }: NodeRuns,
  hashes: Uint8Array,
  proof: Uint8Array,
): Result<void, StateProofError> {
  const fault = runsFault(pageCount, { level, runs })
  if (fault !== undefined) return err({ code: 'PROOF_RUNS', message: fault })
  const wanted = placesIn(runs) * HASH_BYTES
  if (hashes.length !== wanted)
    return err({ code: 'PROOF_LENGTH', message: `${hashes.length} bytes of hashes, the runs have ${wanted}` })
  const siblings = new Hashes(proof)
  let at = runs
  let known = hashes
  for (let height = level; height < depthFor(pageCount); height += 1) {
    const above = climb(at, known, siblings, nodesAt(pageCount, height))
    if (above === undefined)
      return err({ code: 'PROOF_SIBLINGS', message: `${proof.length} bytes of siblings end on level ${height}` })
    at = lift(at)
    known = above
  }
  if (!siblings.isUsedUp)
    return err({ code: 'PROOF_SIBLINGS', message: `${proof.length} bytes of siblings, more than are needed` })
  const root = rootOver(pageCount, known)
  return root === stateRoot
    ? ok(undefined)
    : err({ code: 'PROOF_ROOT', message: `leads to ${root}, wanted was ${stateRoot}` })
}

/**
 * Checks that `pages`, one after the other, are the pages with the runs' numbers; gives their hashes in the same order.
 * Errors: those of `checkNodes`.
 */
export function checkPages(
  target: StateTarget,
  runs: readonly Run[],
  pages: Uint8Array,
  proof: Uint8Array,
): Result<readonly Digest[], StateProofError> {
  const fault = runsFault(target.pageCount, pageRuns(runs))
  if (fault !== undefined) return err({ code: 'PROOF_RUNS', message: fault })
  const wanted = placesIn(runs) * PAGE_BYTES
  if (pages.length !== wanted)
    return err({ code: 'PROOF_LENGTH', message: `${pages.length} bytes of pages, the runs have ${wanted}` })
  const digests: Digest[] = []
  for (const { from, count } of runs) {
    for (let number = from; number < from + count; number += 1) {
      const at = digests.length * PAGE_BYTES
      digests.push(pageHash(number, pages.subarray(at, at + PAGE_BYTES)))
    }
  }
  const hashes = new Uint8Array(digests.length * HASH_BYTES)
  digests.forEach((digest, i) => hexInto(digest, hashes, i * HASH_BYTES))
  const checked = checkNodes(target, pageRuns(runs), hashes, proof)
  return checked.ok ? ok(digests) : checked
}

/** Runs of page numbers as runs of leaves. */
export function pageRuns(runs: readonly Run[]): NodeRuns {
  return { level: 0, runs: runs.map(({ from, count }) => ({ from: from - 1, count })) }
}
