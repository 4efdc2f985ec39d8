// Plans and demands that tests share.

import { assert } from '@quorate/kernel'
import { drawPlan } from '../draw.ts'
import type { Plan } from '../plan.ts'
import type { Result } from '../run.ts'
import { run } from '../run.ts'

/** Four members in peace, but for what is said. */
export function quiet(parts: Partial<Plan>): Plan {
  return { ...drawPlan(1, { profile: 'lan', members: 4, durationMs: 12_000, executor: 'model' }), ...parts }
}

/** Runs a plan that must break nothing, and whose clients must all be answered. Throws the picture where not. */
export async function healthy(plan: Plan): Promise<Result> {
  const result = await run(plan)
  const { violation, picture, beyondModel, livenessMs, counts } = result
  const why = violation === undefined ? beyondModel : `${violation.invariant}: ${violation.message}`
  if (why !== undefined || livenessMs === undefined)
    throw new Error(`${picture.join('\n')}\nseed ${plan.seed}: ${why ?? 'no answer'}`)
  const { acked, givenUp, refused, writes } = counts
  assert(
    acked + givenUp + refused === writes,
    `${writes} writes, ${acked} acknowledged, ${givenUp} given up, ${refused} refused`,
  )
  return result
}

/** Runs a plan in which nobody is known to be faulty, so that whoever is must be found out. Gives the invariant that broke. */
export async function brokenBy(plan: Plan): Promise<string | undefined> {
  return (await run(plan, new Set())).violation?.invariant
}
