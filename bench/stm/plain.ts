// What a program does without transactions: promises, a mutex, a queue by hand. As lean as they can be made.

/** Runs one critical section after another. */
export class Mutex {
  #isHeld = false
  readonly #waiting: (() => void)[] = []

  async run<T>(section: () => T | PromiseLike<T>): Promise<T> {
    if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isHeld = true
    try {
      return await section()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#isHeld = false
      else next()
    }
  }
}

/** A bounded queue for one reader and one writer. */
export class PromiseQueue<T> {
  readonly #items: T[] = []
  readonly #capacity: number
  #reader: (() => void) | undefined
  #writer: (() => void) | undefined

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  async write(item: T): Promise<void> {
    while (this.#items.length >= this.#capacity) {
      await new Promise<void>((resolve) => {
        this.#writer = resolve
      })
    }
    this.#items.push(item)
    this.#reader?.()
    this.#reader = undefined
  }

  async read(): Promise<T> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#writer?.()
        this.#writer = undefined
        return item
      }
      await new Promise<void>((resolve) => {
        this.#reader = resolve
      })
    }
  }
}
