// Loaded into a replica before its own code: the wall clock that it reads is off by what the file CHAOS_CLOCK_FILE says, in
// milliseconds. The system's clock can't be turned for one process, and the replica reads no other. Timers and
// performance.now(), which no setting of a clock moves, stay right.

import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const LOOK_EVERY_MS = 50

const path = process.env['CHAOS_CLOCK_FILE']
if (isMainThread && path !== undefined) {
  const now = Date.now.bind(Date)
  const look = (): number => Number(readFileSync(path, 'utf8'))
  let shiftMs = look()
  Date.now = () => now() + shiftMs
  setInterval(() => {
    shiftMs = look()
  }, LOOK_EVERY_MS).unref()
}
