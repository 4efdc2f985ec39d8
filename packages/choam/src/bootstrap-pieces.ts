// The pieces of a database that is being received: what each still needs, and what to ask for next.

import type { Run } from '@quorate/types'
import { STATE_LIMITS } from '@quorate/types'

/** Pages of a piece: a whole subtree, so that one hash stands for it and a proof is short. */
export const PIECE_PAGES = 128
/** Level of the tree whose nodes stand over a piece each. */
export const PIECE_LEVEL = 7

/** Phases of a piece, in this order. */
const COMPARE = 0
const NARROW = 1
const FETCH = 2
const DONE = 3

/** Pieces looked at to fill one question for pages: bounds its making where almost everything is here. */
const LOOKED_AT_MAX = 256

/** A question to be put, and the pieces it is about. */
export type Work =
  | { readonly kind: 'pages'; readonly pieces: readonly number[]; readonly runs: readonly Run[] }
  | { readonly kind: 'hashes'; readonly pieces: readonly number[]; readonly level: number; readonly run: Run }

/** All pieces, and which of them are asked for. */
export class PieceMap {
  readonly pagesTotal: number
  /** Level of the nodes that stand over pieces; lower than `PIECE_LEVEL` in a tree that is. */
  readonly level: number
  readonly #phases: Uint8Array
  readonly #busy: Uint8Array
  /** Pages to be fetched, of pieces that are not wanted as a whole. */
  readonly #wanted = new Map<number, readonly Run[]>()
  /** No piece below is to be asked for. */
  #low = 0
  #pagesDone = 0
  #done = 0

  constructor(pageCount: number, isBlank: boolean) {
    const count = Math.ceil(pageCount / PIECE_PAGES)
    this.pagesTotal = pageCount
    let level = 0
    for (let width = 1; width < pageCount && level < PIECE_LEVEL; width *= 2) level += 1
    this.level = level
    this.#phases = new Uint8Array(count).fill(isBlank ? FETCH : COMPARE)
    this.#busy = new Uint8Array(count)
  }

  /** Pages of pieces that are done. */
  get pagesDone(): number {
    return this.#pagesDone
  }

  get isWhole(): boolean {
    return this.#done === this.#phases.length
  }

  /** Whether there is something to ask for that is not asked for. */
  get hasWork(): boolean {
    while (this.#low < this.#phases.length && !this.#isFree(this.#low)) this.#low += 1
    return this.#low < this.#phases.length
  }

  /** The next question; its pieces are busy until they are released. */
  next(): Work | undefined {
    if (!this.hasWork) return undefined
    const work = this.#phases[this.#low] === FETCH ? this.#pagesFrom(this.#low) : this.#hashesFrom(this.#low)
    for (const piece of work.pieces) this.#busy[piece] = 1
    return work
  }

  /** The question about these pieces is over, or not waited for any more. */
  release(pieces: readonly number[]): void {
    for (const piece of pieces) {
      this.#busy[piece] = 0
      this.#low = Math.min(this.#low, piece)
    }
  }

  /** The nodes over these pieces were compared. */
  compared(
    pieces: readonly number[],
    found: { readonly differing: readonly number[]; readonly blank: readonly number[] },
  ): void {
    const [differing, blank] = [new Set(found.differing), new Set(found.blank)]
    for (const piece of pieces) {
      if (this.#phases[piece] !== COMPARE) continue
      if (!differing.has(piece)) this.#finish(piece)
      else this.#phases[piece] = blank.has(piece) || this.level === 0 ? FETCH : NARROW
    }
  }

  /** The pages' hashes of these pieces were compared; `differing` are their places, from 0. */
  narrowed(pieces: readonly number[], differing: readonly number[]): void {
    const wanted = new Map<number, Run[]>()
    for (const leaf of differing) {
      const piece = Math.floor(leaf / PIECE_PAGES)
      const runs = wanted.get(piece) ?? []
      wanted.set(piece, runs)
      addRun(runs, { from: leaf + 1, count: 1 })
    }
    for (const piece of pieces) {
      if (this.#phases[piece] !== NARROW) continue
      const runs = wanted.get(piece)
      if (runs === undefined) {
        this.#finish(piece)
        continue
      }
      this.#phases[piece] = FETCH
      this.#wanted.set(piece, runs)
    }
  }

  /** What was wanted of these pieces is here; gives how many pages that brought. */
  fetched(pieces: readonly number[]): number {
    let pages = 0
    for (const piece of pieces) {
      if (this.#phases[piece] !== FETCH) continue
      pages += pagesIn(this.#runsOf(piece))
      this.#finish(piece)
    }
    return pages
  }

  #finish(piece: number): void {
    this.#phases[piece] = DONE
    this.#wanted.delete(piece)
    this.#done += 1
    this.#pagesDone += this.#sizeOf(piece)
  }

  #isFree(piece: number): boolean {
    return this.#phases[piece] !== DONE && this.#busy[piece] === 0
  }

  #sizeOf(piece: number): number {
    return Math.min(PIECE_PAGES, this.pagesTotal - piece * PIECE_PAGES)
  }

  #runsOf(piece: number): readonly Run[] {
    return this.#wanted.get(piece) ?? [{ from: piece * PIECE_PAGES + 1, count: this.#sizeOf(piece) }]
  }

  /** Hashes for as many neighbours in the same phase as an answer holds. */
  #hashesFrom(first: number): Work {
    const phase = this.#phases[first]
    const pieces: number[] = []
    let count = 0
    for (let piece = first; piece < this.#phases.length; piece += 1) {
      const more = phase === COMPARE ? 1 : this.#sizeOf(piece)
      if (this.#phases[piece] !== phase || !this.#isFree(piece) || count + more > STATE_LIMITS.hashesMax) break
      pieces.push(piece)
      count += more
    }
    return phase === COMPARE
      ? { kind: 'hashes', pieces, level: this.level, run: { from: first, count } }
      : { kind: 'hashes', pieces, level: 0, run: { from: first * PIECE_PAGES, count } }
  }

  /** Pages of as many pieces as fit into an answer. */
  #pagesFrom(first: number): Work {
    const pieces: number[] = []
    const runs: Run[] = []
    let pages = 0
    const end = Math.min(this.#phases.length, first + LOOKED_AT_MAX)
    for (let piece = first; piece < end; piece += 1) {
      if (this.#phases[piece] !== FETCH || !this.#isFree(piece)) continue
      const wanted = this.#runsOf(piece)
      if (pages + pagesIn(wanted) > STATE_LIMITS.pagesMax) break
      pages += pagesIn(wanted)
      pieces.push(piece)
      for (const run of wanted) addRun(runs, run)
    }
    return { kind: 'pages', pieces, runs }
  }
}

/** Adds a run behind the others, to the last of them where the two touch. */
function addRun(runs: Run[], run: Run): void {
  const last = runs.at(-1)
  if (last !== undefined && last.from + last.count === run.from)
    runs[runs.length - 1] = { from: last.from, count: last.count + run.count }
  else runs.push(run)
}

function pagesIn(runs: readonly Run[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0)
}
