// Goal: on real processes, disks and sockets, whatever is promised holds under every kind of fault. Method: a tour of every
// kind, drawn from one seed; `npm run chaos -- --seed N` draws others. What this host can't do is skipped, in words, and counted.

import { expect, test } from 'vitest'
import { surveyHost } from './host.ts'
import { drawShape, drawTour, KINDS } from './plan.ts'
import { printReport, runChaos } from './run.ts'

const MEMBERS = 4
const SEED = 717_360
/** A machine that is much too busy gets fewer episodes, not a verdict. */
const LENGTH_MS = 130_000

test('a tour of all faults leaves nothing lost, doubled, torn or untold', { timeout: 600_000 }, async () => {
  const shape = drawShape(SEED, MEMBERS)
  const lines: string[] = [`seed ${SEED}`]
  const report = await runChaos({
    seed: SEED,
    shape,
    host: surveyHost(),
    episodes: drawTour(SEED, shape, Object.keys(KINDS)),
    lengthMs: LENGTH_MS,
    say: (line) => lines.push(line),
  })
  lines.push(...printReport(SEED, report))
  process.stdout.write(`${lines.join('\n')}\n`)
  expect(report.violations).toEqual([])
  expect(report.struck.size).toBeGreaterThan(0)
  expect(report.writes).toBeGreaterThan(30)
  expect(report.reads).toBeGreaterThan(5)
})
