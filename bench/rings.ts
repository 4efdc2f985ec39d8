// Committees from rings: whether seats are dealt fairly, what a cut costs, and what choosing among view ids would be worth.
// `npm run bench:rings`; every figure but the times is the same on every machine.

import { Context } from '@quorate/membership'
import { cutFixedRings, fairnessOf, fixedRings } from '../packages/membership/src/testing/fairness.ts'
import { chanceAbove, seatChances, seatsExpected } from '../packages/membership/src/testing/grinding.ts'
import { members, viewAt } from '../packages/membership/src/testing/members.ts'

const SEATS = [4, 7, 13] as const
const MEMBERS = [5, 10, 20, 50, 100, 300, 1000] as const
/** Places of members on rings that one line may deal: bounds its time. */
const PLACES = 2_000_000

function fairness(seats: number, count: number): string {
  const context = new Context(members(count))
  const views = Math.min(20_000, Math.floor(PLACES / count / Math.ceil(seats / 4)))
  const beganMs = performance.now()
  const { least, most, chiSquare, degrees, excess } = fairnessOf(context.members, seats, views, (view) =>
    context.cut(viewAt(view), seats),
  )
  const us = ((performance.now() - beganMs) / views) * 1000
  return (
    `${seats} seats of ${count} members, ${views} views: least ${least.toFixed(3)}, most ${most.toFixed(3)} of the expected share; ` +
    `chi-square ${chiSquare.toFixed(1)} at ${degrees} (${excess.toFixed(1)} deviations); ${us.toFixed(0)} us a cut`
  )
}

/** The same count where members stand on rings that never change. */
function fixed(seats: number, count: number): string {
  const all = members(count)
  const rings = fixedRings(all, seats)
  const views = 5000
  const { least, most, chiSquare, degrees } = fairnessOf(all, seats, views, (view) =>
    cutFixedRings(rings, viewAt(view)),
  )
  return (
    `on fixed rings, ${seats} seats of ${count} members, ${views} views: least ${least.toFixed(3)}, most ${most.toFixed(3)}; ` +
    `chi-square ${chiSquare.toFixed(1)} at ${degrees}`
  )
}

/** A hand that holds one member of `one` in a thousand wants more than f seats. */
function grinding(seats: number, one: number): string {
  const held = Math.floor(999 / one)
  const chances = seatChances(1000, held, seats)
  const f = Math.floor((seats - 1) / 3)
  const texts = [1, 10, 100, 10_000, 1_000_000].map(
    (tries) =>
      `${tries} tries ${seatsExpected(chances, tries).toFixed(2)} (${chanceAbove(chances, f, tries).toPrecision(2)})`,
  )
  return `${held} of 1000 members, ${seats} seats, f = ${f}: seats held (chance of more than f): ${texts.join(', ')}`
}

for (const seats of SEATS)
  for (const count of MEMBERS.filter((each) => each > seats)) console.log(fairness(seats, count))
for (const count of [20, 1000]) console.log(fixed(4, count))
for (const one of [10, 5, 3]) for (const seats of [...SEATS, 31, 64, 128]) console.log(grinding(seats, one))
