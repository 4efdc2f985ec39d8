// Goal: the README's example is the one that runs, and does what it says.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { orderTogether } from './testing/example.ts'
import { committeeOf } from './testing/network.ts'

test('the example orders the same on every member', () => {
  const [first, ...others] = orderTogether(committeeOf(4), ['a', 'b', 'c'])
  expect(first).toEqual(['0@0', '1@0', '2@0'])
  for (const other of others) expect(other).toEqual(first)
})

test('the example in the README is that example', () => {
  const source = readFileSync(new URL('testing/example.ts', import.meta.url), 'utf8')
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const body = source.slice(source.indexOf('export function')).trimEnd()
  expect(readme).toContain(body)
})
