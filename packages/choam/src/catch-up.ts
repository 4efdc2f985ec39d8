// Blocks that others certified: asked for, looked at, and put behind ours.

import type { Height, MemberId } from '@quorate/types'
import type { Certification } from './certification.ts'
import type { Certified, Diverged, Pipeline } from './pipeline.ts'
import type { Repair } from './repair.ts'
import type { View } from './view.ts'

/** What came of an answer. */
export interface CaughtUp {
  /** The blocks that are new here, in their order. */
  readonly taken: readonly Certified[]
  readonly diverged: Diverged | undefined
}

export class CatchUp {
  readonly #pipeline: Pipeline
  readonly #chain: Certification
  readonly #repair: Repair

  constructor(pipeline: Pipeline, chain: Certification, repair: Repair) {
    this.#pipeline = pipeline
    this.#chain = chain
    this.#repair = repair
  }

  /** Takes blocks in a row, up to the first that doesn't fit. Those of the next view come again, once it has begun here. */
  take(from: MemberId, blocks: readonly Certified[], view: View): CaughtUp {
    const { certified } = this.#pipeline
    const taken: Certified[] = []
    let isUseful = false
    for (const block of blocks) {
      const fits = this.#fits(block, view)
      if (typeof fits === 'object') return { taken, diverged: fits }
      if (!fits) break
      isUseful ||= block.header.height > certified
      if (block.header.height <= this.#pipeline.ordered) continue
      view.block(block.header.height, block.body)
      this.#pipeline.appendCertified(block)
      taken.push(block)
    }
    this.#repair.answered(from, isUseful, certified)
    return { taken, diverged: undefined }
  }

  #fits({ header, hash, certificate }: Certified, view: View): boolean | Diverged {
    const { certified, ordered } = this.#pipeline
    const at: Height = header.height
    if (at <= certified) return true
    if (header.view !== view.committee.view) return false
    if (at <= ordered) return this.#chain.certified(at, hash, certificate) ?? true
    return this.#pipeline.isNext(header)
  }
}
