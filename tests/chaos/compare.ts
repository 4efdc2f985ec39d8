// Whether one member serves what another does: blocks, transactions, receipts, and the tables at a height.

import { attemptRead } from './client.ts'
import { READ_ALL } from './programs.ts'
import { judgeReceipt } from './receipts.ts'

/** What differs, and what was answered with an error. */
export interface Comparison {
  readonly wrong: readonly string[]
  readonly errors: readonly string[]
}

const TRANSACTIONS_MAX = 5
const ANSWER_MS_MAX = 5000

async function get(url: string, path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    return response.status === 200 ? ((await response.json()) as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/** Compares what the doubtful member serves at and around a height with what another serves. */
export async function compareAnswers(
  doubtful: string,
  well: string,
  height: number,
  genesisPath: string,
): Promise<Comparison> {
  const wrong: string[] = []
  const errors: string[] = []
  const same = async (path: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const [theirs, truth] = await Promise.all([get(doubtful, path), get(well, path)])
    if (truth === undefined) return undefined
    if (theirs === undefined) {
      errors.push(path)
      return truth
    }
    // Members may hold certificates of different signers.
    const [a, b] = [theirs, truth].map((each) => JSON.stringify({ ...each, signers: [] }))
    if (a !== b) wrong.push(`GET ${path} gives ${a?.slice(0, 400)}, another member ${b?.slice(0, 400)}`)
    return truth
  }
  const block = await same(`/v1/blocks/${height}`)
  const list = Array.isArray(block?.['transactions'])
    ? (block['transactions'] as readonly { readonly id: string }[])
    : []
  for (const { id } of list.slice(0, TRANSACTIONS_MAX)) {
    await same(`/v1/tx/${encodeURIComponent(id)}`)
    const verdict = await judgeReceipt(doubtful, id, genesisPath)
    if (verdict.kind === 'wrong') wrong.push(`the receipt of ${id}: ${verdict.why}`)
  }
  const newest = await get(well, '/v1/status')
  const at = Number(newest?.['height'] ?? 1)
  for (const statement of READ_ALL) {
    const level = { kind: 'as-of', height: at } as const
    const truth = await attemptRead(well, statement, level, ANSWER_MS_MAX)
    const theirs = await attemptRead(doubtful, statement, level, ANSWER_MS_MAX)
    if (truth.kind === 'none') continue
    if (theirs.kind === 'none') errors.push(statement.sql)
    else if (JSON.stringify(theirs.value.rows) !== JSON.stringify(truth.value.rows))
      wrong.push(`${statement.sql} at ${at}: ${JSON.stringify(theirs.value.rows).slice(0, 300)}`)
  }
  return { wrong, errors }
}
