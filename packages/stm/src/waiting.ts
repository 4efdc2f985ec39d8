// Sleeping until a variable changes.
//
// A waiter stands at every variable that its attempt read, and leaves them all when it is woken or cancelled: what is no
// longer waited for keeps no trace. Between reading and standing there no other code of this thread runs, or the memory
// has checked that nothing read has changed since, so no change is missed. Whoever is woken runs in the next microtask,
// in the order in which they first began to wait; one that is woken in vain stands in its old place again. A newcomer
// may overtake: it runs when it is called.

import type { Waiter } from './memory.ts'

/** Where waiters stand: the ones of a variable; undefined when there are none. */
export interface WaitingPlace {
  waiters: Set<Waiter> | undefined
}

/** Who waits, and where. */
export class Waiting {
  readonly #standing = new Map<Waiter, readonly WaitingPlace[]>()
  #woken: Waiter[] = []

  /** How many waiters sleep: for tests of leaks. */
  get count(): number {
    return this.#standing.size
  }

  stand(waiter: Waiter, places: readonly WaitingPlace[]): void {
    this.#standing.set(waiter, places)
    for (const place of places) {
      place.waiters ??= new Set()
      place.waiters.add(waiter)
    }
  }

  /** True if it stood somewhere. */
  leave(waiter: Waiter): boolean {
    const places = this.#standing.get(waiter)
    if (places === undefined) return false
    this.#standing.delete(waiter)
    for (const place of places) {
      place.waiters?.delete(waiter)
      if (place.waiters?.size === 0) place.waiters = undefined
    }
    return true
  }

  /** Wakes everyone who stands at `place`. */
  wakeAll(place: WaitingPlace): void {
    for (const waiter of place.waiters ?? []) this.wake(waiter)
  }

  /** Wakes `waiter`, wherever it stands. */
  wake(waiter: Waiter): void {
    this.leave(waiter)
    if (this.#woken.push(waiter) === 1) queueMicrotask(() => this.#wakeInOrder())
  }

  /** Takes back a wake-up that has not been delivered. */
  cancel(waiter: Waiter): void {
    if (this.leave(waiter)) return
    const at = this.#woken.indexOf(waiter)
    // The microtask is on its way and will find one fewer.
    if (at >= 0) this.#woken.splice(at, 1, NOBODY)
  }

  #wakeInOrder(): void {
    const woken = this.#woken.sort((a, b) => a.order - b.order)
    this.#woken = []
    for (const waiter of woken) waiter.wake()
  }
}

const NOBODY: Waiter = { order: 0, wake: () => undefined }
