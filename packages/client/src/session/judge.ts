import type { Answer } from '../http.ts'
import { asObject, errorIn, parseJson, wishOf } from '../http.ts'
import { parsePlaced } from '../statement.ts'
import type { Executed, Rejected, Verdict } from './outcome.ts'

/** Refusals of a replica that has too much to do: nothing was done. */
const BUSY: ReadonlySet<string> = new Set([
  'OVERLOADED',
  'BLOCK_FULL',
  'EXPIRED',
  'REQUEST_TIMEOUT',
  'HTTP_408',
  'HTTP_429',
])
/** Answers that leave open whether the transaction was done. HEIGHT_GONE: it was; its outcome is no longer kept. */
const OPEN: ReadonlySet<string> = new Set(['TIMEOUT', 'HEIGHT_GONE'])

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/**
 * The outcome in an answer to the transaction `id`; undefined where it tells none. It is the ledger's own, and no
 * other attempt can come to another, where it has a height or the code ID_REUSED.
 */
export function outcomeIn(
  id: string,
  answer: Extract<Answer, { readonly kind: 'answer' }>,
): Executed | Rejected | undefined {
  const body = parseJson(answer.text)
  if (answer.status === 200) {
    const placed = parsePlaced(body)
    if (placed?.position === undefined) return undefined
    const { height, position, duplicate, results } = placed
    return { kind: 'executed', id, height, position, duplicate, results }
  }
  const { code, message } = errorIn(answer)
  const fields = asObject(body)
  const height = number(fields?.['height'])
  const position = number(fields?.['position'])
  // It ran; only what it gave is missing.
  if (code === 'RESPONSE_TOO_LARGE' && height !== undefined && position !== undefined)
    return { kind: 'executed', id, height, position, duplicate: fields?.['duplicate'] === true, results: [] }
  return { kind: 'rejected', id, code, reason: message, height }
}

/** What an answer to the transaction `id` of `count` statements says. */
export function judge(id: string, count: number, answer: Answer): Verdict {
  if (answer.kind === 'none') {
    const { message: reason, isSent } = answer
    const code = 'UNREACHABLE'
    return isSent ? { kind: 'silent', code, reason } : { kind: 'refused', why: 'away', code, reason, wishMs: 0 }
  }
  if (answer.status !== 200) {
    const { code, message: reason } = errorIn(answer)
    const wishMs = wishOf(answer.headers)
    if (BUSY.has(code)) return { kind: 'refused', why: 'busy', code, reason, wishMs }
    if (code === 'NOT_READY') return { kind: 'refused', why: 'away', code, reason, wishMs }
    if (OPEN.has(code) || code.startsWith('HTTP_5')) return { kind: 'silent', code, reason }
  }
  const outcome = outcomeIn(id, answer)
  const isWhole = outcome?.kind !== 'executed' || outcome.results.length === count || answer.status !== 200
  if (outcome === undefined || !isWhole)
    return { kind: 'silent', code: 'BAD_ANSWER', reason: `not an answer to ${count} statements` }
  const isPlaced = outcome.kind === 'executed' || outcome.height !== undefined || outcome.code === 'ID_REUSED'
  return { kind: 'final', outcome, isPlaced }
}
