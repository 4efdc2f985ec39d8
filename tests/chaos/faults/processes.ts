// Processes that die at once, or stop in the middle of whatever they do.

import { fewOf, lacksNothing } from '../fault.ts'
import type { Fault, FaultKind } from '../fault.ts'

function killed(victims: readonly number[]): Fault {
  return {
    words: `kill -9 of ${victims.join(', ')}`,
    victims,
    strike: async (world) => {
      await Promise.all(victims.map((index) => world.member(index).end('SIGKILL')))
    },
    heal: async (world) => victims.forEach((index) => world.member(index).start()),
  }
}

function paused(victims: readonly number[]): Fault {
  return {
    words: `SIGSTOP of ${victims.join(', ')}, then SIGCONT`,
    victims,
    strike: async (world) => victims.forEach((index) => world.member(index).pause(true)),
    heal: async (world) => victims.forEach((index) => world.member(index).pause(false)),
  }
}

/** Few are killed: no more than may be. */
export const KILL_FEW: FaultKind = { lacks: lacksNothing, draw: (random, shape) => killed(fewOf(random, shape)) }

/** All are killed at one moment. */
export const KILL_ALL: FaultKind = { lacks: lacksNothing, draw: (_random, shape) => killed(shape.members) }

/** Few stand still. Their connections stay open and say nothing. */
export const PAUSE_FEW: FaultKind = { lacks: lacksNothing, draw: (random, shape) => paused(fewOf(random, shape)) }

/** More stand still than the others can go on without. */
export const PAUSE_MANY: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => paused(random.some(shape.members, random.whole(shape.faultyMax + 1, shape.members.length))),
}
