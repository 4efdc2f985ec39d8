// Goal: the README's example is the one that runs, and does what it says.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { tossTogether } from './testing/example.ts'
import { seedOf } from './testing/seats.ts'

test('the example tosses the same on every member', () => {
  let calls = 0
  const [first, ...others] = tossTogether(() => seedOf((calls += 1)))
  expect(first).toBeDefined()
  expect(others).toEqual([first, first, first])
})

test('the example in the README is that example', () => {
  const source = readFileSync(new URL('testing/example.ts', import.meta.url), 'utf8')
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(source.slice(source.indexOf('type Done')).trimEnd())
})
