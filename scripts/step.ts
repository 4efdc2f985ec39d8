// Runs commands as named steps: quiet while they go well, their whole output when they don't.

import { spawn } from 'node:child_process'

/** A command to run. */
export interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

/** How a step ended. */
export interface StepResult {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly output: string
}

/** Runs one step to its end, output kept. */
export function runStep(step: Step, cwd: string): Promise<StepResult> {
  const begin = performance.now()
  return new Promise((resolve) => {
    const child = spawn(step.command, step.args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const end = (ok: boolean): void => {
      resolve({ name: step.name, ok, seconds: (performance.now() - begin) / 1000, output })
    }
    child.on('error', (error) => {
      output += error.message
      end(false)
    })
    child.on('close', (code) => end(code === 0))
  })
}

/** What a step says even when all is well: what it skipped, and the seed of what it drew. */
const TOLD = /^(?:skipped: |seed \d+: |commit [0-9a-f]{40}: |\d+ (?:runs,|of \d+ planted)).*$/gm

/** One line about a step that ended; with what it printed, if it failed. */
export function report(result: StepResult): void {
  const { name, ok, seconds, output } = result
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s`)
  if (ok) for (const line of output.match(TOLD) ?? []) console.log(`  ${line}`)
  if (!ok) console.log(output.trimEnd().replace(/^/gm, '  '))
}

/** Tests passed and failed, read from vitest's summary; undefined where there is none. */
export function testsIn(output: string): { readonly passed: number; readonly failed: number } | undefined {
  const line = /^\s*Tests\s+(.*)$/m.exec(output)?.[1]
  if (line === undefined) return undefined
  const count = (word: string): number => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0)
  return { passed: count('passed'), failed: count('failed') }
}
