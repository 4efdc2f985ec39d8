import { setImmediate } from 'node:timers/promises'
import type { SessionClock } from '../session/client-session.ts'

/** A clock whose time passes when nothing else happens. */
export class JumpingClock implements SessionClock {
  #now = 0
  #alarms: { readonly atMs: number; readonly ring: () => void }[] = []

  nowMs(): number {
    return this.#now
  }

  after(ms: number, ring: () => void): () => void {
    const alarm = { atMs: this.#now + Math.max(0, ms), ring }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((each) => each !== alarm)
    }
  }

  get isIdle(): boolean {
    return this.#alarms.length === 0
  }

  /** Lets time pass until `promise` is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    void promise.finally(() => {
      isDone = true
    })
    for (let i = 0; i < 10_000; i += 1) {
      await setImmediate()
      if (isDone) return promise
      const [next] = this.#alarms.sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) continue
      this.#alarms.shift()
      this.#now = next.atMs
      next.ring()
    }
    throw new Error('nothing more happens')
  }
}
