// One seed decides a run. Streams with names are drawn from it, so that drawing more for one thing shifts nothing else.

import { createHash } from 'node:crypto'

/** A stream of random numbers: bytes of SHA-256 over seed, name and a counter. Slow, simple, alike everywhere. */
export class Random {
  readonly #prefix: string
  #counter = 0

  constructor(seed: number, name: string) {
    this.#prefix = `${seed}/${name}/`
  }

  /** Uniform in [0, 1). */
  unit(): number {
    this.#counter += 1
    const digest = createHash('sha256').update(`${this.#prefix}${this.#counter}`).digest()
    return digest.readUInt32BE(0) / 2 ** 32
  }

  /** A whole number, uniform in [from, to], both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1))
  }

  /** 16 digits that no other draw gives. */
  hex(): string {
    return [0, 0]
      .map(() =>
        this.whole(0, 2 ** 32 - 1)
          .toString(16)
          .padStart(8, '0'),
      )
      .join('')
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  /** One of `list`. */
  pick<T>(list: readonly T[]): T {
    const value = list[this.whole(0, list.length - 1)]
    if (value === undefined) throw new Error('nothing to pick from')
    return value
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): readonly T[] {
    return list
      .map((value) => ({ value, key: this.unit() }))
      .sort((a, b) => a.key - b.key)
      .map(({ value }) => value)
  }

  /** `count` different ones of `list`. */
  some<T>(list: readonly T[], count: number): readonly T[] {
    return this.shuffled(list).slice(0, count)
  }
}
