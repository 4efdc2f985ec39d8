// Goal: a long work tells its rate and its end, seldom. Method: a clock that is set.

import { expect, test } from 'vitest'
import { Progress } from './progress.ts'

test('rate over the time since the last line, and what is left', () => {
  const lines: string[] = []
  let nowMs = 0
  const progress = new Progress(
    'restoring',
    100,
    (line) => lines.push(line),
    () => nowMs,
  )
  const at = (ms: number, height: number): void => {
    nowMs = ms
    progress.at(height, 10_000)
  }
  at(1000, 150)
  expect(lines).toEqual([])
  at(2000, 300)
  at(3000, 400)
  at(12_000, 1300)
  at(14_000, 1300)
  at(16_000, 10_000)
  expect(lines).toEqual([
    'restoring: height 300 of 10000, 100 blocks/s, 2 min left',
    'restoring: height 1300 of 10000, 100 blocks/s, 87 s left',
    'restoring: height 1300 of 10000, 0 blocks/s',
    'restoring: height 10000 of 10000, 4350 blocks/s',
  ])
})
