// One attempt of a request over REST, and what it came to. The load makes its own attempts, instead of leaving them to the
// client package, because the judge must know each answer and where it came from.

import { cellOfJson } from './history.ts'
import type { Cell, Level, Result, Statement, WriteAnswer } from './history.ts'

/** What one attempt came to. `none`: no answer, or one that says nothing of the outcome. */
export type Attempt<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'none'; readonly code: string }

async function post(
  url: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Attempt<Readonly<Record<string, unknown>>>> {
  try {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { kind: 'answer', value: (await response.json()) as Readonly<Record<string, unknown>> }
  } catch (error) {
    return { kind: 'none', code: error instanceof Error ? error.name : 'UNREACHABLE' }
  }
}

function resultOf(value: unknown): Result {
  const { rows, affectedRows } = value as {
    readonly rows: readonly (readonly unknown[])[]
    readonly affectedRows: number
  }
  return { rows: rows.map((row): readonly Cell[] => row.map(cellOfJson)), affectedRows }
}

/** Submits a write under its id. Whatever doesn't name the write's place is no outcome. */
export async function attemptWrite(
  url: string,
  id: string,
  statements: readonly Statement[],
  timeoutMs: number,
): Promise<Attempt<WriteAnswer>> {
  const answer = await post(url, '/v1/transactions', { idempotencyKey: id, statements }, {}, timeoutMs)
  if (answer.kind === 'none') return answer
  const { height, position, results, code } = answer.value
  if (typeof height !== 'number' || typeof position !== 'number') return { kind: 'none', code: String(code) }
  if (Array.isArray(results))
    return { kind: 'answer', value: { kind: 'done', height, position, results: results.map(resultOf) } }
  return { kind: 'answer', value: { kind: 'failed', height, position, code: String(code) } }
}

function levelText(level: Level): string {
  return level.kind === 'at-least' || level.kind === 'as-of' ? `${level.kind}=${level.height}` : level.kind
}

/** Reads. */
export async function attemptRead(
  url: string,
  statement: Statement,
  level: Level,
  timeoutMs: number,
): Promise<Attempt<{ readonly height: number; readonly rows: Result['rows'] }>> {
  const answer = await post(url, '/v1/query', statement, { 'quorate-read': levelText(level) }, timeoutMs)
  if (answer.kind === 'none') return answer
  const { height, results, code } = answer.value
  const first: unknown = Array.isArray(results) ? results[0] : undefined
  if (typeof height !== 'number' || first === undefined) return { kind: 'none', code: String(code) }
  return { kind: 'answer', value: { height, rows: resultOf(first).rows } }
}
