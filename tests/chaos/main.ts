// Real replica processes under a seeded schedule of real faults. Run: npm run chaos -- [--seed N] [--minutes M] [--members N]
// [--kinds a,b,...]. Without --minutes it is one tour: every kind once. The seed decides faults, order and durations; what the
// processes make of it, no seed decides. Some kinds take Linux and root; what is left out is said. Exits with 1 if anything was
// wrong.

import { parseArgs } from 'node:util'
import { surveyHost } from './host.ts'
import { drawEpisodes, drawShape, drawTour, KINDS } from './plan.ts'
import { printReport, runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    members: { type: 'string', default: '4' },
    kinds: { type: 'string' },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
const kinds = values.kinds?.split(',') ?? Object.keys(KINDS)
const shape = drawShape(seed, Number(values.members))
const say = (line: string): void => console.log(line)

say(`seed ${seed}`)
const report = await runChaos({
  seed,
  shape,
  host: surveyHost(),
  episodes: minutes === undefined ? drawTour(seed, shape, kinds) : drawEpisodes(seed, shape, kinds),
  lengthMs: (minutes ?? 60) * 60_000,
  say,
})
for (const line of printReport(seed, report)) say(line)
process.exitCode = report.violations.length > 0 ? 1 : 0
