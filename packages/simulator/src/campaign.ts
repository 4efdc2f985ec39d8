// Many runs, in several processes. A job is a plan and how it is named; which process runs it changes nothing, so the digest of a
// campaign is a function of its jobs. Every so manieth plan runs twice.

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { sha256Of, utf8 } from '@quorate/kernel'
import type { Plan } from './plan.ts'
import type { Violation } from './world.ts'

/** Every so manieth plan runs twice, which must give one digest. */
const TWICE_EVERY = 100

/** One run to be made. */
export interface Job {
  readonly number: number
  /** The command line that runs it again. */
  readonly again: string
  readonly plan: Plan
  readonly isTwice: boolean
}

/** What became of it. */
export interface Outcome {
  readonly violation: Violation | undefined
  readonly picture: readonly string[]
  readonly digest: string
  readonly virtualMs: number
  readonly cpuMs: number
  readonly rare: readonly (readonly [string, number])[]
}

/** What became of all. */
export interface Campaign {
  readonly runs: number
  readonly virtualMs: number
  readonly cpuMs: number
  readonly digest: string
  readonly rare: ReadonlyMap<string, number>
  /** The job of the lowest number that failed, of those that were begun. */
  readonly failed: { readonly job: Job; readonly outcome: Outcome } | undefined
}

/** Makes a job of a plan. */
export function jobOf(number: number, again: string, plan: Plan): Job {
  return { number, again, plan, isTwice: number % TWICE_EVERY === TWICE_EVERY - 1 }
}

function startProcess(): ChildProcess {
  return fork(fileURLToPath(new URL('campaign-process.ts', import.meta.url)), {
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
  })
}

function ask(process: ChildProcess, job: Job): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`${job.again}: its process ended with ${code}`))
    process.once('exit', ended)
    process.once('message', (outcome) => {
      process.off('exit', ended)
      resolve(outcome as Outcome)
    })
    process.send(job)
  })
}

/** Runs jobs in `processes` processes until they end or one fails. */
export async function campaign(jobs: Iterator<Job>, processes: number): Promise<Campaign> {
  const done: { readonly job: Job; readonly outcome: Outcome }[] = []
  let isOver = false
  const worker = async (): Promise<void> => {
    const process = startProcess()
    try {
      for (let next = jobs.next(); next.done !== true && !isOver; next = jobs.next()) {
        const outcome = await ask(process, next.value)
        done.push({ job: next.value, outcome })
        if (outcome.violation !== undefined) isOver = true
      }
    } finally {
      isOver = true
      if (process.connected) process.disconnect()
    }
  }
  await Promise.all(Array.from({ length: processes }, worker))
  return summary(done.sort((a, b) => a.job.number - b.job.number))
}

function summary(done: readonly { readonly job: Job; readonly outcome: Outcome }[]): Campaign {
  const rare = new Map<string, number>()
  for (const { outcome } of done)
    for (const [name, count] of outcome.rare) rare.set(name, (rare.get(name) ?? 0) + count)
  const sum = (of: (outcome: Outcome) => number): number => done.reduce((total, { outcome }) => total + of(outcome), 0)
  return {
    runs: done.length,
    virtualMs: sum((outcome) => outcome.virtualMs),
    cpuMs: sum((outcome) => outcome.cpuMs),
    digest: sha256Of(done.map(({ outcome }) => utf8(outcome.digest))),
    rare,
    failed: done.find(({ outcome }) => outcome.violation !== undefined),
  }
}

/** Tells what failed, with its picture and the command that runs it again. */
export function tellFailed({ job, outcome }: NonNullable<Campaign['failed']>): void {
  const { violation, picture } = outcome
  console.log(picture.join('\n'))
  console.log(`${violation?.invariant} at ${((violation?.atMs ?? 0) / 1000).toFixed(3)} s: ${violation?.message}`)
  console.log(`again: ${job.again}`)
}

/** The last line of a campaign. */
export function lastLine({ runs, virtualMs, cpuMs, digest }: Campaign): string {
  const hours = virtualMs / 3_600_000
  const speed = (hours / (cpuMs / 60_000)).toFixed(2)
  return `${runs} runs, ${hours.toFixed(2)} virtual hours, ${speed} a CPU minute, ${digest}`
}
