import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assert } from '@quorate/kernel'
import type { Plan } from './plan.ts'

const FOLDER = fileURLToPath(new URL('../testdata', import.meta.url))

/** A plan that once failed, and what it broke. It is kept for ever, and must not fail again. */
export interface SavedPlan {
  readonly name: string
  /** What broke, and why, in a sentence. */
  readonly found: string
  readonly plan: Plan
}

/** Every plan that once failed. */
export function savedPlans(): readonly SavedPlan[] {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER) : []
  return names
    .filter((name) => name.endsWith('.json'))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => {
      const { found, plan } = JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as Omit<SavedPlan, 'name'>
      assert(plan.version === 1, `${name} has a plan of version ${plan.version}`)
      return { name, found, plan }
    })
}
