// Gas: how much work a transaction may make every replica do. It counts steps of SQLite's virtual machine, because they
// are the same everywhere and time is not. What SQLite does between two steps is not counted by it, so two things are
// charged by hand: a statement's text, for parsing and planning it, and a fixed price for running it at all.

import { RULES } from './rules.ts'

/** Counts the gas of one transaction or read, and stops it at its limit. */
export class GasMeter {
  readonly #limit: number
  #used = 0
  #ticks = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Gas used by finished statements. */
  get used(): number {
    return this.#used
  }

  /** Charges a statement of `sqlLength` characters before it is parsed. False where the limit is passed. */
  charge(sqlLength: number): boolean {
    this.#used += RULES.statementGas + sqlLength * RULES.characterGas
    return this.#used <= this.#limit
  }

  /** Takes all that is left: the transaction ran out of fuel. */
  exhaust(): void {
    this.#used = Math.max(this.#used, this.#limit)
  }

  /** A statement begins. */
  begin(): void {
    this.#ticks = 0
  }

  /** `gasStep` more steps, nested statements of extensions included. False ends the statement. */
  tick(): boolean {
    this.#ticks += 1
    return this.#used + this.#ticks * RULES.gasStep <= this.#limit
  }

  /** A statement ended after `steps` of its own. */
  end(steps: number): void {
    this.#used += Math.max(steps, this.#ticks * RULES.gasStep)
    this.#ticks = 0
  }
}
