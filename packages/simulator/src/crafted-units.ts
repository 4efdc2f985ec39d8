// Lies that a liar's own core believes: the unit is changed before it is signed, so that what follows stands on it. The lies of
// `lies.ts` change what is sent instead, and contradict what the liar says later.

import type { ChoamEffect } from '@quorate/choam'
import { concatBytes } from '@quorate/kernel'
import type { Digest, Parent, Seat, UncheckedUnit, UnsignedUnit } from '@quorate/types'
import {
  decodePayload,
  decodeUnit,
  encodeItem,
  encodePayload,
  millis,
  round,
  seat,
  TRANSACTION_LIMITS,
  UNIT_PAYLOAD_BYTES_MAX,
} from '@quorate/types'
import type { SimNetwork } from './network.ts'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'

/** Bytes that an item with a long transaction takes beyond it: a tag, a length. */
const ITEM_HEAD_BYTES = 5
/** Units as long as may be that one process makes: each is on every disk, and in the memory of whoever runs this. */
export const GIANTS_MAX = 2
/** A giant takes at most so much of a link's time, or nothing else would ever arrive. */
const GIANT_MS_MAX = 1000

type Create = Extract<ChoamEffect, { readonly kind: 'create' }>

/** What a crafter has. */
export interface CraftTools {
  readonly network: SimNetwork
  readonly random: Random
  readonly replica: SimReplica
}

/** Makes what a liar's core wants to say into what it says. One for each process. */
export type Crafter = (unit: UnsignedUnit) => UnsignedUnit

/** Payload of noise, of exactly so many bytes where that can be. */
export function noisePayload(bytes: number, random: Random): Uint8Array {
  const items: Uint8Array[] = []
  for (let left = bytes - 1; left > ITEM_HEAD_BYTES;) {
    const size = Math.min(left - ITEM_HEAD_BYTES, TRANSACTION_LIMITS.bytesMax)
    const item = encodeItem({ kind: 'transaction', bytes: new Uint8Array(size).fill(random.whole(1, 255)) })
    items.push(item)
    left -= item.length
  }
  return encodePayload(items)
}

/** Adds to the own payload up to the limit of a unit, or of what the wires carry. */
function giant({ network, random }: CraftTools): Crafter {
  let left = GIANTS_MAX
  return (unit) => {
    if (unit.round < 2 || left === 0 || !random.chance(0.1)) return unit
    left -= 1
    const room = Math.min(UNIT_PAYLOAD_BYTES_MAX, network.bytesPerMs * GIANT_MS_MAX)
    const own = decodePayload(unit.payload)
    const items = own.ok ? own.value.map(encodeItem) : []
    const mine = concatBytes(items).length
    const filler = decodePayload(noisePayload(Math.floor(room) - mine - 4, random))
    const payload = encodePayload([...items, ...(filler.ok ? filler.value.map(encodeItem) : [])])
    return payload.length > UNIT_PAYLOAD_BYTES_MAX ? unit : { ...unit, payload }
  }
}

/** What the unit of that hash stands on, at one seat. */
function standsOn(tools: CraftTools, view: UnsignedUnit['view'], hash: Digest, at: Seat): Parent | undefined {
  const bytes = tools.replica.core?.unitsFor({ kind: 'units', view, hashes: [hash] })[0]
  const found = bytes === undefined ? undefined : decodeUnit(bytes)
  return found?.ok === true ? found.value.parents[at] : undefined
}

/**
 * Never stands directly on one member's units: on the one below where there is one, which no rule forbids. Now and then it forgets
 * the member altogether, for which others may shun it.
 */
function censor(tools: CraftTools): Crafter {
  return (unit) => {
    const victim = seat(unit.creator === 0 ? 1 : 0)
    const parent = unit.parents[victim]
    const committee = tools.replica.core?.committeeOf(unit.view)
    const direct = unit.parents.filter((each) => each?.round === unit.round - 1).length
    if (parent === undefined || parent.round < unit.round - 1 || direct <= (committee?.quorum ?? direct)) return unit
    const below = tools.random.chance(0.1) ? undefined : standsOn(tools, unit.view, parent.hash, victim)
    return { ...unit, parents: unit.parents.map((each, at) => (at === victim ? below : each)) }
  }
}

/** A clock that is wrong by the same years always: each unit is in order with the one before. */
function wrongClock({ random }: CraftTools): Crafter {
  const byMs = random.pick([-1e12, -86_400_000, 86_400_000, 1e12])
  return (unit) => ({ ...unit, timestampMs: millis(Math.max(0, unit.timestampMs + byMs)) })
}

/** Lies that are told by crafted units. */
export const CRAFTS = { oversize: giant, censor, 'wrong-clock': wrongClock } as const

/** Applies a crafter to what is about to be signed. */
export function crafted(effect: Create, crafter: Crafter): Create {
  return { ...effect, unit: crafter(effect.unit) }
}

/** A unit of a far round, right by itself: parents of the round below that nobody has. */
export function farUnit(unit: UncheckedUnit, random: Random, hashes: () => Digest): UnsignedUnit {
  const at = round(Math.min(0xffff_ffff, unit.round + random.pick([1, 2, 64, 128, 129, 10_000, 0xffff_ffff])))
  const parents = unit.parents.map((): Parent => ({ round: round(at - 1), hash: hashes() }))
  return { ...unit, round: at, parents }
}
