// All schedules of a small committee with a twin: a partition in two for each of the first steps, then everybody together again.

import type { Sides, Trouble } from './lockstep.ts'
import { Lockstep } from './lockstep.ts'

/** Steps in which all are together at the end: enough for whatever was begun to be decided, and the twin to be seen. */
const HEALED_STEPS = 10

/** What trying all schedules gave. */
export interface Tried {
  readonly schedules: number
  /** Schedules after which the twin had forked and was named by all. */
  readonly named: number
  readonly trouble: { readonly schedule: readonly Sides[]; readonly trouble: NonNullable<Trouble> } | undefined
}

/** Runs one schedule. */
export function runSchedule(
  members: number,
  schedule: readonly Sides[],
): { readonly trouble: Trouble; readonly forked: boolean } {
  const lockstep = new Lockstep(members)
  for (const sides of schedule) {
    lockstep.step(sides)
    const trouble = lockstep.trouble(true)
    if (trouble !== undefined) return { trouble, forked: false }
  }
  for (let step = 0; step < HEALED_STEPS; step += 1) lockstep.step(0)
  return {
    trouble: lockstep.trouble(false),
    forked: lockstep.copies.slice(0, -2).some((copy) => copy.forkers.size > 0),
  }
}

/** The schedule of this number, in the order of all: a digit in base 2^members for each step. Which side is called 1 is the same. */
function scheduleAt(number: number, members: number, steps: number): readonly Sides[] {
  const base = 2 ** members
  return Array.from({ length: steps }, (_, step) => Math.floor(number / base ** step) % base)
}

/** How many schedules there are. */
export function scheduleCount(members: number, steps: number): number {
  return 2 ** (members * steps)
}

/** Tries the schedules `from` to `to`, the latter not included, and stops at the first trouble. */
export function tryTwins(options: {
  readonly members: number
  readonly steps: number
  readonly from: number
  readonly to: number
}): Tried {
  const { members, steps, from, to } = options
  let named = 0
  for (let number = from; number < to; number += 1) {
    // The last copy stays on side 0, so the sides of the other `members` copies make all partitions.
    const schedule = scheduleAt(number, members, steps)
    const { trouble, forked } = runSchedule(members, schedule)
    if (forked) named += 1
    if (trouble !== undefined) return { schedules: number + 1 - from, named, trouble: { schedule, trouble } }
  }
  return { schedules: to - from, named, trouble: undefined }
}
