// Goal: every live snapshot reads the values of its moment, and what none can read is not kept. Method: random commits, openings
// and closings, compared with a model that keeps all versions for ever.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Snapshot } from './history.ts'
import { History } from './history.ts'
import { newTVar } from './tvar.ts'

const VARIABLES = 3

interface Version {
  readonly version: number
  readonly until: number
  readonly value: string
}

test('the values of each live snapshot, and no others', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constantFrom('commit' as const), at: fc.nat(VARIABLES - 1) }),
    fc.record({ kind: fc.constantFrom('open' as const, 'close' as const), at: fc.nat(10) }),
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const history = new History()
      const variables = Array.from({ length: VARIABLES }, (_, i) => newTVar(`${i} at 0`))
      const now = variables.map((_, i) => ({ version: 0, value: `${i} at 0` }))
      const replaced: Version[][] = variables.map(() => [])
      const live: Snapshot[] = []
      let clock = 0
      for (const { kind, at } of operations) {
        const variable = variables[at]
        const current = now[at]
        if (kind === 'open') live.push(history.open(clock))
        if (kind === 'close') live.splice(at, 1).forEach((each) => history.close(each))
        if (kind === 'commit' && variable !== undefined && current !== undefined) {
          clock += 1
          if (history.youngest !== undefined) history.keep(variable, current.version, current.value)
          replaced[at]?.push({ ...current, until: clock })
          now[at] = { version: clock, value: `${at} at ${clock}` }
        }
        const isNeeded = ({ version, until }: Version): boolean =>
          live.some((each) => version <= each.at && each.at < until)
        const needed = replaced.map((versions) => versions.filter(isNeeded))
        expect(history.kept.values).toBe(needed.flat().length)
        expect(history.kept.snapshots).toBe(new Set(live.map((each) => each.at)).size)
        for (const snapshot of live) {
          needed.forEach((versions, i) => {
            const seen = versions.find(({ version, until }) => version <= snapshot.at && snapshot.at < until)
            const each = variables[i]
            if (seen !== undefined && each !== undefined)
              expect(history.find(each, snapshot.at)?.value).toBe(seen.value)
          })
        }
      }
    }),
    { numRuns: 500 },
  )
})
