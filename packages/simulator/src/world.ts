// Virtual time. Whatever happens is an appointment on one agenda; between two of them every promise that can go on does. The ports
// of a simulated replica answer with promises, as the real ones do, and those are settled by appointments only: so there is no
// timer, no thread and no clock whose order this could depend on, and the same seed gives the same run on every machine.
//
// The obvious way to let promises go on is to wait for a macrotask, which costs a microsecond and depends on Node's loop. Awaiting
// a fixed number of microtasks costs a third of that. Longer chains of promises than `TURNS` go on behind the next appointment, in
// an order that is as fixed.

import { sha256Of, utf8 } from '@quorate/kernel'
import { Agenda } from './agenda.ts'
import { Random } from './random.ts'

/** Microtasks between two appointments: more than the longest chain of promises behind one input. */
const TURNS = 12
const TURN = Promise.resolve()

/** What was promised and did not hold. */
export interface Violation {
  /** Stable name of the invariant, as SPEC.md lists it. */
  readonly invariant: string
  readonly message: string
  readonly atMs: number
}

export class World {
  readonly seed: number
  readonly #agenda = new Agenda()
  #nowMs = 0
  #low = 0x811c_9dc5
  #high = 0x0100_0193
  #events = 0
  #violation: Violation | undefined

  constructor(seed: number) {
    this.seed = seed
  }

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Appointments kept. */
  get events(): number {
    return this.#events
  }

  /** The first invariant that did not hold. */
  get violation(): Violation | undefined {
    return this.#violation
  }

  /** A stream of random numbers that is this name's alone. */
  random(name: string): Random {
    return new Random(this.seed, name)
  }

  after(delayMs: number, run: () => void | Promise<void>): void {
    this.#agenda.add(this.#nowMs + Math.max(0, delayMs), run)
  }

  at(atMs: number, run: () => void | Promise<void>): void {
    this.#agenda.add(Math.max(this.#nowMs, atMs), run)
  }

  /** Mixes what happened into the digest of the run. */
  stir(a: number, b = 0): void {
    this.#low = Math.imul(this.#low ^ a, 0x0100_0193) ^ (this.#high >>> 13)
    this.#high = Math.imul(this.#high ^ b, 0x85eb_ca6b) ^ (this.#low >>> 11)
  }

  /** Mixes words into the digest of the run. */
  stirText(text: string): void {
    for (let i = 0; i < text.length; i += 1) this.stir(text.charCodeAt(i), i)
  }

  /** One value for everything that was stirred in so far, 64 hex digits. */
  digest(): string {
    return sha256Of([utf8(`${this.#low >>> 0} ${this.#high >>> 0} ${this.#events} ${this.#nowMs}`)])
  }

  /** An invariant does not hold. The run ends behind the present appointment; only the first is kept. */
  fail(invariant: string, message: string): void {
    this.#violation ??= { invariant, message, atMs: this.#nowMs }
  }

  /** Lets time pass up to `endMs`, or until something is violated, or `isDone` says so. True if it said so. */
  async run(endMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    while (this.#violation === undefined) {
      if (isDone()) return true
      if (this.#agenda.nextMs > endMs) break
      const next = this.#agenda.take()
      if (next === undefined) break
      this.#nowMs = next.atMs
      this.#events += 1
      this.stir(next.atMs * 1024, next.order)
      const running = next.run()
      if (running !== undefined) await running
      for (let turn = 0; turn < TURNS; turn += 1) await TURN
    }
    if (this.#violation === undefined) this.#nowMs = Math.max(this.#nowMs, endMs)
    return false
  }
}
