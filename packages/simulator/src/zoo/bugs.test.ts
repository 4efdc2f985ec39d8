// Goal: a planted bug is one that the sources still have the place for. Whether it is found, `npm run sim:zoo` tells.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BUGS, planted } from './bugs.ts'

test.each(BUGS.map((bug) => [bug.name, bug] as const))('%s can be planted', (_name, bug) => {
  const source = readFileSync(new URL(`../../../../${bug.file}`, import.meta.url), 'utf8')
  expect(planted(bug, source)).not.toBe(source)
})

test('there are at least 25, each under a name of its own', () => {
  expect(new Set(BUGS.map((bug) => bug.name)).size).toBe(BUGS.length)
  expect(BUGS.length).toBeGreaterThanOrEqual(25)
})
