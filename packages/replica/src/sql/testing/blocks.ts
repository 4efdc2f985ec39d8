// Blocks of SQL for tests that need a real database and no consensus.

import { must, unwrap } from '@quorate/kernel'
import type { Digest } from '@quorate/types'
import {
  encodeBody,
  encodeGenesis,
  encodeItem,
  encodePayload,
  encodeTransaction,
  hashOf,
  height,
  millis,
  parseGenesis,
  round,
  seat,
} from '@quorate/types'
import type { Execution, Job } from '../../host/ports.ts'
import type { SqlWriter } from '../threads.ts'

const TIME_MS = 1_767_323_045_678

function seedAt(at: number): Digest {
  return hashOf('seed', Uint8Array.of(at))
}

/** The block at a height: genesis with `sql` at 0, else one transaction of `sql`. */
export function jobAt(at: number, sql: readonly string[]): Job {
  return { height: height(at), timeMs: millis(TIME_MS + at), seed: seedAt(at), bodyBytes: bodyAt(at, sql) }
}

function bodyAt(at: number, sql: readonly string[]): Uint8Array {
  if (at === 0) {
    const founder = { name: 'one', id: hashOf('seed', Uint8Array.of(1)), address: 'localhost:1' }
    const genesis = unwrap(parseGenesis({ version: 1, name: 'test', founders: [founder], sql }), 'a genesis')
    return encodeBody({ kind: 'genesis', genesis: encodeGenesis(genesis), joins: [] })
  }
  const requests = sql.map((each) => ({
    kind: 'execute' as const,
    statement: { sql: each, args: [], namedArgs: [], wantRows: true },
  }))
  const bytes = encodeTransaction({ id: `block ${at}`, expiresMs: millis(TIME_MS + 3_600_000), program: { requests } })
  const payload = encodePayload([encodeItem({ kind: 'transaction', bytes })])
  const hash = seedAt(0)
  const unit = { creator: seat(0), round: round(1), hash, timestampMs: millis(1), payload }
  return encodeBody({ kind: 'executions', heads: [{ round: round(1), slot: 0, hash, units: [unit] }] })
}

/** Executes blocks from a height on, a list of statements each; gives what the last one gave. */
export async function executeAll(
  writer: SqlWriter,
  from: number,
  blocks: readonly (readonly string[])[],
): Promise<Execution> {
  let last: Execution | undefined
  for (const [i, sql] of blocks.entries()) last = await writer.execute(jobAt(from + i, sql))
  return must(last, 'no blocks to execute')
}
