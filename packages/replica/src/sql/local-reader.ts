// Reads without a thread between: state.db, opened by the process that embeds a replica, on its own thread. An answer
// costs what SQLite costs; while it runs, nothing else on this thread does. Gas bounds it, as it bounds every read.

import type { Engine } from '@quorate/sql-state'
import { LocalTrouble, Reader } from '@quorate/sql-state'
import type { Height, Outcome, Program } from '@quorate/types'
import { loadEngine } from './load-engine.ts'
import { StateReader } from './state-file.ts'

/** Answer to a local read. */
export type LocalRead =
  | { readonly kind: 'read'; readonly height: Height; readonly outcome: Outcome }
  /** The program would write; nothing ran. */
  | { readonly kind: 'writes' }
  /** No block is here yet, or the engine broke and is being loaded again: nothing ran. */
  | { readonly kind: 'not-ready' }

/** Reads of one data folder. Not for threads that order or execute blocks for others under load. */
export class LocalReader {
  readonly #state: StateReader
  #engine: Engine | undefined
  #open: { readonly height: Height; readonly reader: Reader } | undefined
  #isClosed = false

  private constructor(state: StateReader, engine: Engine) {
    this.#state = state
    this.#engine = engine
  }

  /** Opens `folder`, in which a replica has opened its databases. */
  static async open(folder: string): Promise<LocalReader> {
    const engine = await loadEngine()
    return new LocalReader(new StateReader(folder), engine)
  }

  /** Runs a program that only reads at the newest height up to `most`. */
  read(program: Program, most: number): LocalRead {
    const reader = this.#readerAt(most)
    if (reader === undefined) return { kind: 'not-ready' }
    try {
      const answer = reader.reader.read(program)
      return answer.kind === 'writes' ? answer : { ...answer, height: reader.height }
    } catch (error) {
      if (!(error instanceof LocalTrouble)) throw error
      // Every connection on this engine is void.
      this.#open = undefined
      this.#engine = undefined
      void this.#reload()
      throw error
    }
  }

  close(): void {
    this.#isClosed = true
    if (this.#engine !== undefined) this.#open?.reader.close()
    this.#open = undefined
    this.#state.close()
  }

  #readerAt(most: number): { readonly height: Height; readonly reader: Reader } | undefined {
    if (this.#isClosed || this.#engine === undefined) return undefined
    const at = this.#state.upTo(most)
    if (at === undefined) return undefined
    if (this.#open?.height !== at.height) {
      this.#open?.reader.close()
      this.#open = { height: at.height, reader: new Reader(this.#engine, this.#state.pages(at), at) }
    }
    return this.#open
  }

  async #reload(): Promise<void> {
    this.#engine = await loadEngine()
  }
}
