// From a seed to what will happen. The plan knows nothing of the host: a seed means the same everywhere, and what a host can't do
// is left out and said.

import type { Fault, FaultKind, Shape } from './fault.ts'
import { CLOCK_JUMP, CLOCK_SPREAD } from './faults/clocks.ts'
import { DISK_FULL, POWER_CUT_ALL, POWER_CUT_FEW } from './faults/disks.ts'
import { LINK_CUT, LINK_DELAY, LINK_FLIP, LINK_ONE_WAY, LINK_STALL } from './faults/links.ts'
import { PACKET_LOSS, THIN_CABLE } from './faults/packets.ts'
import { KILL_ALL, KILL_FEW, PAUSE_FEW, PAUSE_MANY } from './faults/processes.ts'
import {
  ROT_LEDGER_LOG,
  ROT_LEDGER_RUNNING,
  ROT_LEDGER_STOPPED,
  ROT_STATE_RUNNING,
  ROT_STATE_STOPPED,
} from './faults/rot.ts'
import { Random } from './random.ts'

/** Every kind of fault, by the name that it has in print. */
export const KINDS: Readonly<Record<string, FaultKind>> = {
  'kill-few': KILL_FEW,
  'kill-all': KILL_ALL,
  'pause-few': PAUSE_FEW,
  'pause-many': PAUSE_MANY,
  'link-delay': LINK_DELAY,
  'link-stall': LINK_STALL,
  'link-one-way': LINK_ONE_WAY,
  'link-cut': LINK_CUT,
  'link-flip': LINK_FLIP,
  'power-cut-few': POWER_CUT_FEW,
  'power-cut-all': POWER_CUT_ALL,
  'disk-full': DISK_FULL,
  'rot-ledger-stopped': ROT_LEDGER_STOPPED,
  'rot-ledger-running': ROT_LEDGER_RUNNING,
  'rot-ledger-log': ROT_LEDGER_LOG,
  'rot-state-stopped': ROT_STATE_STOPPED,
  'rot-state-running': ROT_STATE_RUNNING,
  'clock-jump': CLOCK_JUMP,
  'clock-spread': CLOCK_SPREAD,
  'packet-loss': PACKET_LOSS,
  'thin-cable': THIN_CABLE,
}

/** Kinds that touch links alone can happen beside any other. */
const isBeside = (kind: string): boolean => kind.startsWith('link-')

/** One drawn fault and its kind's name. */
export interface Drawn {
  readonly kind: string
  readonly fault: Fault
}

/** Faults that strike together, stay for a while, and are healed together. */
export interface Episode {
  readonly drawn: readonly Drawn[]
  readonly holdMs: number
  /** Quiet before the next one. */
  readonly restMs: number
}

/** The shape of a cluster of `members` members. */
export function drawShape(seed: number, members: number): Shape {
  const list = Array.from({ length: members }, (_, i) => i + 1)
  return {
    members: list,
    faultyMax: Math.floor((members - 1) / 3),
    onTmpfs: new Random(seed, 'shape').pick(list),
  }
}

function drawn(kind: string, seed: number, name: string, shape: Shape): Drawn {
  const found = KINDS[kind]
  if (found === undefined) throw new Error(`no kind of fault is called ${kind}`)
  return { kind, fault: found.draw(new Random(seed, name), shape) }
}

/** Each of `kinds` once, in an order that the seed decides; those of links beside others, to save time. */
export function drawTour(seed: number, shape: Shape, kinds: readonly string[]): readonly Episode[] {
  const random = new Random(seed, 'tour')
  const order = random.shuffled(kinds)
  const beside = order.filter(isBeside)
  const main = order.filter((kind) => !isBeside(kind))
  return [...main, ...beside.slice(main.length)].map((kind, i) => {
    const second = isBeside(kind) ? [] : beside.slice(i, Math.min(i + 1, main.length))
    return {
      drawn: [kind, ...second].map((each) => drawn(each, seed, `tour ${each}`, shape)),
      holdMs: random.whole(200, 1500),
      restMs: random.whole(0, 500),
    }
  })
}

/** Episodes without end, of one fault or two at once. */
export function* drawEpisodes(seed: number, shape: Shape, kinds: readonly string[]): Generator<Episode> {
  const random = new Random(seed, 'episodes')
  const beside = kinds.filter(isBeside)
  for (let number = 1; ; number += 1) {
    const kind = random.pick(kinds)
    const second = beside.length > 0 && !isBeside(kind) && random.chance(0.4) ? [random.pick(beside)] : []
    yield {
      drawn: [kind, ...second].map((each) => drawn(each, seed, `${number} ${each}`, shape)),
      holdMs: random.whole(100, 8000),
      restMs: random.whole(0, 3000),
    }
  }
}
