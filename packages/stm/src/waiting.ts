// Sleeping until a variable changes.
//
// A waiter stands at every variable that its attempt read, and leaves them all when it is woken or cancelled: what is no
// longer waited for keeps no trace. Between reading and standing there no other code of this thread runs, or the memory
// has checked that nothing read has changed since, so no change is missed. Whoever is woken runs in the next microtask,
// in the order in which they first began to wait; one that is woken in vain stands in its old place again. A newcomer
// may overtake: it runs when it is called.

import type { Waiter, WaitingPlace } from './memory.ts'

/** Who waits, and where. */
export class Waiting {
  #count = 0
  #woken: Waiter[] = []
  readonly #deliver = (): void => this.#wakeInOrder()

  /** How many waiters sleep: for tests of leaks. */
  get count(): number {
    return this.#count
  }

  /** Lets `waiter`, which stands nowhere, stand at `places`. */
  stand(waiter: Waiter, places: readonly WaitingPlace[]): void {
    waiter.places = places
    this.#count += 1
    for (const place of places) {
      if (place.waiters === undefined) place.waiters = new Set([waiter])
      else place.waiters.add(waiter)
    }
  }

  #leave(waiter: Waiter): void {
    const { places } = waiter
    if (places === undefined) return
    waiter.places = undefined
    this.#count -= 1
    for (const place of places) {
      if (place.waiters?.delete(waiter) === true && place.waiters.size === 0) place.waiters = undefined
    }
  }

  /** Wakes everyone who stands at `place`. */
  wakeAll(place: WaitingPlace): void {
    const { waiters } = place
    if (waiters === undefined) return
    place.waiters = undefined
    for (const waiter of waiters) this.wake(waiter)
  }

  /** Wakes `waiter`, wherever it stands. */
  wake(waiter: Waiter): void {
    this.#leave(waiter)
    if (this.#woken.push(waiter) === 1) queueMicrotask(this.#deliver)
  }

  /** `waiter` stands nowhere any more, and will not be woken. */
  cancel(waiter: Waiter): void {
    this.#leave(waiter)
    const at = this.#woken.indexOf(waiter)
    // The microtask is on its way and will find one fewer.
    if (at >= 0) this.#woken.splice(at, 1, NOBODY)
  }

  #wakeInOrder(): void {
    const woken = this.#woken
    this.#woken = []
    if (woken.length > 1) woken.sort((a, b) => a.order - b.order)
    for (const waiter of woken) waiter.wake()
  }
}

const NOBODY: Waiter = { order: 0, places: undefined, wake: () => undefined }
