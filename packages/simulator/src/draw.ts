// From a seed to a plan. Swarm testing (Groce and others, 2012): a seed first draws which faults exist at all, and only then how
// often; runs in which everything goes wrong at once hide what a few faults in peace would show.

import type { ClockManners } from './clock.ts'
import type { Fault, Lie, Load, Plan, Speed, Weather } from './plan.ts'
import { faultyMax, LIES } from './plan.ts'
import { Random } from './random.ts'

/** Kinds of runs. */
export const PROFILES = ['swarm', 'lan', 'wan', 'hell'] as const

/** One of `PROFILES`: anything; one room in peace; continents and crashes; everything at once. */
export type Profile = (typeof PROFILES)[number]

/** What may be asked of a plan. */
export interface Wishes {
  readonly profile: Profile
  readonly members?: number
  readonly durationMs?: number
  readonly executor?: Plan['executor']
  /** Every member that may lie tells this lie. */
  readonly lie?: Lie
  /** Faults of these kinds come, and of no others. */
  readonly faults?: readonly Fault['kind'][]
}

const MEMBERS = [1, 2, 3, 4, 4, 4, 4, 5, 5, 6, 7, 7, 7, 8, 10] as const
/** Shares of seeds that run the real engine, and that sign with real keys. */
const SQLITE = 0.15
const ED25519 = 0.03
/** A member's clocks stay within this of the true time, so that ids are remembered longer than a run. */
const SKEW_MS = 300_000

function adversaryFor(random: Random): NonNullable<Weather['adversary']> {
  const delays = { periodMs: random.between(100, 5000), delayMs: random.between(50, 2000) }
  return random.chance(0.4) ? { ...delays, aim: 'head' } : delays
}

function weatherFor(random: Random, profile: Profile): Weather {
  const fair = {
    loss: 0,
    duplicate: 0,
    reorder: false,
    replay: 0,
    bytesPerMs: 100_000,
    queueBytesMax: 64 * 1024 * 1024,
    adversary: undefined,
  }
  if (profile === 'lan') return { ...fair, delayMs: [0.2, 0.3] }
  if (profile === 'wan') return { ...fair, delayMs: [random.between(10, 80), 5], loss: 0.001, bytesPerMs: 12_000 }
  const isHell = profile === 'hell'
  const has = (chance: number): boolean => isHell || random.chance(chance)
  return {
    delayMs: [random.between(0.2, 30), random.between(1, has(0.3) ? 100 : 10)],
    loss: has(0.5) ? random.between(0, 0.3) : 0,
    duplicate: has(0.5) ? random.between(0, 0.2) : 0,
    reorder: has(0.5),
    replay: has(0.4) ? random.between(0, 0.3) : 0,
    bytesPerMs: has(0.3) ? random.between(50, 2000) : fair.bytesPerMs,
    queueBytesMax: has(0.3) ? random.whole(20_000, 2_000_000) : fair.queueBytesMax,
    adversary: has(0.2) ? adversaryFor(random) : undefined,
  }
}

function speedFor(random: Random): Speed {
  const sync = random.pick([0.3, 2, 10, 60])
  const execute = random.pick([0.2, 2, 20])
  return { syncMs: [sync * 0.3, sync * 1.7], executeMs: [execute * 0.3, execute * 1.7] }
}

function loadFor(random: Random): Load {
  const isBusy = random.chance(0.2)
  return {
    clients: random.whole(1, 8),
    thinkMs: isBusy ? random.between(5, 50) : random.between(100, 2000),
    burstMs: random.between(1000, 8000),
    calmMs: random.between(0, isBusy ? 30_000 : 10_000),
    reads: random.between(0, 0.7),
    hot: random.unit(),
    patienceMs: random.between(300, 8000),
  }
}

/** Drawn beside all else, so that what came before registers is drawn as it was. */
function clientsFor(random: Random, executor: Plan['executor']): Pick<Load, 'registers' | 'interactive' | 'inquiries'> {
  const interactive = executor === 'sqlite' ? { interactive: random.between(0.05, 0.5) } : {}
  return { registers: random.whole(1, 3), inquiries: random.between(0.02, 0.3), ...interactive }
}

function clockFor(random: Random, isWrong: boolean): ClockManners {
  if (!isWrong) return { skewMs: random.between(-5, 5), driftPpm: 0 }
  return { skewMs: random.between(-SKEW_MS, SKEW_MS), driftPpm: random.between(-50_000, 50_000) }
}

/** Times of a fault that comes every `meanMs`. */
function* times(random: Random, meanMs: number, endMs: number): Generator<number> {
  for (let at = random.exponential(meanMs); at < endMs; at += 1 + random.exponential(meanMs)) yield at
}

interface Draw {
  readonly random: Random
  readonly members: readonly number[]
  /** Members that are, or may be made, faulty. */
  readonly doomed: readonly number[]
}

/** Each kind of fault, as it is drawn once. Undefined where it needs somebody to be faulty and nobody may be. */
const DRAWS: Readonly<Record<Fault['kind'], (draw: Draw) => Omit<Fault, 'atMs'> | undefined>> = {
  crash: ({ random, members }) => {
    const inCatchUp = random.chance(0.3)
    return {
      kind: 'crash',
      member: random.pick(members),
      // To catch up takes few steps.
      steps: random.whole(0, inCatchUp ? 4 : 40),
      downMs: random.between(10, random.pick([200, 3000, 20_000])),
      keep: random.unit(),
      stateLost: random.chance(0.5) ? random.whole(0, 20) : 0,
      ...(inCatchUp ? { inCatchUp } : {}),
    }
  },
  'crash-all': ({ random }) => ({ kind: 'crash-all', downMs: random.between(10, 3000), keep: random.unit() }),
  wipe: ({ random, doomed }) =>
    doomed.length === 0 ? undefined : { kind: 'wipe', member: random.pick(doomed), downMs: random.between(10, 5000) },
  'old-disk': ({ random, doomed }) =>
    doomed.length === 0
      ? undefined
      : {
          kind: 'old-disk',
          member: random.pick(doomed),
          ageMs: random.between(100, 30_000),
          downMs: random.between(10, 5000),
        },
  'lying-sync': ({ random, doomed }) =>
    doomed.length === 0
      ? undefined
      : {
          kind: 'lying-sync',
          member: random.pick(doomed),
          forMs: random.between(100, 5000),
          downMs: random.between(10, 3000),
        },
  'disk-full': ({ random, members }) => ({
    kind: 'disk-full',
    member: random.pick(members),
    forMs: random.between(10, 8000),
  }),
  'ledger-rot': ({ random, doomed }) =>
    doomed.length === 0
      ? undefined
      : { kind: 'ledger-rot', member: random.pick(doomed), downMs: random.between(10, 3000) },
  'state-rot': ({ random, members }) => ({
    kind: 'state-rot',
    member: random.pick(members),
    downMs: random.between(10, 3000),
  }),
  'clock-jump': ({ random, members }) => ({
    kind: 'clock-jump',
    member: random.pick(members),
    byMs: random.between(-SKEW_MS, SKEW_MS),
  }),
  split: ({ random, members }) => ({
    kind: 'split',
    side: random.some(members, random.whole(1, Math.max(1, members.length - 1))),
    way: random.pick(['both', 'both', 'in', 'out']),
    forMs: random.between(100, 15_000),
  }),
  flap: ({ random, members }) => ({
    kind: 'flap',
    side: random.some(members, random.whole(1, Math.max(1, members.length - 1))),
    periodMs: random.between(50, 1000),
    forMs: random.between(500, 8000),
  }),
  gray: ({ random, members }) => ({
    kind: 'gray',
    member: random.pick(members),
    slowerMs: random.between(50, 3000),
    forMs: random.between(500, 20_000),
  }),
  clog: ({ random, members }) => ({
    kind: 'clog',
    from: random.pick(members),
    to: random.pick(members),
    forMs: random.between(50, 5000),
  }),
  reset: ({ random, members }) => ({ kind: 'reset', member: random.pick(members) }),
}

/** Kinds of faults. */
export const KINDS: readonly Fault['kind'][] = Object.keys(DRAWS) as Fault['kind'][]

function kindsFor(random: Random, { profile, faults }: Wishes): readonly Fault['kind'][] {
  if (faults !== undefined) return faults
  switch (profile) {
    case 'lan':
      return []
    case 'wan':
      return ['crash', 'split', 'gray', 'reset']
    case 'hell':
      return KINDS
    case 'swarm':
      return KINDS.filter(() => random.chance(0.35))
  }
}

function liarsFor(random: Random, { profile, lie }: Wishes, doomed: readonly number[]): Plan['liars'] {
  if (lie !== undefined) return doomed.map((member) => ({ member, lie }))
  if (profile === 'lan' || profile === 'wan') return []
  const share = profile === 'hell' ? 1 : random.pick([0, 0, 0.5, 1])
  return doomed.filter(() => random.chance(share)).map((member) => ({ member, lie: random.pick<Lie>(LIES) }))
}

/** Short views, so that many begin; sometimes not everybody sits. Drawn beside all else. */
function rotationFor(random: Random, members: number): Plan['rotation'] {
  if (random.chance(0.3)) return undefined
  const seats = members > 4 && random.chance(0.5) ? random.whole(4, members - 1) : members
  return { seats, viewBlocks: random.pick([2, 5, 20, 60]) }
}

/** The plan of a seed. */
export function drawPlan(seed: number, wishes: Wishes): Plan {
  const { profile } = wishes
  const random = new Random(seed, `plan ${profile}`)
  const members = wishes.members ?? random.pick(MEMBERS)
  const numbers = Array.from({ length: members }, (_, number) => number)
  const rotation = rotationFor(new Random(seed, 'rotation'), members)
  const doomed = random.some(numbers, faultyMax(members)).slice(0, faultyMax(rotation?.seats ?? members))
  const durationMs = wishes.durationMs ?? random.between(20_000, 120_000)
  const draw: Draw = { random: new Random(seed, 'faults'), members: numbers, doomed }
  const faults: Fault[] = []
  for (const kind of kindsFor(random, wishes)) {
    const meanMs = random.between(4000, 60_000)
    for (const atMs of times(draw.random, meanMs, durationMs)) {
      const fault = DRAWS[kind](draw)
      if (fault !== undefined) faults.push({ ...fault, atMs } as Fault)
    }
  }
  faults.sort((a, b) => a.atMs - b.atMs)
  const wrongClocks = profile === 'hell' || (profile === 'swarm' && random.chance(0.3))
  const drawn = random.chance(SQLITE) ? 'sqlite' : 'model'
  const executor = wishes.executor ?? drawn
  return {
    version: 1,
    seed,
    members,
    durationMs,
    executor,
    signing: random.chance(ED25519) ? 'ed25519' : 'simulated',
    weather: weatherFor(random, profile),
    speed: speedFor(random),
    load: { ...loadFor(random), ...clientsFor(new Random(seed, 'clients'), executor) },
    clocks: numbers.map(() => clockFor(random, wrongClocks)),
    liars: liarsFor(random, wishes, doomed),
    faults,
    ...(rotation === undefined ? {} : { rotation }),
  }
}
