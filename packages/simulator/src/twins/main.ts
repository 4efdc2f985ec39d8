// `npm run sim:twins -- --steps 3`: every schedule of four members with one twin, for so many steps.

import { parseArgs } from 'node:util'
import { scheduleCount, tryTwins } from './enumerate.ts'

/** Schedules between two lines of progress. */
const PORTION = 1024

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '3' }, members: { type: 'string', default: '4' } },
})
const [members, steps] = [Number(values.members), Number(values.steps)]
const all = scheduleCount(members, steps)
let named = 0
for (let from = 0; from < all; from += PORTION) {
  const tried = tryTwins({ members, steps, from, to: Math.min(all, from + PORTION) })
  named += tried.named
  if (tried.trouble !== undefined) {
    const { schedule, trouble } = tried.trouble
    console.log(`FAILED schedule ${schedule.join(' ')}: ${trouble.kind}: ${trouble.message}`)
    process.exit(1)
  }
  console.log(`${Math.min(all, from + PORTION)} of ${all} schedules`)
}
console.log(
  `${all} schedules of ${members} members with one twin, ${steps} steps: one order; the twin named in ${named}`,
)
