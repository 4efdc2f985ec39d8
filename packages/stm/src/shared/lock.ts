import { StmError } from '../errors.ts'
import { AT } from './words.ts'

/** So often the lock is looked at before its thread sleeps: commits take microseconds. */
const SPINS = 200

/** Takes the commit lock for heap `me`. Throws `LOCK_HELD` if another has it for longer than `msMax`. */
export function lock(words: Int32Array, me: number, msMax: number): void {
  for (let i = 0; i < SPINS; i += 1) if (Atomics.compareExchange(words, AT.lock, 0, me) === 0) return
  const began = performance.now()
  Atomics.add(words, AT.lockWaiters, 1)
  try {
    for (;;) {
      const holder = Atomics.compareExchange(words, AT.lock, 0, me)
      if (holder === 0) return
      const leftMs = began + msMax - performance.now()
      if (leftMs <= 0) {
        throw new StmError('LOCK_HELD', `heap ${holder} has held the lock for ${msMax} ms, and heap ${me} waits`)
      }
      Atomics.wait(words, AT.lock, holder, leftMs)
    }
  } finally {
    Atomics.sub(words, AT.lockWaiters, 1)
  }
}

export function unlock(words: Int32Array): void {
  Atomics.store(words, AT.lock, 0)
  if (Atomics.load(words, AT.lockWaiters) > 0) Atomics.notify(words, AT.lock, 1)
}
