// Everything that varies in a run is drawn from one seed, by streams with names: what one part draws more or less of doesn't
// shift what the others draw. That is what lets a failing run be made smaller. The generator is sfc32 (Chris Doty-Humphrey's
// PractRand), on 32-bit integers; nothing here uses a function whose last bit depends on the machine.

import { must } from '@quorate/kernel'

/** Quantiles of the exponential distribution with mean 1 at 0, 1/16, ..., 15/16, and one far in the tail. */
const EXPONENTIAL = [
  0, 0.0645, 0.1335, 0.2076, 0.2877, 0.3747, 0.47, 0.5754, 0.6931, 0.8267, 0.9808, 1.1632, 1.3863, 1.674, 2.0794,
  2.7726, 6.5,
] as const

/** One stream of random numbers. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, name: string) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e37_79b9
    for (const character of name) this.#c = Math.imul(this.#c ^ character.charCodeAt(0), 0x0100_0193) ^ (this.#c >>> 15)
    for (let i = 0; i < 12; i += 1) this.#next()
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + this.unit() * (to - from)
  }

  /** A whole number, uniform in [from, to], both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1))
  }

  /** True with probability `probability`. */
  chance(probability: number): boolean {
    return this.unit() < probability
  }

  /** Exponentially distributed, cut off at 6.5 times its mean. */
  exponential(mean: number): number {
    const at = this.unit() * 16
    const low = EXPONENTIAL[Math.floor(at)] ?? 0
    const high = EXPONENTIAL[Math.floor(at) + 1] ?? low
    return mean * (low + (high - low) * (at - Math.floor(at)))
  }

  /** One of `list`, which is not empty. */
  pick<T>(list: readonly T[]): T {
    return must(list[Math.floor(this.unit() * list.length)], 'there is something to pick from')
  }

  /** `count` different ones of `list`, in the order of the list. */
  some<T>(list: readonly T[], count: number): readonly T[] {
    const left = [...list.keys()]
    while (left.length > count) left.splice(Math.floor(this.unit() * left.length), 1)
    return left.map((index) => must(list[index], 'an index of the list'))
  }
}
