// Goal: a variable gives the value of a snapshot whole, or says that it is gone. Method: versions are published at random and
// read at every snapshot; and, as another thread might, between choosing a version and copying it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HEADER_WORDS, initVariable, newestVersion, publish, readValue, variableWords, VERSIONS } from './words.ts'
import type { Value } from './words.ts'

const CAPACITY = 4

/** A value all of whose words are `version`. */
const valueOf = (version: number): Value => ({
  source: new Int32Array(CAPACITY).fill(version),
  from: 0,
  bytes: CAPACITY * 4,
})

function newVariable(): Int32Array {
  const words = new Int32Array(new SharedArrayBuffer((HEADER_WORDS + variableWords(CAPACITY)) * 4))
  initVariable(words, HEADER_WORDS, CAPACITY, valueOf(0))
  return words
}

test('a snapshot reads the last version before it, while that is one of the newest few', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 33 }), { maxLength: 12 }), (steps) => {
      const words = newVariable()
      const published = [0]
      for (const step of steps) {
        const version = (published.at(-1) ?? 0) + step
        published.push(version)
        publish(words, HEADER_WORDS, version, valueOf(version | 0))
        expect(newestVersion(words, HEADER_WORDS)).toBe(version)
      }
      for (const snapshot of published.flatMap((version) => [version - 1, version, version + 1])) {
        const wanted = published.filter((version) => version <= snapshot).at(-1)
        const isKept = wanted !== undefined && published.slice(-VERSIONS).includes(wanted)
        const target = new Int32Array(CAPACITY)
        const bytes = readValue(words, HEADER_WORDS, snapshot, () => target)
        expect(bytes).toBe(isKept ? CAPACITY * 4 : -1)
        if (isKept) expect([...target]).toEqual(Array.from({ length: CAPACITY }, () => wanted | 0))
      }
    }),
    { numRuns: 200 },
  )
})

test('a version that is overwritten before it is copied is gone', () => {
  for (let commits = 0; commits <= VERSIONS; commits += 1) {
    const words = newVariable()
    const target = new Int32Array(CAPACITY)
    const bytes = readValue(words, HEADER_WORDS, 0, () => {
      for (let version = 1; version <= commits; version += 1) publish(words, HEADER_WORDS, version, valueOf(version))
      return target
    })
    expect(bytes).toBe(commits < VERSIONS ? CAPACITY * 4 : -1)
    if (commits < VERSIONS) expect([...target]).toEqual([0, 0, 0, 0])
  }
})
