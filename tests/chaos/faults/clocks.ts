// Wall clocks that jump.

import { fewOf, lacksNothing } from '../fault.ts'
import type { Fault, FaultKind } from '../fault.ts'

const HOUR_MS = 3_600_000

function turned(words: string, victims: readonly number[], shifts: ReadonlyMap<number, number>): Fault {
  const list = [...shifts].map(([index, ms]) => `${index} by ${ms} ms`).join(', ')
  return {
    words: `${words}: ${list}`,
    victims,
    strike: async (world) => shifts.forEach((ms, index) => world.member(index).setClock(ms)),
    heal: async (world) => shifts.forEach((_, index) => world.member(index).setClock(0)),
  }
}

/** Few clocks jump by up to a day, either way. */
export const CLOCK_JUMP: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => {
    const victims = fewOf(random, shape)
    const shift = (): number => (random.chance(0.5) ? 1 : -1) * random.whole(HOUR_MS / 60, 24 * HOUR_MS)
    return turned('clocks jump', victims, new Map(victims.map((index) => [index, shift()])))
  },
}

/** All clocks are somewhat wrong, as clocks are: that is no fault. */
export const CLOCK_SPREAD: FaultKind = {
  lacks: lacksNothing,
  draw: (random, { members }) =>
    turned('clocks disagree', [], new Map(members.map((index) => [index, random.whole(-2000, 2000)]))),
}
