// Which peers can be reached, for whoever waits for that.

import { atomicallySync, TMap } from '@quorate/stm'
import type { Tx } from '@quorate/stm'
import type { MemberId } from '@quorate/types'

export class Links {
  readonly #up = new TMap<MemberId, true>()

  /** A peer's connection came up, or went down. */
  changed(peer: MemberId, isUp: boolean): void {
    atomicallySync((tx) => {
      if (isUp) this.#up.set(tx, peer, true)
      else this.#up.delete(tx, peer)
    })
  }

  /** The peers that can be reached; retries while there is none. */
  some(tx: Tx): readonly MemberId[] {
    const up = this.#up.keys(tx)
    return up.length > 0 ? up : tx.retry()
  }
}
