// Clients: what they do and when. A mix of writes, reads, interactive transactions and questions, in bursts, on some replica or other;
// and registers beside it. What they are entitled to is checked where each is done.

import { Inquiries } from './inquiries.ts'
import { Interactive } from './interactive.ts'
import { moving, reading, writing } from './programs.ts'
import type { Random } from './random.ts'
import { Reading } from './reading.ts'
import { Registers } from './registers.ts'
import type { SimReplica } from './replica.ts'
import type { ClientParts } from './submitting.ts'
import { Submitting } from './submitting.ts'

/** How often a client begins an interactive transaction again when others came first. */
const BUSY_MAX = 5

/** What clients did, in numbers. */
export interface ClientCounts {
  readonly writes: number
  readonly acked: number
  readonly retried: number
  readonly givenUp: number
  /** Commits of interactive transactions that began too long ago. */
  readonly refused: number
  readonly receipts: number
  readonly reads: number
  readonly answered: number
  readonly begun: number
  readonly committed: number
  readonly busy: number
  readonly inquiries: number
}

export class Clients {
  readonly #parts: ClientParts
  readonly #random: Random
  readonly #submitting: Submitting
  readonly #reading: Reading
  readonly #interactive: Interactive
  readonly #inquiries: Inquiries
  readonly registers: Registers
  #isOver = false

  constructor(parts: ClientParts) {
    this.#parts = parts
    this.#random = parts.world.random('clients')
    this.#submitting = new Submitting(parts, this.#random)
    this.#reading = new Reading(parts, this.#submitting)
    this.#interactive = new Interactive(parts, this.#submitting, this.#random)
    this.#inquiries = new Inquiries(parts, this.#submitting, this.#random)
    this.registers = new Registers({
      ...parts,
      submitting: this.#submitting,
      reading: this.#reading,
      interactive: this.#interactive,
    })
  }

  /** Writes that have no answer yet. */
  get open(): ReadonlySet<string> {
    return this.#submitting.open
  }

  get counts(): ClientCounts {
    const inquiries = this.#inquiries.counts.answered
    return { ...this.#submitting.counts, ...this.#reading.counts, ...this.#interactive.counts, inquiries }
  }

  /** Everybody begins. */
  start(): void {
    for (let client = 0; client < this.#parts.load.clients; client += 1) this.#pause()
    this.registers.start()
  }

  /** Nobody asks for anything new; who waits for an answer goes on asking for it, at one of `replicas`. */
  rest(replicas: readonly SimReplica[]): void {
    this.#isOver = true
    this.registers.rest()
    this.#submitting.rest(replicas)
  }

  /** Sends a write of its own through one replica of a member; it is repeated there until it is answered. */
  probe(replica: SimReplica): void {
    this.#submitting.submit({ program: this.#writing(), through: () => replica }, () => undefined)
  }

  #pause(): void {
    const { thinkMs, burstMs, calmMs } = this.#parts.load
    const { world } = this.#parts
    world.after(this.#random.exponential(thinkMs), () => {
      if (this.#isOver) return
      const phaseMs = world.nowMs % (burstMs + calmMs)
      if (phaseMs > burstMs) world.after(burstMs + calmMs - phaseMs, () => this.#pause())
      else this.#act()
    })
  }

  #act(): void {
    const { reads, interactive = 0, inquiries = 0 } = this.#parts.load
    if (inquiries > 0 && this.#random.chance(inquiries)) {
      this.#inquiries.ask()
      return this.#pause()
    }
    if (interactive > 0 && this.#random.chance(interactive)) return this.#move(0)
    if (this.#random.chance(reads)) return this.#read()
    this.#submitting.submit({ program: this.#writing() }, () => this.#pause())
  }

  #writing(): ReturnType<typeof writing> {
    return writing(this.#random, this.#parts.load.hot, `b${this.#submitting.next}`)
  }

  #read(): void {
    const replica = this.#submitting.anyReplica()
    if (replica.front === undefined) return this.#pause()
    const level = this.#reading.level(this.#random)
    this.#reading.read(replica, level, reading(this.#random, this.#parts.load.hot), () => this.#pause())
  }

  /** Moves money in an interactive transaction, again and again while others come first. */
  #move(busy: number): void {
    const script = moving(this.#random, this.#parts.load.hot)
    this.#interactive.run({ script }, (end) => {
      if (end.kind === 'committed' && busy > 0) this.#parts.onRare('interactive transaction committed after others')
      if (end.kind !== 'busy' || busy >= BUSY_MAX || this.#isOver) return this.#pause()
      this.#parts.world.after(this.#random.exponential(this.#parts.load.thinkMs), () => this.#move(busy + 1))
    })
  }
}
