// The live table. On a terminal it is drawn over itself; elsewhere a line set every few seconds, and only when it
// changed.

import type { WriteStream } from 'node:tty'

/** Least time between two tables that are not drawn over each other. */
const PLAIN_EVERY_MS = 5000

/** Columns of a terminal that does not tell. */
const WIDTH_UNKNOWN = 80

/** What the screen writes to: stdout. */
export type Terminal = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

export class Screen {
  readonly #terminal: Terminal
  readonly #nowMs: () => number
  #drawn = 0
  #lastText = ''
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(terminal: Terminal, nowMs: () => number) {
    this.#terminal = terminal
    this.#nowMs = nowMs
  }

  /** Prints lines that stay, above the table. */
  say(text: string): void {
    this.#erase()
    this.#terminal.write(`${text}\n`)
  }

  /** Shows the table. */
  draw(text: string): void {
    if (this.#terminal.isTTY === true) {
      // A line that wraps would be two lines to erase.
      const { columns = 0 } = this.#terminal
      const width = columns > 0 ? columns : WIDTH_UNKNOWN
      const lines = text.split('\n').map((line) => line.slice(0, width - 1))
      this.#erase()
      this.#terminal.write(`${lines.join('\n')}\n`)
      this.#drawn = lines.length
      return
    }
    const now = this.#nowMs()
    if (text === this.#lastText || now - this.#lastMs < PLAIN_EVERY_MS) return
    this.#lastText = text
    this.#lastMs = now
    this.#terminal.write(`${text}\n`)
  }

  #erase(): void {
    if (this.#drawn > 0) this.#terminal.write(`\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
  }
}
