// `npm run sim:ci`: every saved plan, then a fixed number of fresh seeds that follow from the commit, so that each change looks at new
// ones and anybody can look at the same again. Fails where a run fails, and where a state was never reached that must be.

import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import type { Job } from './campaign.ts'
import { campaign, jobOf, lastLine, tellFailed } from './campaign.ts'
import { missed } from './coverage.ts'
import type { Profile } from './draw.ts'
import { drawPlan } from './draw.ts'
import { LIES } from './plan.ts'
import { savedPlans } from './saved.ts'

const PROCESSES = 2
const SEEDS = '140'
const SECONDS = 30
/** Profiles of the fresh seeds, in turn; before them each lie gets one of its own. */
const TURN: readonly Profile[] = ['swarm', 'swarm', 'hell', 'swarm', 'wan', 'swarm', 'hell', 'swarm']

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
}

function* jobs(first: number, seeds: number): Generator<Job> {
  let number = 0
  for (const { name, plan } of savedPlans()) {
    yield jobOf(number, `npm run sim -- --plan packages/simulator/testdata/${name}`, plan)
    number += 1
  }
  const durationMs = SECONDS * 1000
  for (const [at, lie] of LIES.entries()) {
    const again = `npm run sim -- --seed ${first + at} --members 4 --lie ${lie} --seconds ${SECONDS}`
    yield jobOf(number, again, drawPlan(first + at, { profile: 'swarm', members: 4, lie, durationMs }))
    number += 1
  }
  for (let at = 0; at < seeds; at += 1) {
    const profile = TURN[at % TURN.length] ?? 'swarm'
    const again = `npm run sim -- --seed ${first + at} --profile ${profile} --seconds ${SECONDS}`
    yield jobOf(number, again, drawPlan(first + at, { profile, durationMs }))
    number += 1
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { commit: { type: 'string' }, seeds: { type: 'string', default: SEEDS } },
  })
  const id = values.commit ?? commit()
  const first = Number.parseInt(id.slice(0, 8), 16)
  const seeds = Number(values.seeds)
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(seeds) || seeds < 1) {
    console.error(`--commit: found "${id}", wanted hex digits; --seeds: found "${values.seeds}", wanted a whole number`)
    return 2
  }
  console.log(`commit ${id}: seeds ${first} to ${first + seeds - 1}`)
  const result = await campaign(jobs(first, seeds), PROCESSES)
  for (const [name, count] of [...result.rare].sort((a, b) => (a[0] < b[0] ? -1 : 1))) console.log(`${count} × ${name}`)
  if (result.failed !== undefined) tellFailed(result.failed)
  const holes = result.failed === undefined ? missed(result.rare) : []
  for (const hole of holes) console.log(`NEVER REACHED: ${hole}`)
  console.log(lastLine(result))
  return result.failed === undefined && holes.length === 0 ? 0 : 1
}

process.exitCode = await main()
