// How far a long work is, in lines: rate over the last seconds, and when it will be done.

/** Longest silence, in milliseconds, while there is something to tell. */
const TELL_MS = 2000

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** Tells of blocks that are done, on stderr. */
export class Progress {
  readonly #doing: string
  readonly #nowMs: () => number
  readonly #print: (line: string) => void
  #toldMs: number
  #toldAt: number

  constructor(
    doing: string,
    from: number,
    print: (line: string) => void = (line) => console.error(line),
    nowMs: () => number = () => performance.now(),
  ) {
    this.#doing = doing
    this.#print = print
    this.#nowMs = nowMs
    this.#toldMs = nowMs()
    this.#toldAt = from
  }

  /** Blocks up to `at` are done, of those up to `to`. */
  at(at: number, to: number): void {
    const nowMs = this.#nowMs()
    const elapsedMs = nowMs - this.#toldMs
    if (elapsedMs < TELL_MS) return
    const perSecond = ((at - this.#toldAt) * 1000) / elapsedMs
    this.#toldMs = nowMs
    this.#toldAt = at
    const eta = perSecond > 0 && to > at ? `, ${duration((to - at) / perSecond)} left` : ''
    this.#print(`${this.#doing}: height ${at} of ${to}, ${Math.round(perSecond)} blocks/s${eta}`)
  }
}
