// The checks of every change: tidy, format, lint, types, unit tests. Run: npm run check. Independent steps run at the same
// time; each tells in one line how long it took, and shows its output only if it failed. Ends with `N passed, N
// failed`, tests and other steps together. With --cluster it also runs the simulations, and the tests on clusters of
// real processes, in peace and in chaos: that is npm test.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { report, runStep, testsIn } from './step.ts'
import type { Step, StepResult } from './step.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const bin = (name: string): string => `${ROOT}node_modules/.bin/${name}`
const vitest = (project: string): Step => ({
  name: project,
  command: process.execPath,
  args: [`${ROOT}node_modules/vitest/vitest.mjs`, 'run', '--project', project, '--passWithNoTests'],
})

const TIDY: Step = { name: 'tidy', command: process.execPath, args: ['scripts/tidy.ts'] }
const FORMAT: Step = { name: 'format', command: bin('oxfmt'), args: ['--check'] }
const LINT: Step = { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings'] }
const TYPES: Step = { name: 'types', command: bin('tsc'), args: ['-p', 'tsconfig.json'] }
const CORES: Step = { name: 'types-cores', command: bin('tsc'), args: ['-p', 'tsconfig.cores.json'] }
const simulate = (name: string, file: string, ...flags: readonly string[]): Step => ({
  name,
  command: process.execPath,
  args: ['--conditions=source', `${ROOT}packages/simulator/src/${file}`, ...flags],
})
const SIMULATIONS: readonly Step[] = [
  simulate('sim', 'ci.ts'),
  simulate('sim-twins', 'twins/main.ts', '--steps', '3'),
  simulate('sim-zoo', 'zoo/zoo.ts'),
]

/** Runs `steps`, at most `atOnce` at a time, and reports each as it ends. */
async function runAll(steps: readonly Step[], atOnce: number): Promise<readonly StepResult[]> {
  const waiting = [...steps]
  const results: StepResult[] = []
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const result = await runStep(step, ROOT)
      report(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

const results = [...(await runAll([TIDY, FORMAT, LINT, TYPES, CORES], Math.min(availableParallelism(), 4)))]
// Tests use every core themselves, and clusters must not share the machine with anything.
results.push(...(await runAll([vitest('unit')], 1)))
if (process.argv.includes('--cluster'))
  results.push(...(await runAll([...SIMULATIONS, vitest('cluster'), vitest('chaos')], 1)))

let passed = 0
let failed = 0
for (const { ok, output } of results) {
  const tests = testsIn(output)
  passed += tests?.passed ?? (ok ? 1 : 0)
  // A run that failed without a failing test, as when a file can't be loaded, is a failure too.
  failed += ok ? (tests?.failed ?? 0) : Math.max(tests?.failed ?? 0, 1)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
