// Answers to peers that ask for the database at a height: pages and inner nodes with proofs, from what state.db retains.
// The writer keeps its tree at the newest height; one for an older height is made once from the stored hashes (a third of
// a second for a gigabyte) and kept while it is asked for.

import { concatBytes } from '@quorate/kernel'
import type { NodeRuns } from '@quorate/sql-state'
import { pageRuns, placesIn, StateTree } from '@quorate/sql-state'
import type { Height, StateAnswer, StateAsk } from '@quorate/types'
import { STATE_LIMITS } from '@quorate/types'
import type { StateReader } from './state-file.ts'
import type { StateHeight } from './state-rows.ts'
import { DamagedStateError, STATE_FILE } from './state-rows.ts'

/** Trees kept: 64 bytes a page each. */
const TREES_MAX = 3

const GONE: StateAnswer = { kind: 'refused', code: 'GONE', retryAfterMs: 0 }
const RANGE: StateAnswer = { kind: 'refused', code: 'RANGE', retryAfterMs: 0 }

/** Reads state.db for peers. Throws only for local trouble. */
export class StateSource {
  readonly #reader: StateReader
  readonly #trees = new Map<Height, StateTree>()

  constructor(reader: StateReader) {
    this.#reader = reader
  }

  /** GONE where the height is not retained, RANGE where it has no such pages or nodes. */
  answer(ask: StateAsk): StateAnswer {
    const wanted: NodeRuns = ask.kind === 'pages' ? pageRuns(ask.runs) : { level: ask.level, runs: [ask.run] }
    if (placesIn(wanted.runs) > (ask.kind === 'pages' ? STATE_LIMITS.pagesMax : STATE_LIMITS.hashesMax)) return RANGE
    // In one snapshot of the file: a height may go while its pages are read.
    return this.#reader.within(() => this.#read(ask, wanted))
  }

  close(): void {
    this.#reader.close()
  }

  #read(ask: StateAsk, wanted: NodeRuns): StateAnswer {
    const at = this.#reader.at(ask.height)
    if (at === undefined) return GONE
    const found = this.#treeAt(at).prove(wanted)
    if (found === undefined) return RANGE
    const { hashes, proof } = found
    if (ask.kind === 'hashes') return { kind: 'hashes', hashes, proof }
    const source = this.#reader.pages(at)
    const pages: Uint8Array[] = []
    for (const { from, count } of ask.runs)
      for (let number = from; number < from + count; number += 1) pages.push(source.page(number))
    return { kind: 'pages', pages: concatBytes(pages), proof }
  }

  #treeAt(at: StateHeight): StateTree {
    const known = this.#trees.get(at.height)
    this.#trees.delete(at.height)
    const tree = known ?? this.#plant(at)
    this.#trees.set(at.height, tree)
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= TREES_MAX) break
      this.#trees.delete(oldest)
    }
    return tree
  }

  #plant(at: StateHeight): StateTree {
    const tree = new StateTree()
    tree.update(at.pageCount, this.#reader.hashes(at))
    if (tree.root !== at.stateRoot)
      throw new DamagedStateError(
        `${STATE_FILE} hashes to ${tree.root} at height ${at.height}, certified is ${at.stateRoot}`,
      )
    return tree
  }
}
