// Members that deal a key through a log in memory.

import type { DkgEffect, DkgSeat } from '../dkg.ts'
import { Dkg } from '../dkg.ts'
import type { DealingTerms } from '../dealing.ts'
import { receiverKey } from '../receiver-key.ts'

/** 32 bytes of one value. */
export function seedOf(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}

/** Terms among `count` seats with t = floor((n - 1) / 3), and what each seat takes part with. */
export function seatsOf(count: number, salt = 0): { readonly terms: DealingTerms; readonly seats: readonly DkgSeat[] } {
  const keys = Array.from({ length: count }, (_, seat) => receiverKey(seedOf(seat + 1)))
  return {
    terms: {
      context: Uint8Array.of(salt),
      threshold: Math.floor((count - 1) / 3),
      receivers: keys.map(({ key }) => key),
    },
    seats: keys.map(({ secret }, seat) => ({ seat, secret, seed: seedOf(128 + seat + salt) })),
  }
}

/** One entry of the log. */
export interface Entry {
  readonly seat: number
  readonly message: Uint8Array
}

/** The last effect of a dealing that is done. */
export type Done = Extract<DkgEffect, { kind: 'done' }>

export function doneOf(effects: readonly DkgEffect[]): Done | undefined {
  return effects.find((effect) => effect.kind === 'done')
}

/** Reads a whole log as `own`, or as nobody, and returns all effects. */
export function readLog(terms: DealingTerms, own: DkgSeat | undefined, log: readonly Entry[]): DkgEffect[] {
  const dkg = new Dkg(own === undefined ? { terms } : { terms, own })
  return [...dkg.handle({ kind: 'start' }), ...log.flatMap((entry) => dkg.handle({ kind: 'ordered', ...entry }))]
}

/** What honest seats need to know of the log so far, to write the rest. */
export class Dealers {
  readonly log: Entry[] = []
  readonly effects: DkgEffect[][]
  readonly #dkgs: readonly (Dkg | undefined)[]
  /** Published and not in the log yet. */
  readonly pending: Entry[] = []

  /** @param honest - Seats that take part as they should; the others' messages come through `order` alone. */
  constructor(terms: DealingTerms, seats: readonly DkgSeat[], honest: readonly number[]) {
    this.effects = seats.map(() => [])
    this.#dkgs = seats.map((own) => (honest.includes(own.seat) ? new Dkg({ terms, own }) : undefined))
    this.#dkgs.forEach((dkg, seat) => this.#take(seat, dkg?.handle({ kind: 'start' }) ?? []))
  }

  #take(seat: number, effects: readonly DkgEffect[]): void {
    this.effects[seat]?.push(...effects)
    for (const effect of effects) if (effect.kind === 'publish') this.pending.push({ seat, message: effect.message })
  }

  /** The next entry of the log. */
  order(entry: Entry): void {
    this.log.push(entry)
    this.#dkgs.forEach((dkg, seat) => this.#take(seat, dkg?.handle({ kind: 'ordered', ...entry }) ?? []))
  }

  /** Orders what is published, picking by `pick` among what waits, until nothing waits. */
  orderAll(pick: (waiting: number) => number = () => 0): void {
    while (this.pending.length > 0) {
      const [entry] = this.pending.splice(pick(this.pending.length), 1)
      if (entry !== undefined) this.order(entry)
    }
  }
}
