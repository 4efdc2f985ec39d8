// A few runs in which every verb meets every kind of trouble: short ones for the liars, longer ones for faults and weather. Seeds get there
// too, but in numbers that no test can wait for, since what they draw is mostly something else.

import { drawPlan } from './draw.ts'
import type { Fault, Lie, Load, Plan } from './plan.ts'
import { LIES } from './plan.ts'

const MEMBERS = 4
/** The member that forgets, or lies. */
const DOOMED = 3
const LONG_MS = 25_000
const SHORT_MS = 3500
/** Slow enough that there are not more blocks than there is to see. */
const SPEED = { syncMs: [3, 9], executeMs: [1, 3] } as const
const DELAY_MS = [12, 8] as const

/** Clients that ask for everything, and soon. */
const CURIOUS: Load = {
  clients: 24,
  thinkMs: 100,
  burstMs: 1_000_000,
  calmMs: 0,
  reads: 0.8,
  hot: 0.5,
  patienceMs: 700,
  registers: 2,
  interactive: 0.25,
  inquiries: 0.4,
}

/** One of each kind, long enough to ask for everything; those that take a member away do not follow one another. */
const FAULTS: Readonly<Record<Fault['kind'], (atMs: number) => Fault>> = {
  crash: (atMs) => ({ kind: 'crash', atMs, member: 0, steps: 0, downMs: 2000, keep: 0.5, stateLost: 3 }),
  wipe: (atMs) => ({ kind: 'wipe', atMs, member: DOOMED, downMs: 500 }),
  gray: (atMs) => ({ kind: 'gray', atMs, member: 0, slowerMs: 300, forMs: 4000 }),
  'disk-full': (atMs) => ({ kind: 'disk-full', atMs, member: 1, forMs: 4000 }),
  'clock-jump': (atMs) => ({ kind: 'clock-jump', atMs, member: 1, byMs: -60_000 }),
  reset: (atMs) => ({ kind: 'reset', atMs, member: 0 }),
  'ledger-rot': (atMs) => ({ kind: 'ledger-rot', atMs, member: DOOMED, downMs: 500 }),
  flap: (atMs) => ({ kind: 'flap', atMs, side: [2], periodMs: 400, forMs: 4000 }),
  clog: (atMs) => ({ kind: 'clog', atMs, from: 1, to: 2, forMs: 4000 }),
  'state-rot': (atMs) => ({ kind: 'state-rot', atMs, member: 2, downMs: 500 }),
  'old-disk': (atMs) => ({ kind: 'old-disk', atMs, member: DOOMED, ageMs: 2000, downMs: 500 }),
  split: (atMs) => ({ kind: 'split', atMs, side: [0], way: 'both', forMs: 4000 }),
  'crash-all': (atMs) => ({ kind: 'crash-all', atMs, downMs: 300, keep: 0.5 }),
  'lying-sync': (atMs) => ({ kind: 'lying-sync', atMs, member: DOOMED, forMs: 3000, downMs: 500 }),
}

/** The founding takes so long. */
const FIRST_FAULT_MS = 3000

function troubled(seed: number): Plan {
  const drawn = drawPlan(seed, { profile: 'wan', members: MEMBERS, durationMs: LONG_MS, executor: 'sqlite' })
  const kinds = Object.values(FAULTS)
  const pauseMs = Math.floor((LONG_MS - FIRST_FAULT_MS) / kinds.length)
  // The order differs with the seed, so that the same faults do not always overlap.
  const turned = [...kinds.slice(seed % kinds.length), ...kinds.slice(0, seed % kinds.length)]
  return {
    ...drawn,
    signing: 'simulated',
    load: CURIOUS,
    speed: SPEED,
    weather: {
      delayMs: DELAY_MS,
      loss: 0.02,
      duplicate: 0.05,
      reorder: true,
      replay: 0.05,
      bytesPerMs: 5000,
      queueBytesMax: 4 * 1024 * 1024,
      adversary: { periodMs: 1000, delayMs: 50 },
    },
    clocks: drawn.clocks.map((_, member) => ({ skewMs: member * 1000, driftPpm: 1000 })),
    liars: [],
    faults: turned.flatMap((fault, at): readonly Fault[] => {
      const atMs = FIRST_FAULT_MS + at * pauseMs
      // A jump is over at once: small ones between the others, so that calls meet it.
      return [
        fault(atMs),
        { kind: 'clock-jump', atMs: atMs + Math.floor(pauseMs / 2), member: 2, byMs: at % 2 === 0 ? 500 : -500 },
      ]
    }),
  }
}

function lied(lie: Lie, at: number): Plan {
  const drawn = drawPlan(at + 1, { profile: 'lan', members: MEMBERS, durationMs: SHORT_MS, executor: 'sqlite' })
  const weather = { ...drawn.weather, delayMs: DELAY_MS }
  return {
    ...drawn,
    signing: 'simulated',
    load: { ...CURIOUS, clients: 30 },
    speed: SPEED,
    weather,
    liars: [{ member: DOOMED, lie }],
  }
}

/** The runs of the tour. */
export function tour(): readonly Plan[] {
  return [troubled(1), troubled(8), ...LIES.map(lied)]
}
