// A process of a campaign: runs one plan after the other, as its parent sends them.

import type { Job, Outcome } from './campaign.ts'
import { run } from './run.ts'

async function outcomeOf({ plan, isTwice }: Job): Promise<Outcome> {
  const before = process.cpuUsage()
  const { violation, picture, digest, virtualMs, rare } = await run(plan)
  const again = isTwice ? (await run(plan)).digest : digest
  const { user, system } = process.cpuUsage(before)
  const differs = { invariant: 'determinism', message: `two runs gave ${digest} and ${again}`, atMs: virtualMs }
  return {
    violation: violation ?? (again === digest ? undefined : differs),
    picture: violation === undefined ? [] : picture,
    digest,
    virtualMs,
    cpuMs: (user + system) / 1000,
    rare: [...rare],
  }
}

process.on('message', (job) => {
  void outcomeOf(job as Job).then((outcome) => process.send?.(outcome))
})
