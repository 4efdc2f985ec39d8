// A block's time is the median of its committee's clocks, one a seat: the clock in each seat's newest unit that is ordered.
//
// A median over all units of a block would be its author's who has the most units in it: a member that holds its units back and
// lets them go at once would set the time alone. One clock a seat gives a liar one voice. A seat that nothing was ordered of
// lately counts as a clock that stands at the beginning, so that too few voices move the time less, never further.
//
// Which units count follows from the order alone: the newest of each seat within the window that restarted replicas read back.

import { must } from '@quorate/kernel'
import type { Millis, OrderedUnit, Seat } from '@quorate/types'
import { millis } from '@quorate/types'

interface Said {
  readonly round: number
  readonly timestampMs: Millis
}

export class BlockTime {
  readonly #newest = new Map<Seat, Said>()

  /** Takes ordered units, in any order. */
  add(units: readonly OrderedUnit[]): void {
    for (const { creator, round, timestampMs } of units) {
      const known = this.#newest.get(creator)
      if (known === undefined || round > known.round) this.#newest.set(creator, { round, timestampMs })
    }
  }

  /**
   * The lower median over `seats` clocks, of units of rounds from `fromRound` on. With at most f liars among them it is not above
   * every honest clock, and, once a quorum has been heard, not below every honest clock.
   */
  median(seats: number, fromRound: number): Millis {
    const times: number[] = []
    for (const { round, timestampMs } of this.#newest.values()) if (round >= fromRound) times.push(timestampMs)
    while (times.length < seats) times.push(0)
    times.sort((a, b) => a - b)
    return millis(must(times[Math.floor((seats - 1) / 2)], 'a committee has seats'))
  }
}
