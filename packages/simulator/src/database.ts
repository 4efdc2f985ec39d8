// The database of a simulated replica, in one of two kinds. Most seeds are after ordering, disks and recovery, not after SQL: for
// them a state that is a hash chain over executed transactions says at once whether two replicas did the same, and costs
// microseconds. The others run the real engine. Both remember ids, refuse what is expired, and can be taken back to an older height,
// as the real one is when a crash has taken its newest pages.

import { assert, decode, must, Writer } from '@quorate/kernel'
import type { Execution, Job, ReaderReply } from '@quorate/replica/host'
import { encodeOutcomes } from '@quorate/replica/host'
import type { Session } from '@quorate/sql-state'
import { RULES } from '@quorate/sql-state'
import type { Body, Digest, Height, Outcome, Program, SqlValue } from '@quorate/types'
import {
  contentHash,
  decodeBody,
  decodeTransaction,
  encodeOutcome,
  hashOf,
  height as heightOf,
  merkleRoot,
  outcomeHash,
  rawOf,
  readProgram,
  transactionHash,
  transactionsOf,
} from '@quorate/types'
import { callIn } from './register-sql.ts'

/** A database that executes blocks at once; what time that takes is for others to say. */
export interface SimDatabase {
  /** Of the last executed block; undefined when empty. */
  readonly height: Height | undefined
  execute(job: Job): Execution
  /** Forgets everything above `to`; undefined empties it. */
  rewind(to: Height | undefined): void
  /** Answers a program that reads, at an executed height. */
  read(height: Height, program: Uint8Array): ReaderReply
  /** Begins an interactive transaction on an executed height; undefined where that is not kept, or the kind has none. */
  session(height: Height, how: { readonly seed: Digest; readonly isReadonly: boolean }): Session | undefined
  /** A page rots: what is executed next fails, until the database is emptied. */
  rot(): void
}

/** What executing a body gave, before it is hashed. */
export interface Executed {
  readonly outcomes: readonly Uint8Array[]
  readonly ids: readonly string[]
  readonly stateRoot: Digest
  readonly gas: number
}

/** A body that was ordered, which must decode. */
export function bodyOf(bytes: Uint8Array): Body {
  const body = decodeBody(bytes)
  assert(body.ok, 'a body to be executed decodes')
  return body.value
}

/** The execution of a body, with its roots. */
export function executionOf(height: Height, transactions: readonly Uint8Array[], executed: Executed): Execution {
  const hashes = transactions.map(transactionHash)
  const { outcomes, ids, stateRoot, gas } = executed
  return {
    height,
    transactionsRoot: merkleRoot(hashes),
    resultsRoot: merkleRoot(outcomes.map(outcomeHash)),
    stateRoot,
    hashes,
    ids,
    results: encodeOutcomes(outcomes),
    gas,
  }
}

function row(...values: readonly SqlValue[]): Outcome {
  const columns = values.map((_, at) => ({ name: `c${at}` }))
  const rows = values.length === 0 ? [] : [values]
  return { kind: 'executed', replies: [{ kind: 'result', result: { columns, rows, affectedRows: 0 } }], gas: 1 }
}

function held(value: number | undefined): Outcome {
  return value === undefined ? row() : row(BigInt(value))
}

type Registers = ReadonlyMap<string, number>

interface Remembered {
  readonly content: Digest
  readonly expiresMs: number
  readonly height: Height
  readonly position: number
}

/** Does what a program does to registers; undefined where it has nothing to do with them. */
function change(registers: Map<string, number>, program: Program): Outcome | undefined {
  const call = callIn(program)
  switch (call?.f) {
    case undefined:
      return undefined
    case 'read':
      return held(registers.get(call.key))
    case 'cas':
    case 'write':
      if (call.f === 'cas' && registers.get(call.key) !== call.expected) return row()
      registers.set(call.key, call.value)
      return held(call.value)
  }
}

/** A counter of executed transactions and a hash chain over them; and registers, which a program of `register-sql.ts` changes. */
export class ModelDatabase implements SimDatabase {
  #heights: { readonly root: Digest; readonly count: number; readonly registers: Registers }[] = []
  readonly #ids = new Map<string, Remembered>()
  #isRotten = false

  get height(): Height | undefined {
    return this.#heights.length === 0 ? undefined : heightOf(this.#heights.length - 1)
  }

  execute({ height, timeMs, seed, bodyBytes }: Job): Execution {
    if (this.#isRotten) throw Object.assign(new Error('page 1 does not hash to what it was'), { code: 'STATE_DAMAGED' })
    assert(height === this.#heights.length, `block ${height} on a database of ${this.#heights.length} blocks`)
    const body = bodyOf(bodyBytes)
    const transactions = body.kind === 'executions' ? transactionsOf(body) : []
    const before = this.#heights.at(-1)
    let root = hashOf('state', rawOf(before?.root ?? hashOf('state')), rawOf(seed), new Writer(8).u64(timeMs).finish())
    let count = before?.count ?? 0
    const registers = new Map(before?.registers)
    const ids: string[] = []
    const outcomes = transactions.map((bytes, position) => {
      const decoded = decodeTransaction(bytes)
      const refusal = this.#refusal(bytes, timeMs)
      ids.push(decoded.ok && refusal?.kind !== 'refused' ? decoded.value.id : '')
      if (refusal !== undefined) return encodeOutcome(refusal)
      const transaction = must(decoded.ok ? decoded.value : undefined, 'what is not refused decodes')
      const { id, expiresMs, program } = transaction
      this.#ids.set(id, { content: contentHash(transaction, bytes), expiresMs, height, position })
      count += 1
      root = hashOf('state', rawOf(root), rawOf(transactionHash(bytes)))
      const done = program === undefined ? undefined : change(registers, program)
      return encodeOutcome(done ?? row(BigInt(count)))
    })
    this.#heights.push({ root, count, registers })
    return executionOf(height, transactions, { outcomes, ids, stateRoot: root, gas: transactions.length })
  }

  #refusal(bytes: Uint8Array, timeMs: number): Outcome | undefined {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return { kind: 'refused', code: 'MALFORMED', message: decoded.error.message }
    const { id, expiresMs } = decoded.value
    if (expiresMs < timeMs) return { kind: 'refused', code: 'EXPIRED', message: `expired at ${expiresMs}` }
    if (expiresMs > timeMs + RULES.rememberMsMax)
      return { kind: 'refused', code: 'EXPIRES_TOO_FAR', message: `expires at ${expiresMs}` }
    const known = this.#ids.get(id)
    if (known === undefined || known.expiresMs < timeMs) return undefined
    if (known.content === contentHash(decoded.value, bytes))
      return { kind: 'duplicate', height: known.height, position: known.position }
    return { kind: 'refused', code: 'ID_REUSED', message: `the id stands at height ${known.height}` }
  }

  rewind(to: Height | undefined): void {
    this.#heights = this.#heights.slice(0, to === undefined ? 0 : to + 1)
    for (const [id, { height }] of this.#ids) if (height >= this.#heights.length) this.#ids.delete(id)
    if (to === undefined) this.#isRotten = false
  }

  read(height: Height, program: Uint8Array): ReaderReply {
    const at = this.#heights[height]
    if (at === undefined) return { kind: 'gone' }
    const decoded = decode(program, readProgram)
    if (!decoded.ok) return { kind: 'failed', message: decoded.error.message }
    const call = callIn(decoded.value)
    const outcome = call?.f === 'read' ? held(at.registers.get(call.key)) : row(BigInt(at.count), at.root)
    return { kind: 'outcome', outcome: encodeOutcome(outcome) }
  }

  session(): undefined {
    return undefined
  }

  rot(): void {
    this.#isRotten = true
  }
}
