// The ledger as the observer knows it: the first certified block of each height, executed one after the other on a database that
// never crashes. What honest replicas certify, answer and read is compared with it.

import { must } from '@quorate/kernel'
import { seedOf } from '@quorate/choam'
import type { Execution, StoredBlock } from '@quorate/replica/host'
import { decodeOutcomes } from '@quorate/replica/host'
import type { Digest, Header, Outcome } from '@quorate/types'
import { bodyHash, decodeOutcome } from '@quorate/types'
import type { SimDatabase } from './database.ts'

/** Where an id was executed. */
export interface Place {
  readonly height: number
  readonly position: number
}

/** A block that a quorum certified. */
export interface BookEntry {
  readonly hash: Digest
  readonly header: Header
  readonly execution: Execution
}

export class LedgerBook {
  readonly #ledger: Digest
  readonly #database: SimDatabase
  readonly #entries: BookEntry[] = []
  readonly #executed = new Map<string, Place>()
  #transactions = 0

  constructor(ledger: Digest, database: SimDatabase) {
    this.#ledger = ledger
    this.#database = database
  }

  /** Newest height, -1 before the first. */
  get tip(): number {
    return this.#entries.length - 1
  }

  /** Transactions that ran. */
  get transactions(): number {
    return this.#transactions
  }

  get database(): SimDatabase {
    return this.#database
  }

  at(height: number): BookEntry | undefined {
    return this.#entries[height]
  }

  /** Where the id ran. */
  placeOf(id: string): Place | undefined {
    return this.#executed.get(id)
  }

  /** Enters the next block. Gives what is wrong with it: name of the invariant and why. */
  enter(header: Header, hash: Digest, stored: StoredBlock): readonly [string, string] | undefined {
    const { height, timeMs } = header
    const before = this.#entries.at(-1)
    if (height !== this.#entries.length)
      return ['prefix', `block ${height} was certified before block ${this.#entries.length}`]
    if (before !== undefined && header.previous !== before.hash)
      return ['prefix', `block ${height} stands on ${header.previous}, certified was ${before.hash}`]
    if (before !== undefined && timeMs < before.header.timeMs) return ['time', `block ${height} goes back in time`]
    const body = bodyHash(stored.body)
    if (body !== header.body)
      return ['serial', `block ${height}: the stored body is ${body}, the header says ${header.body}`]
    const seed = seedOf(this.#ledger, height, body)
    const execution = this.#database.execute({ height, timeMs, seed, bodyBytes: stored.body })
    for (const root of ['transactionsRoot', 'resultsRoot', 'stateRoot'] as const) {
      if (execution[root] !== header[root])
        return ['serial', `block ${height}: ${root} is ${header[root]}, executing it alone gives ${execution[root]}`]
    }
    this.#entries.push({ hash, header, execution })
    return this.#note(height, execution)
  }

  #note(height: number, { ids, results }: Execution): readonly [string, string] | undefined {
    const decoded = decodeOutcomes(results)
    const outcomes = decoded.ok ? decoded.value : []
    for (const [position, id] of ids.entries()) {
      const outcome = decodeOutcome(must(outcomes[position], 'every transaction has an outcome'))
      if (!outcome.ok || outcome.value.kind === 'refused' || outcome.value.kind === 'duplicate') continue
      this.#transactions += 1
      const before = this.#executed.get(id)
      if (before !== undefined)
        return ['once', `"${id}" ran at ${before.height}/${before.position} and again at ${height}/${position}`]
      this.#executed.set(id, { height, position })
    }
    return undefined
  }

  /** The outcome at a place. */
  outcomeAt({ height, position }: Place): Outcome | undefined {
    const results = this.#entries[height]?.execution.results
    const list = results === undefined ? undefined : decodeOutcomes(results)
    const bytes = list?.ok === true ? list.value[position] : undefined
    const outcome = bytes === undefined ? undefined : decodeOutcome(bytes)
    return outcome?.ok === true ? outcome.value : undefined
  }
}
