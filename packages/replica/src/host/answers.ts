// What peers ask, answered from the core and the disk. Answering changes nothing here, so a question may be repeated or lost.

import type { Choam } from '@quorate/choam'
import type { Answer, Ask, BlocksAnswer, BlocksAsk, UnitsAnswer, UnitsAsk, VotedAnswer, VotedAsk } from '@quorate/types'
import { REQUEST_LIMITS } from '@quorate/types'
import type { Ledger } from './ports.ts'

/** Bytes of blocks in one answer: enough to keep a link busy, little enough to leave room for units. */
const BLOCKS_BYTES_MAX = 4 * 1024 * 1024

/** Answers of one replica. */
export class Answers {
  readonly #core: Choam
  readonly #ledger: Pick<Ledger, 'certifiedBlocks'>

  constructor(core: Choam, ledger: Pick<Ledger, 'certifiedBlocks'>) {
    this.#core = core
    this.#ledger = ledger
  }

  units(ask: UnitsAsk): UnitsAnswer {
    return { kind: 'units', units: this.#core.unitsFor(ask) }
  }

  /** Rejects only where the disk fails. */
  async blocks({ from, count }: BlocksAsk): Promise<BlocksAnswer> {
    const countMax = Math.min(count, REQUEST_LIMITS.blocksMax)
    return { kind: 'blocks', blocks: await this.#ledger.certifiedBlocks(from, countMax, BLOCKS_BYTES_MAX) }
  }

  voted({ question }: VotedAsk): VotedAnswer {
    return { kind: 'voted', question, voted: this.#core.votedHeight }
  }

  /** The answer to any question. */
  async to(ask: Ask): Promise<Answer> {
    switch (ask.kind) {
      case 'units':
        return this.units(ask)
      case 'blocks':
        return this.blocks(ask)
      case 'voted':
        return this.voted(ask)
    }
  }
}
