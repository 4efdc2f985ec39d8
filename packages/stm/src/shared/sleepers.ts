import { TIMEOUT_MS_MAX } from '../atomically.ts'
import type { Waiter } from '../memory.ts'
import { AT, newestVersion } from './words.ts'

interface Sleeper {
  readonly snapshot: number
  /** Where the variables are that it read. */
  readonly variables: readonly number[]
}

/**
 * This thread's transactions that wait for others' commits. One wait on the clock serves them all; while there is any, the
 * thread is kept alive, for only other threads know whether something will come.
 */
export class Sleepers {
  readonly #words: Int32Array
  readonly #sleepers = new Map<Waiter, Sleeper>()
  #isWaiting = false
  #keepAlive: NodeJS.Timeout | undefined

  constructor(words: Int32Array) {
    this.#words = words
  }

  /** How many sleep: for tests of leaks. */
  get count(): number {
    return this.#sleepers.size
  }

  add(waiter: Waiter, sleeper: Sleeper): void {
    this.#sleepers.set(waiter, sleeper)
    this.#keepAlive ??= setInterval(() => undefined, TIMEOUT_MS_MAX)
    if (!this.#isWaiting) this.#wait()
  }

  remove(waiter: Waiter): void {
    if (!this.#sleepers.delete(waiter) || this.#sleepers.size > 0) return
    this.#letDie()
    // Ends the wait on the clock, which would else last until somebody commits. The others look and sleep on.
    if (this.#isWaiting) Atomics.notify(this.#words, AT.clockLow)
  }

  #letDie(): void {
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
  }

  /**
   * Waits for the clock. A commit sets the clock and then looks for waiters; here the waiter is counted, the clock read,
   * and then the variables looked at. So whatever isn't seen here has yet to set the clock, and will end the wait.
   */
  #wait(): void {
    this.#isWaiting = true
    Atomics.add(this.#words, AT.clockWaiters, 1)
    const low = Atomics.load(this.#words, AT.clockLow)
    const wait = this.#changed().length > 0 ? undefined : Atomics.waitAsync(this.#words, AT.clockLow, low)
    if (wait?.async === true) void wait.value.then(() => this.#waited())
    else queueMicrotask(() => this.#waited())
  }

  #waited(): void {
    this.#isWaiting = false
    Atomics.sub(this.#words, AT.clockWaiters, 1)
    const woken = this.#changed().sort((a, b) => a.order - b.order)
    for (const waiter of woken) this.#sleepers.delete(waiter)
    if (this.#sleepers.size > 0) this.#wait()
    else this.#letDie()
    for (const waiter of woken) waiter.wake()
  }

  #changed(): Waiter[] {
    const changed: Waiter[] = []
    for (const [waiter, { snapshot, variables }] of this.#sleepers) {
      if (variables.some((at) => newestVersion(this.#words, at) > snapshot)) changed.push(waiter)
    }
    return changed
  }
}
