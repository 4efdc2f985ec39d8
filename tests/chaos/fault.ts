// What a fault is to the run: something drawn from the seed before anything starts, that strikes and is healed.

import type { Host } from './host.ts'
import type { Link } from './link.ts'
import type { Load } from './load.ts'
import type { Member } from './member.ts'
import type { Random } from './random.ts'

/** The cluster as the plan knows it before there is one. Members count from 1. */
export interface Shape {
  readonly members: readonly number[]
  /** Most members that may be faulty at once while the others go on. */
  readonly faultyMax: number
  /** The member whose disk is a small tmpfs. */
  readonly onTmpfs: number
}

/** The cluster as faults reach it. */
export interface World {
  readonly members: readonly Member[]
  readonly links: readonly Link[]
  readonly load: Load
  readonly genesisPath: string
  member(index: number): Member
  /** Says what happened; changes no verdict. */
  note(text: string): void
  /** Says what must not happen. */
  violate(rule: string, what: string): void
}

/** A fault with everything about it decided. */
export interface Fault {
  /** What will happen, for the printed plan. */
  readonly words: string
  /** Who doesn't count as honest and present meanwhile: if they are no more than may be faulty, the others must go on. */
  readonly victims: readonly number[]
  strike(world: World): Promise<void>
  heal(world: World): Promise<void>
}

/** A kind of fault. */
export interface FaultKind {
  /** What it needs of the host and isn't there. */
  lacks(host: Host): string | undefined
  draw(random: Random, shape: Shape): Fault
}

/** For kinds that work everywhere. */
export const lacksNothing = (): undefined => undefined

/** At least one and at most as many members as may be faulty. */
export function fewOf(random: Random, shape: Shape): readonly number[] {
  return random.some(shape.members, random.whole(1, shape.faultyMax)).toSorted((a, b) => a - b)
}
