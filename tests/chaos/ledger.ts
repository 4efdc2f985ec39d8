// What the members' disks hold in the end: their ledger.db, read with nothing but SQLite and the words of the types package.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { unwrap } from '@quorate/kernel'
import type { Outcome, Program, Reply, StepReply } from '@quorate/types'
import {
  blockHash,
  bodyHash,
  decodeBody,
  decodeHeader,
  decodeOutcome,
  decodeTransaction,
  transactionsOf,
} from '@quorate/types'
import { decodeOutcomes } from '../../packages/replica/src/sql/outcome-list.ts'
import { rowSum } from '../../packages/replica/src/store/row-sum.ts'
import { cellOf } from './history.ts'
import type { Result, Statement } from './history.ts'

/** What became of a transaction at its place. */
export type PlaceOutcome =
  | { readonly kind: 'done'; readonly results: readonly Result[] }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'duplicate'; readonly height: number; readonly position: number }
  | { readonly kind: 'refused'; readonly code: string }

/** One transaction at one place. */
export interface Place {
  readonly height: number
  readonly position: number
  readonly id: string
  readonly statements: readonly Statement[]
  readonly outcome: PlaceOutcome
}

/** A block. `fingerprint` is alike for two blocks whose header, body and results are. */
export interface Block {
  readonly height: number
  readonly hash: string
  readonly previous: string
  readonly stateRoot: string
  readonly fingerprint: string
  readonly places: readonly Place[]
  /** Rot that was struck while the replica ran, and that SQLite has copied since. The row's checksum tells, so nobody is served it. */
  readonly isDamaged?: true
}

/** A member's certified blocks, from 0 on, without a gap. */
export interface Ledger {
  readonly member: number
  readonly blocks: readonly Block[]
}

function statementsOf(program: Program): readonly Statement[] {
  const sent = program.requests.flatMap((request) => {
    if (request.kind === 'execute') return [request.statement]
    // A list of statements is one batch: BEGIN, the statements, COMMIT, ROLLBACK.
    return request.kind === 'batch' ? request.steps.slice(1, -2).map((step) => step.statement) : []
  })
  return sent.map(({ sql, args }) => ({
    sql,
    args: args.map((arg) => (typeof arg === 'bigint' ? Number(arg) : String(arg))),
  }))
}

function outcomeOf(outcome: Outcome): PlaceOutcome {
  switch (outcome.kind) {
    case 'duplicate':
      return { kind: 'duplicate', height: outcome.height, position: outcome.position }
    case 'refused':
      return { kind: 'refused', code: outcome.code }
    case 'failed':
      return { kind: 'failed', code: outcome.error.code }
    case 'conflict':
      return { kind: 'failed', code: 'CONFLICT' }
    case 'executed': {
      const steps = outcome.replies.flatMap((reply): readonly (Reply | StepReply)[] =>
        reply.kind === 'batch' ? reply.steps.slice(1, -2) : [reply],
      )
      const results: Result[] = []
      for (const step of steps) {
        if (step.kind === 'error') return { kind: 'failed', code: step.error.code }
        if (step.kind !== 'result') continue
        const { rows, affectedRows } = step.result
        results.push({ rows: rows.map((row) => row.map(cellOf)), affectedRows })
      }
      return { kind: 'done', results }
    }
  }
}

function blockOf(row: Readonly<Record<string, unknown>>): Block {
  const bytes = (column: string): Uint8Array => {
    const value = row[column]
    if (!(value instanceof Uint8Array)) throw new Error(`block ${String(row['height'])}: ${column} is no blob`)
    return value
  }
  const at = `block ${String(row['height'])}`
  const number = Number(row['height'])
  if (rowSum(number, bytes('header'), bytes('results'), bytes('body')) !== row['sum'])
    return { height: number, hash: '', previous: '', stateRoot: '', fingerprint: '', places: [], isDamaged: true }
  const header = unwrap(decodeHeader(bytes('header')), at)
  if (bodyHash(bytes('body')) !== header.body) throw new Error(`${at}: the body is not the one its header names`)
  const body = unwrap(decodeBody(bytes('body')), at)
  const outcomes = body.kind === 'executions' ? unwrap(decodeOutcomes(bytes('results')), at) : []
  const places = transactionsOf(body).map((transaction, position): Place => {
    const { id, program } = unwrap(decodeTransaction(transaction), `${at}, transaction ${position}`)
    const outcome = unwrap(decodeOutcome(outcomes[position] ?? new Uint8Array(0)), `${at}, outcome ${position}`)
    return {
      height: header.height,
      position,
      id,
      statements: program === undefined ? [] : statementsOf(program),
      outcome: outcomeOf(outcome),
    }
  })
  const hash = blockHash(bytes('header'))
  return {
    height: header.height,
    hash,
    previous: header.previous,
    stateRoot: header.stateRoot,
    fingerprint: `${hash} ${header.body} ${bodyHash(bytes('results'))}`,
    places,
  }
}

/** Reads the ledger of a member that is stopped. Throws where the file contradicts itself. */
export function readLedger(member: number, dataDir: string): Ledger {
  const db = new DatabaseSync(join(dataDir, 'ledger.db'), { readOnly: true })
  try {
    const rows = db.prepare(
      'SELECT height, header, body, results, blocks.sum FROM blocks JOIN certificates USING (height) ORDER BY height',
    )
    return { member, blocks: [...rows.iterate()].map(blockOf) }
  } finally {
    db.close()
  }
}
