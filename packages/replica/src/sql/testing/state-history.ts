// Databases made of pages that tests can tell apart, and a reception without network or scheduler.

import { PAGE_BYTES, pageHash, StateTree } from '@quorate/sql-state'
import type { Digest, StateAnswer, StateAsk } from '@quorate/types'
import { hashOf, height } from '@quorate/types'
import type { StateFile, StateReader } from '../state-file.ts'
import type { StateHeight } from '../state-rows.ts'
import type { StateSink } from '../state-sink.ts'

export const SEED: Digest = hashOf('seed', new Uint8Array(0))

export function pageOf(value: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES)
  new DataView(page.buffer).setUint32(100, value)
  return page
}

export function valueOf(page: Uint8Array): number {
  return new DataView(page.buffer, page.byteOffset).getUint32(100)
}

/** A writer that appends heights with right state roots. */
export class History {
  readonly file: StateFile
  readonly #tree = new StateTree()

  constructor(file: StateFile) {
    this.file = file
    if (file.head !== undefined) this.#tree.update(file.head.pageCount, file.hashes())
  }

  /** Appends a height: `pages` are values by page number; new ones that are not given hold zero. */
  append(at: number, pageCount: number, pages: ReadonlyMap<number, number>, timeMs: number = at): StateHeight {
    const values = new Map(pages)
    for (let number = this.#tree.pageCount + 1; number <= pageCount; number += 1)
      if (!values.has(number)) values.set(number, 0)
    const changed = [...values]
      .filter(([number]) => number <= pageCount)
      .map(([number, value]) => {
        const bytes = pageOf(value)
        return { number, bytes, hash: pageHash(number, bytes) }
      })
    this.#tree.update(
      pageCount,
      changed.map(({ number, hash }) => [number, hash]),
    )
    const next = { height: height(at), pageCount, timeMs, seed: SEED, stateRoot: this.#tree.root }
    this.file.append(next, changed)
    return next
  }
}

/** The values of a height's pages; undefined where it is not retained. */
export function valuesAt(reader: StateReader, at: number): readonly number[] | undefined {
  const known = reader.at(height(at))
  if (known === undefined) return undefined
  const pages = reader.pages(known)
  return Array.from({ length: pages.pageCount }, (_, i) => valueOf(pages.page(i + 1)))
}

/** Pages that are asked for at once here. */
const PIECE_LEVEL = 3

/** The asks of a reception, each made when the answers before are in: nodes, then leaves of those that differ, then pages. */
export function* asksOf(target: StateHeight, take: (ask: StateAsk) => readonly number[]): Iterable<StateAsk> {
  const { height: at, pageCount } = target
  let level = 0
  for (let width = 1; width < pageCount && level < PIECE_LEVEL; width *= 2) level += 1
  const size = 2 ** level
  for (let piece = 0; piece * size < pageCount; piece += 1) {
    const upper: StateAsk = { kind: 'hashes', height: at, level, run: { from: piece, count: 1 } }
    yield upper
    if (take(upper).length === 0) continue
    const count = Math.min(size, pageCount - piece * size)
    const leaves: StateAsk = { kind: 'hashes', height: at, level: 0, run: { from: piece * size, count } }
    yield leaves
    for (const leaf of take(leaves)) yield { kind: 'pages', height: at, runs: [{ from: leaf + 1, count: 1 }] }
  }
}

/** Receives until `stop` says so or everything is here; gives the pages that were asked for. */
export function receive(
  sink: StateSink,
  target: StateHeight,
  answer: (ask: StateAsk) => StateAnswer,
  stop: () => boolean = () => false,
): { readonly isWhole: boolean; readonly pages: readonly number[] } {
  const differing = new Map<StateAsk, readonly number[]>()
  const pages: number[] = []
  for (const ask of asksOf(target, (each) => differing.get(each) ?? [])) {
    if (stop()) return { isWhole: false, pages }
    const taken = sink.take(ask, answer(ask))
    if (!taken.ok) throw new Error(taken.error.message)
    if (taken.value.kind === 'hashes') differing.set(ask, taken.value.differing)
    if (ask.kind === 'pages') for (const { from } of ask.runs) pages.push(from)
  }
  return { isWhole: true, pages }
}
