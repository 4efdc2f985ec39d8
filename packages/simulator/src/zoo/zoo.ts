// `npm run sim:zoo`: plants each bug in a copy of the sources and lets the simulator look for it. Fails if one is not found within
// its seeds, or if a bug's line is no longer there.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Bug } from './bugs.ts'
import { BUGS, planted } from './bugs.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
/** A run of all seeds that finds nothing must end some time. */
const HUNT_MS_MAX = 300_000

/** What became of the hunt for one bug. */
interface Found {
  readonly bug: Bug
  readonly seed: number | undefined
  readonly invariant: string
  readonly seconds: number
}

/** A copy of the packages, with links to what they stand on. */
function copySources(into: string): void {
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    cpSync(join(ROOT, 'packages', name), join(into, 'packages', name), {
      recursive: true,
      filter: (path) => !/[/\\](node_modules|dist)$/.test(path),
    })
  }
  mkdirSync(join(into, 'node_modules', '@quorate'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@quorate') symlinkSync(join(ROOT, 'node_modules', name), join(into, 'node_modules', name))
  }
  for (const name of readdirSync(join(into, 'packages'))) {
    symlinkSync(join(into, 'packages', name), join(into, 'node_modules', '@quorate', name))
  }
}

function simulate(root: string, bug: Bug, first: number, seeds: number): Promise<Omit<Found, 'bug'>> {
  const began = performance.now()
  const main = join(root, 'packages/simulator/src/main.ts')
  const chosen = ['--seed', String(first), '--seeds', String(seeds), '--no-shrink', ...(bug.flags ?? [])]
  const args = ['--conditions=source', '--disable-warning=ExperimentalWarning', main, ...chosen]
  return new Promise((resolve) => {
    let text = ''
    const child = spawn(process.execPath, args, { cwd: root, timeout: HUNT_MS_MAX, killSignal: 'SIGKILL' })
    const keep = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('close', (code) => {
      const seconds = (performance.now() - began) / 1000
      const [, seed, invariant] = /seed (\d+): FAILED (\S+)/.exec(text) ?? []
      const isFound = code === 1 && seed !== undefined
      const last = text.trim().split('\n').at(-1) ?? ''
      resolve({ seed: isFound ? Number(seed) : undefined, invariant: isFound ? (invariant ?? '') : last, seconds })
    })
  })
}

async function hunt(bug: Bug, copy: string, seeds: number): Promise<Found> {
  const path = join(copy, bug.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, planted(bug, source))
  try {
    const quick = bug.caught === undefined ? undefined : await simulate(copy, bug, bug.caught, 1)
    return { bug, ...(quick?.seed === undefined ? await simulate(copy, bug, 1, seeds) : quick) }
  } finally {
    writeFileSync(path, source)
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '20' }, bug: { type: 'string' }, markdown: { type: 'string' } },
  })
  const bugs = BUGS.filter((bug) => values.bug === undefined || bug.name === values.bug)
  const waiting = [...bugs]
  const all: Found[] = []
  const worker = async (): Promise<void> => {
    const copy = mkdtempSync(join(tmpdir(), 'quorate-zoo-'))
    try {
      copySources(copy)
      for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
        const found = await hunt(bug, copy, Number(values.seeds))
        all.push(found)
        const how =
          found.seed === undefined ? `NOT FOUND (${found.invariant})` : `seed ${found.seed}: ${found.invariant}`
        console.log(`${bug.name.padEnd(26)} ${how}, ${found.seconds.toFixed(1)} s`)
      }
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), bugs.length) }, worker))
  const found = all.filter((each) => each.seed !== undefined).length
  if (values.markdown !== undefined) writeFileSync(values.markdown, table(all))
  console.log(`${found} of ${all.length} planted bugs found within ${values.seeds} seeds each`)
  return found === all.length ? 0 : 1
}

/** For docs/reliability.md. */
function table(all: readonly Found[]): string {
  const rows = BUGS.flatMap((bug) => {
    const found = all.find((each) => each.bug === bug)
    return found === undefined
      ? []
      : [`| ${bug.name} | ${bug.what} | ${found.seed ?? 'not found'} | ${found.invariant} |`]
  })
  return ['| planted | what it breaks | seed | found as |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

process.exitCode = await main()
