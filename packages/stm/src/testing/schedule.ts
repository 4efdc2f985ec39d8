/**
 * Runs tasks whose every step is chosen: a task awaits `pause()`, and `run` lets one paused task go on at a time, the one
 * that the next of `choices` points at. So the choices alone decide the interleaving.
 */
export class Schedule {
  readonly #paused: (() => void)[] = []

  readonly pause = (): Promise<void> =>
    new Promise((resolve) => {
      this.#paused.push(resolve)
    })

  /** Goes on until nobody is paused; when `choices` are used up they start again. */
  async run(choices: readonly number[]): Promise<void> {
    for (let step = 0; ; step += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      const choice = choices[step % choices.length] ?? 0
      const [next] = this.#paused.splice(choice % Math.max(this.#paused.length, 1), 1)
      if (next === undefined) return
      next()
    }
  }
}
