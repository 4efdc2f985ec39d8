// `npm run bench:stm`: transactions against Effect's and against promises with a mutex. All systems take turns, so that what
// else the machine does hits all alike; figures are medians of the rounds, the ratio is between medians.

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Program } from './cases.ts'
import { CASES } from './cases.ts'
import { benchThreads } from './threads.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } })
const rounds = Number(values.rounds)

const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? NaN

/** Runs a second. */
async function rate(program: Program, times: number): Promise<number> {
  const began = performance.now()
  await program(times)
  return (times * 1000) / (performance.now() - began)
}

/** The median rate of each program, after one round that doesn't count. */
async function medians(programs: Readonly<Record<string, Program>>, times: number): Promise<Map<string, number>> {
  const rates = new Map(Object.keys(programs).map((name): [string, number[]] => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, program] of Object.entries(programs)) {
      const figure = await rate(program, times)
      if (round > 0) rates.get(name)?.push(figure)
    }
  }
  return new Map([...rates].map(([name, figures]) => [name, median(figures)]))
}

const thousands = (figure: number): string => `${Math.round(figure / 1000)} k/s`.padStart(11)

console.log(
  `machine: ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}; effect 4.1.0`,
)
for (const { name, unit, times, systems } of CASES) {
  const figures = await medians({ ...systems }, times)
  const effect = figures.get('effect') ?? NaN
  console.log(`${name} (${unit})`)
  for (const [system, figure] of figures) {
    const ratio = system === 'effect' ? '' : `   ${(figure / effect).toFixed(1)} x effect`
    console.log(
      `  ${system.padEnd(15)} ${thousands(figure)}   ${(1e6 / figure).toFixed(2).padStart(7)} µs each${ratio}`,
    )
  }
}
console.log('one update of a shared number, in threads (transactions of all together)')
for (const [threads, isShared] of [
  [1, false],
  [2, false],
  [2, true],
] as const) {
  const figures: number[] = []
  for (let round = 0; round < rounds; round += 1) figures.push(await benchThreads(threads, isShared))
  const which =
    threads === 1 ? 'one thread' : isShared ? `${threads} threads, one variable` : `${threads} threads, each its own`
  console.log(`  ${which.padEnd(24)} ${thousands(median(figures))}`)
}
