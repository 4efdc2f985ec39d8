/** Time between two samples, and how many are kept: the rate is that of the last ten seconds. */
const SAMPLE_MS = 1_000
const SAMPLES_MAX = 10

/** How fast something grows, in whole units a second. */
export class Pace {
  readonly #samples: { readonly atMs: number; readonly value: number }[] = []
  #last: { readonly atMs: number; readonly value: number } | undefined

  note(atMs: number, value: number): void {
    this.#last = { atMs, value }
    const newest = this.#samples.at(-1)
    if (newest !== undefined && atMs - newest.atMs < SAMPLE_MS) return
    this.#samples.push(this.#last)
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift()
  }

  /** 0 until there are two points in time. */
  get perSecond(): number {
    const [first] = this.#samples
    const last = this.#last
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
    return Math.floor(((last.value - first.value) * 1000) / (last.atMs - first.atMs))
  }
}
