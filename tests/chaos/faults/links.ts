// Bad links: each directed one by itself.

import { lacksNothing } from '../fault.ts'
import type { Fault, FaultKind, Shape, World } from '../fault.ts'
import { FAIR } from '../link.ts'
import type { Link, Weather } from '../link.ts'
import type { Random } from '../random.ts'

/** Which links are meant, whose fault that is. */
interface Scope {
  readonly words: string
  readonly victims: readonly number[]
  readonly holds: (link: Link) => boolean
}

/** All links, those of one member, or a single one. */
function drawScope(random: Random, shape: Shape): Scope {
  const [one = 1, other = 2] = random.some(shape.members, 2)
  return random.pick<Scope>([
    { words: 'every link', victims: shape.members, holds: () => true },
    { words: `the links from and to ${one}`, victims: [one], holds: ({ from, to }) => from === one || to === one },
    {
      words: `the link from ${one} to ${other}`,
      victims: [one],
      holds: ({ from, to }) => from === one && to === other,
    },
  ])
}

function bad(scope: Scope, words: string, weather: Partial<Weather>): Fault {
  const set = (world: World, to: Weather): void => {
    for (const link of world.links) if (scope.holds(link)) link.weather = to
  }
  return {
    words: `${scope.words}: ${words}`,
    victims: scope.victims,
    strike: async (world) => set(world, { ...FAIR, ...weather }),
    heal: async (world) => set(world, FAIR),
  }
}

/** Every byte takes longer, and not alike on all links. */
export const LINK_DELAY: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => {
    const delays = new Map(
      shape.members.flatMap((from) => shape.members.map((to) => [`${from} ${to}`, random.whole(1, 120)] as const)),
    )
    const set = (world: World, factor: number): void => {
      for (const link of world.links)
        link.weather = { ...FAIR, delayMs: factor * (delays.get(`${link.from} ${link.to}`) ?? 0) }
    }
    return {
      words: 'every link: delayed, each by its own 1 to 120 ms',
      // Slow links are no fault: everybody must go on.
      victims: [],
      strike: async (world) => set(world, 1),
      heal: async (world) => set(world, 0),
    }
  },
}

/** Nothing passes, and no connection breaks. */
export const LINK_STALL: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) =>
    bad(drawScope(random, shape), 'stalled', { isForwardStalled: true, isBackwardStalled: true }),
}

/** A member is heard and hears nothing, or hears and is not heard. */
export const LINK_ONE_WAY: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => {
    const one = random.pick(shape.members)
    const isMute = random.chance(0.5)
    const scope: Scope = {
      words: isMute ? `every link from ${one}` : `every link to ${one}`,
      victims: [one],
      holds: ({ from, to }) => (isMute ? from === one : to === one),
    }
    return bad(scope, 'nothing passes forward', { isForwardStalled: true })
  },
}

function mishaps(words: string, random: Random, shape: Shape, strike: (link: Link, bytes: number) => void): Fault {
  const scope = drawScope(random, shape)
  const everyMs = random.whole(100, 800)
  let timer: NodeJS.Timeout | undefined
  return {
    words: `${scope.words}: ${words} every ${everyMs} ms`,
    victims: scope.victims,
    strike: async (world) => {
      const again = (): void => {
        for (const link of world.links) if (scope.holds(link)) strike(link, random.whole(0, 4000))
      }
      again()
      timer = setInterval(again, everyMs)
    },
    heal: async () => clearInterval(timer),
  }
}

/** Connections break, in the middle of frames. */
export const LINK_CUT: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => mishaps('cut', random, shape, (link, bytes) => link.cutAfter(bytes)),
}

/** Bits are flipped on the way. */
export const LINK_FLIP: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => mishaps('a flipped bit', random, shape, (link, bytes) => link.flipAfter(bytes)),
}
