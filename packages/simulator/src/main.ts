// The command line of the simulator: `npm run sim -- --seed 7`. Saved failures run first, then seeds, each to its end; the first that
// fails is told with its picture, made smaller, and printed as a plan that can be saved under testdata.

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Profile, Wishes } from './draw.ts'
import { drawPlan, KINDS, PROFILES } from './draw.ts'
import { printHistory } from './history/history.ts'
import type { Plan } from './plan.ts'
import { LIES } from './plan.ts'
import type { Result } from './run.ts'
import { run } from './run.ts'
import { savedPlans } from './saved.ts'
import { shrink } from './shrink.ts'
import { tour } from './tour.ts'
import type { Verb } from './verbs.ts'
import { addTable, markdownOf, missingIn } from './verbs.ts'

const HELP = `usage: npm run sim -- [options]
  --seed N          the first seed (1)
  --seeds COUNT     how many seeds (1)
  --until-failure   go on until one fails
  --profile P       ${PROFILES.join(' | ')} (swarm)
  --members M       how many members, 1 to 128
  --seconds S       virtual seconds with faults
  --lie NAME        every member that may lie tells this lie: ${LIES.join(' | ')}
  --faults KINDS    only faults of these kinds, by commas: ${KINDS.join(' | ')}; "" for none
  --sql             run the real SQL engine in every seed
  --plan FILE       run a plan, or a saved failure, instead of seeds
  --saved           run the saved failures too, first
  --history FILE    write what clients of registers saw in the last run, as JSON lines
  --table FILE      run the tour instead of seeds, and write how often which verb was called in which trouble
  --no-shrink       do not make a failing plan smaller
  --digest          print, last, one digest of the whole run
`

/** Runs that making a plan smaller may take. */
const SHRINK_RUNS_MAX = 150
/** Every so manieth seed runs twice, which must give one digest. */
const TWICE_EVERY = 100

/** One of `all`, as the option's text says. */
function oneOf<T extends string>(text: string, name: string, all: readonly T[]): T {
  const found = all.find((each) => each === text)
  if (found !== undefined) return found
  console.error(`--${name}: found "${text}", wanted ${all.join(', ')}`)
  process.exit(2)
}

function wholeNumber(text: string | undefined, name: string, from: number, to: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value
  console.error(`--${name}: found "${text}", wanted a whole number from ${from} to ${to}`)
  process.exit(2)
}

function wordsOf({ plan, violation, beyondModel, ...result }: Result): string {
  const { members, liars, faults, executor, signing } = plan
  const what =
    violation === undefined
      ? beyondModel === undefined
        ? 'ok  '
        : 'ok, beyond the model'
      : `FAILED ${violation.invariant}${beyondModel === undefined ? '' : ' (beyond the model)'}`
  const speed = `${(result.virtualMs / 1000).toFixed(0)} s, ${result.events} events`
  const rest = [
    `${members} members`,
    executor,
    ...(signing === 'ed25519' ? [signing] : []),
    `${faults.length} faults`,
    ...liars.map(({ member, lie }) => `m${member} ${lie}`),
  ]
  return `seed ${plan.seed}: ${what} ${speed}, ${result.heights} blocks, ${result.transactions} tx; ${rest.join(', ')}`
}

function tellFailure({ plan, violation, picture }: Result): void {
  console.log(picture.join('\n'))
  console.log(
    `seed ${plan.seed}: ${violation?.invariant} at ${((violation?.atMs ?? 0) / 1000).toFixed(3)} s: ${violation?.message}`,
  )
}

async function makeSmaller(result: Result): Promise<void> {
  const smaller = await shrink(result, {
    runsMax: SHRINK_RUNS_MAX,
    onStep: ({ faults, liars, durationMs }) =>
      console.log(`smaller: ${faults.length} faults, ${liars.length} liars, ${(durationMs / 1000).toFixed(1)} s`),
  })
  tellFailure(smaller)
  console.log(JSON.stringify({ found: smaller.violation?.message.split('\n')[0], plan: smaller.plan }))
}

function* plans(seed: number, count: number, wishes: Wishes): Generator<Plan> {
  for (let at = seed; at < seed + count; at += 1) yield drawPlan(at, wishes)
}

function planIn(path: string): Plan {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Plan | { readonly plan: Plan }
  return 'plan' in value ? value.plan : value
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      'until-failure': { type: 'boolean', default: false },
      profile: { type: 'string', default: 'swarm' },
      members: { type: 'string' },
      seconds: { type: 'string' },
      lie: { type: 'string' },
      faults: { type: 'string' },
      sql: { type: 'boolean', default: false },
      plan: { type: 'string' },
      saved: { type: 'boolean', default: false },
      history: { type: 'string' },
      table: { type: 'string' },
      'no-shrink': { type: 'boolean', default: false },
      digest: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const profile = oneOf(values.profile, 'profile', PROFILES)
  const seed = wholeNumber(values.seed, 'seed', 0, Number.MAX_SAFE_INTEGER) ?? 1
  const count = values['until-failure'] ? Infinity : (wholeNumber(values.seeds, 'seeds', 1, 1e9) ?? 1)
  const seeds = plans(seed, count, wishesOf(values, profile))
  const chosen = values.table !== undefined ? tour() : values.plan === undefined ? seeds : [planIn(values.plan)]
  const saved = values.saved ? savedPlans().map((each) => each.plan) : []
  const met = new Map<string, Map<Verb, number>>()
  const onResult = ({ verbs, history }: Result): void => {
    addTable(met, verbs)
    if (values.history !== undefined) writeFileSync(values.history, printHistory(history))
  }
  const code = await runAll([...saved], chosen, {
    isShrinking: !values['no-shrink'],
    isDigest: values.digest,
    onResult,
  })
  if (values.table === undefined || code !== 0) return code
  writeFileSync(values.table, markdownOf(met))
  for (const missing of missingIn(met)) console.error(`never: ${missing}`)
  return missingIn(met).length === 0 ? 0 : 1
}

function wishesOf(
  values: { [K in 'members' | 'seconds' | 'lie' | 'faults']?: string | undefined } & { sql: boolean },
  profile: Profile,
): Wishes {
  const faults = values.faults?.split(',').filter((kind) => kind !== '')
  const members = wholeNumber(values.members, 'members', 1, 128)
  const seconds = wholeNumber(values.seconds, 'seconds', 1, 1e6)
  return {
    profile,
    ...(members === undefined ? {} : { members }),
    ...(seconds === undefined ? {} : { durationMs: seconds * 1000 }),
    ...(values.lie === undefined ? {} : { lie: oneOf(values.lie, 'lie', LIES) }),
    ...(faults === undefined ? {} : { faults: faults.map((kind) => oneOf(kind, 'faults', KINDS)) }),
    ...(values.sql ? { executor: 'sqlite' } : {}),
  }
}

async function runAll(
  first: readonly Plan[],
  rest: Iterable<Plan>,
  how: { readonly isShrinking: boolean; readonly isDigest: boolean; readonly onResult: (result: Result) => void },
): Promise<number> {
  let virtualMs = 0
  let count = 0
  let digest = ''
  const cpuBefore = process.cpuUsage()
  for (const plan of (function* () {
    yield* first
    yield* rest
  })()) {
    const result = await run(plan)
    count += 1
    virtualMs += result.virtualMs
    digest = result.digest
    console.log(wordsOf(result))
    how.onResult(result)
    if (result.violation !== undefined) {
      tellFailure(result)
      if (how.isShrinking) await makeSmaller(result)
      if (how.isDigest) console.log(digest)
      return 1
    }
    if (count % TWICE_EVERY === 0 && (await run(plan)).digest !== digest) {
      console.log(`seed ${plan.seed}: FAILED determinism: two runs gave two digests`)
      return 1
    }
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  const minutes = (user + system) / 60_000_000
  console.log(
    `${count} runs, ${(virtualMs / 1000).toFixed(0)} virtual s, ${(virtualMs / 3_600_000 / minutes).toFixed(2)} virtual hours a CPU minute`,
  )
  if (how.isDigest) console.log(digest)
  return 0
}

process.exitCode = await main()
