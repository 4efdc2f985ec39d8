// A run is a function of its plan: what there is, how it behaves, and a list of faults with their times. The plan is drawn from the
// seed before anything runs. So a failing run can be made smaller by taking things out of its plan, and kept as a file.

import type { ClockManners } from './clock.ts'
import type { Signing } from './keys.ts'

/** How frames travel. Times in milliseconds, one way. */
export interface Weather {
  readonly delayMs: readonly [least: number, mean: number]
  readonly loss: number
  readonly duplicate: number
  /** Frames overtake one another. */
  readonly reorder: boolean
  /** Share of frames after which an older one of the same link comes again. */
  readonly replay: number
  /** Bytes a millisecond of each directed link. */
  readonly bytesPerMs: number
  /** Bytes that wait for a link; beyond it, frames are dropped. */
  readonly queueBytesMax: number
  /**
   * A scheduler that is against us: frames of one member after the other are late by `delayMs`; or, where it aims, the units that
   * would be heads.
   */
  readonly adversary: { readonly periodMs: number; readonly delayMs: number; readonly aim?: 'head' } | undefined
}

/** How much a machine's work takes, in milliseconds, uniform between the two. */
export interface Speed {
  readonly syncMs: readonly [number, number]
  readonly executeMs: readonly [number, number]
}

/** What clients do. */
export interface Load {
  readonly clients: number
  /** Mean pause of a client between two requests. */
  readonly thinkMs: number
  /** Bursts: for so long clients work, then for so long they don't. */
  readonly burstMs: number
  readonly calmMs: number
  readonly reads: number
  /** Share of writes to the few hot keys. */
  readonly hot: number
  /** A client gives up waiting after so long and sends the same again, elsewhere. */
  readonly patienceMs: number
  /** Clients that work on registers, whose histories are checked. Plans from before them have none. */
  readonly registers?: number
  /** Share of interactive transactions in what clients do; the real engine has them. */
  readonly interactive?: number
  /** Share of questions about blocks, transactions, receipts and the replica itself. */
  readonly inquiries?: number
}

/** How a Byzantine member behaves. */
export const LIES = [
  'twins',
  'silent',
  'late',
  'equivocate',
  'mutate',
  'garbage',
  'wrong-root',
  'bad-signature',
  'wrong-time',
  'withhold',
  'tall-tales',
  'spam',
  'forge',
  'fork-bomb',
  'far-future',
  'oversize',
  'censor',
  'wrong-clock',
  'gateway',
] as const

/** One of `LIES`. */
export type Lie = (typeof LIES)[number]

/** A fault at a time. Members by number. */
export type Fault = { readonly atMs: number } &
  /** The process ends at the `steps`-th thing it does after that; the disk keeps `keep` of the writes under way. */
  (
    | {
        readonly kind: 'crash'
        readonly member: number
        readonly steps: number
        readonly downMs: number
        readonly keep: number
        readonly stateLost: number
        /** It waits for whoever catches up next, and strikes there. */
        readonly inCatchUp?: true
      }
    | { readonly kind: 'crash-all'; readonly downMs: number; readonly keep: number }
    /** The machine comes back with an empty disk. */
    | { readonly kind: 'wipe'; readonly member: number; readonly downMs: number }
    /** The machine comes back with the disk as it was `ageMs` before. */
    | { readonly kind: 'old-disk'; readonly member: number; readonly ageMs: number; readonly downMs: number }
    /** From now on the disk says that it wrote and didn't; after `forMs` the machine crashes. */
    | { readonly kind: 'lying-sync'; readonly member: number; readonly forMs: number; readonly downMs: number }
    | { readonly kind: 'disk-full'; readonly member: number; readonly forMs: number }
    /** A stored block rots. */
    | { readonly kind: 'ledger-rot'; readonly member: number; readonly downMs: number }
    /** A page of the database rots. */
    | { readonly kind: 'state-rot'; readonly member: number; readonly downMs: number }
    | { readonly kind: 'clock-jump'; readonly member: number; readonly byMs: number }
    /** `side` is cut off from the rest: wholly, or for what comes in, or for what goes out. */
    | {
        readonly kind: 'split'
        readonly side: readonly number[]
        readonly way: 'both' | 'in' | 'out'
        readonly forMs: number
      }
    | { readonly kind: 'flap'; readonly side: readonly number[]; readonly periodMs: number; readonly forMs: number }
    /** Everything from and to this member takes so much longer. */
    | { readonly kind: 'gray'; readonly member: number; readonly slowerMs: number; readonly forMs: number }
    /** Nothing moves on one directed link, and nothing is lost. */
    | { readonly kind: 'clog'; readonly from: number; readonly to: number; readonly forMs: number }
    /** Every connection of the member breaks: what is under way is lost, and all greet again. */
    | { readonly kind: 'reset'; readonly member: number }
  )

/** Everything that a run is made of. */
export interface Plan {
  readonly version: 1
  readonly seed: number
  readonly members: number
  /** How long faults come; the demand for liveness follows. */
  readonly durationMs: number
  readonly executor: 'model' | 'sqlite'
  readonly signing: Signing
  readonly weather: Weather
  readonly speed: Speed
  readonly load: Load
  readonly clocks: readonly ClockManners[]
  readonly liars: readonly { readonly member: number; readonly lie: Lie }[]
  readonly faults: readonly Fault[]
  /** Seats of a committee, and blocks of a view. Plans from before views rotated have none: everybody sits, for ever. */
  readonly rotation?: { readonly seats: number; readonly viewBlocks: number }
}

/** Seats of the plan's committees. */
export function seatsOf({ rotation, members }: Plan): number {
  return rotation?.seats ?? members
}

/** Faults after which a member may contradict what it signed: the failure model counts it among the faulty. */
export const FORGETTING: ReadonlySet<Fault['kind']> = new Set(['wipe', 'old-disk', 'lying-sync', 'ledger-rot'])

/** The members that the failure model calls faulty. */
export function faultyOf(plan: Plan): ReadonlySet<number> {
  const faulty = new Set(plan.liars.map((liar) => liar.member))
  for (const fault of plan.faults) if ('member' in fault && FORGETTING.has(fault.kind)) faulty.add(fault.member)
  return faulty
}

/** Most that may be faulty of so many seats. */
export function faultyMax(members: number): number {
  return Math.floor((members - 1) / 3)
}
