// `npm run sim:soak -- --minutes M`: fresh seeds from the time of day, printed, until the time is over or one fails.

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Job } from './campaign.ts'
import { campaign, jobOf, lastLine, tellFailed } from './campaign.ts'
import { drawPlan, PROFILES } from './draw.ts'

function* jobs(first: number, endMs: number): Generator<Job> {
  for (let number = 0; Date.now() < endMs; number += 1) {
    // The seed says the profile, so that one number is enough to tell.
    const seed = first + number
    const profile = PROFILES[seed % PROFILES.length] ?? 'swarm'
    yield jobOf(number, `npm run sim -- --seed ${seed} --profile ${profile}`, drawPlan(seed, { profile }))
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } })
  const minutes = Number(values.minutes)
  const first = values.seed === undefined ? Date.now() : Number(values.seed)
  if (!(minutes > 0) || !Number.isSafeInteger(first)) {
    console.error(`--minutes: found "${values.minutes}", wanted a number above 0; --seed: found "${values.seed}"`)
    return 2
  }
  console.log(`seeds from ${first}`)
  const result = await campaign(jobs(first, Date.now() + minutes * 60_000), availableParallelism())
  if (result.failed !== undefined) tellFailed(result.failed)
  console.log(lastLine(result))
  return result.failed === undefined ? 0 : 1
}

process.exitCode = await main()
