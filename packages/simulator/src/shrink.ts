// A failing plan made smaller: as long as something can be taken out and the same invariant still breaks, it is. Faults first, in
// halves and then one by one (delta debugging, Zeller and Hildebrandt 2002), then liars, the weather's tricks, clients, time. The
// streams of random numbers have names, so what is taken out doesn't shift what the rest draws.

import type { Fault, Plan } from './plan.ts'
import type { Result } from './run.ts'
import { run } from './run.ts'

/** What shrinking may cost. */
export interface Budget {
  readonly runsMax: number
  /** Told of each smaller plan. */
  readonly onStep: (plan: Plan) => void
}

/** A plan that still breaks what `failed` broke, with as little in it as was found. */
export async function shrink(failed: Result, budget: Budget): Promise<Result> {
  const invariant = failed.violation?.invariant
  let best = failed
  let runs = 0
  const attempt = async (plan: Plan): Promise<boolean> => {
    if (runs >= budget.runsMax) return false
    runs += 1
    const result = await run(plan)
    if (invariant === undefined || result.violation?.invariant !== invariant) return false
    best = result
    budget.onStep(plan)
    return true
  }
  await cutTime(failed, attempt)
  await dropFaults(() => best.plan, attempt)
  for (const simpler of simplifications) {
    const plan = simpler(best.plan)
    if (plan !== undefined) await attempt(plan)
  }
  for (const liar of best.plan.liars)
    await attempt({ ...best.plan, liars: best.plan.liars.filter((each) => each !== liar) })
  return best
}

type Attempt = (plan: Plan) => Promise<boolean>

/** What comes long after the failure can go. Some time is left, since with less in the plan the same may come later. */
async function cutTime({ plan, violation }: Result, attempt: Attempt): Promise<void> {
  if (violation === undefined) return
  const durationMs = Math.ceil(violation.atMs * 1.5)
  if (durationMs >= plan.durationMs) return
  await attempt({ ...plan, durationMs, faults: plan.faults.filter((fault) => fault.atMs <= durationMs) })
}

async function dropFaults(now: () => Plan, attempt: Attempt): Promise<void> {
  for (let size = Math.ceil(now().faults.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < now().faults.length;) {
      const plan = now()
      const faults: readonly Fault[] = [...plan.faults.slice(0, at), ...plan.faults.slice(at + size)]
      if (!(await attempt({ ...plan, faults }))) at += size
    }
  }
}

/** Ways to make a plan plainer; undefined where it is already. */
const simplifications: readonly ((plan: Plan) => Plan | undefined)[] = [
  ({ weather, ...plan }) =>
    weather.adversary === undefined ? undefined : { ...plan, weather: { ...weather, adversary: undefined } },
  ({ weather, ...plan }) => (weather.replay === 0 ? undefined : { ...plan, weather: { ...weather, replay: 0 } }),
  ({ weather, ...plan }) => (weather.duplicate === 0 ? undefined : { ...plan, weather: { ...weather, duplicate: 0 } }),
  ({ weather, ...plan }) => (weather.reorder ? { ...plan, weather: { ...weather, reorder: false } } : undefined),
  ({ weather, ...plan }) => (weather.loss === 0 ? undefined : { ...plan, weather: { ...weather, loss: 0 } }),
  ({ clocks, ...plan }) => ({ ...plan, clocks: clocks.map(() => ({ skewMs: 0, driftPpm: 0 })) }),
  (plan) => (plan.executor === 'sqlite' ? { ...plan, executor: 'model' } : undefined),
  (plan) => (plan.signing === 'ed25519' ? { ...plan, signing: 'simulated' } : undefined),
  ({ load, ...plan }) => (load.clients === 1 ? undefined : { ...plan, load: { ...load, clients: 1 } }),
  ({ load, ...plan }) => (load.reads === 0 ? undefined : { ...plan, load: { ...load, reads: 0 } }),
  ({ load, ...plan }) => ((load.inquiries ?? 0) === 0 ? undefined : { ...plan, load: { ...load, inquiries: 0 } }),
  ({ load, ...plan }) => ((load.interactive ?? 0) === 0 ? undefined : { ...plan, load: { ...load, interactive: 0 } }),
  ({ load, ...plan }) => ((load.registers ?? 0) === 0 ? undefined : { ...plan, load: { ...load, registers: 0 } }),
]
