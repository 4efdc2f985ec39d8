/** A small seeded generator (Marsaglia's xorshift32): tests print their seed and replay. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) | 1
  }

  #next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** An integer from 0 to bound - 1. */
  below(bound: number): number {
    return this.#next() % bound
  }

  /** True with probability `percent` / 100. */
  percent(percent: number): boolean {
    return this.below(100) < percent
  }
}
