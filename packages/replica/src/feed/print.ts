// Entries of feeds as JSON. Values are Hrana's `{type, value}`, as everywhere in REST: exact.

import { printValue } from '@quorate/hrana'
import { toHex, unwrap } from '@quorate/kernel'
import type { Change, RowChange, TransactionChanges } from '@quorate/sql-state'
import type { Header, Outcome, SqlValue } from '@quorate/types'
import { blockHash, decodeHeader, decodeOutcome, decodeTransaction } from '@quorate/types'
import { governanceJson, programJson } from '../gateway/rest-print.ts'
import type { FeedBlock, FeedEntry } from './entry.ts'
import { positionText } from './entry.ts'

function imageJson(columns: readonly string[], row: readonly SqlValue[] | undefined): string {
  if (row === undefined) return 'null'
  return `{${columns.map((column, at) => `${JSON.stringify(column)}:${printValue(row[at] ?? null)}`).join(',')}}`
}

function rowJson({ table, columns, key, rowid, before, after }: RowChange): string {
  const op = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update'
  const image = after ?? before ?? []
  const keys =
    key.length === 0
      ? imageJson(['rowid'], [rowid ?? null])
      : imageJson(
          key.map((at) => columns[at] ?? ''),
          key.map((at) => image[at] ?? null),
        )
  const place = rowid === undefined ? '' : `"rowid":"${rowid}",`
  return (
    `"table":${JSON.stringify(table)},"op":"${op}","key":${keys},${place}` +
    `"before":${imageJson(columns, before)},"after":${imageJson(columns, after)}`
  )
}

function changeJson(change: Change): string {
  switch (change.kind) {
    case 'row':
      return rowJson(change)
    case 'schema': {
      const { operation, type, name, table, sql } = change
      return JSON.stringify({ op: operation, type, name, table, sql }).slice(1, -1)
    }
    case 'reset':
      return `"table":${JSON.stringify(change.table ?? null)}`
  }
}

function headOf(header: Uint8Array): { readonly header: Header; readonly hash: string } {
  return { header: unwrap(decodeHeader(header), 'a stored header'), hash: blockHash(header) }
}

function endJson({ height, timeMs, stateRoot }: Header, hash: string, count: string): string {
  const place = `"position":"${height + 1}","height":${height},"block":"${hash}"`
  return `{"kind":"block",${place},"timeMs":${timeMs},"stateRoot":"${stateRoot}",${count}}`
}

/** What a block's transactions changed, as entries. */
export function printChanges(headerBytes: Uint8Array, transactions: readonly TransactionChanges[]): FeedBlock {
  const { header, hash } = headOf(headerBytes)
  const { height } = header
  const entries = transactions.flatMap(({ index, id, changes }) =>
    changes.map((change, sequence): FeedEntry => {
      const position = positionText('changes', height, index, sequence)
      const place = `"position":"${position}","height":${height},"index":${index},"sequence":${sequence}`
      const transaction = id === '' ? 'null' : JSON.stringify(id)
      const kind = change.kind === 'row' ? 'change' : change.kind
      const json = `{"kind":"${kind}",${place},"transaction":${transaction},${changeJson(change)}}`
      return { index, sequence, table: change.table?.toLowerCase(), json }
    }),
  )
  return { entries, end: endJson(header, hash, `"changes":${entries.length}`) }
}

function outcomeJson(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'executed':
    case 'conflict':
      return `"outcome":"${outcome.kind}"`
    case 'failed':
      return `"outcome":"failed","code":${JSON.stringify(outcome.error.code)}`
    case 'refused':
      return `"outcome":"refused","code":"${outcome.code}"`
    case 'duplicate':
      return `"outcome":"duplicate","of":"${positionText('log', outcome.height, outcome.position, 0)}"`
  }
}

/** A block's transactions as entries. @param isWhole - With what they say. */
export function printLog(
  headerBytes: Uint8Array,
  transactions: readonly Uint8Array[],
  outcomes: readonly Uint8Array[],
  isWhole: boolean,
): FeedBlock {
  const { header, hash } = headOf(headerBytes)
  const { height, timeMs } = header
  const entries = transactions.map((bytes, index): FeedEntry => {
    const decoded = decodeTransaction(bytes)
    const outcome = unwrap(decodeOutcome(outcomes[index] ?? new Uint8Array(0)), 'a stored outcome')
    const place = `"position":"${positionText('log', height, index, 0)}","height":${height},"block":"${hash}"`
    const named = `"index":${index},"transaction":${decoded.ok ? JSON.stringify(decoded.value.id) : 'null'}`
    let words = ''
    if (isWhole && !decoded.ok) words = `,"bytes":"${toHex(bytes)}"`
    else if (isWhole && decoded.ok) {
      const { program, governance } = decoded.value
      words =
        governance === undefined ? `,"program":${programJson(program)}` : `,"governance":${governanceJson(governance)}`
    }
    const json = `{"kind":"transaction",${place},"timeMs":${timeMs},${named},${outcomeJson(outcome)}${words}}`
    return { index, sequence: 0, table: undefined, json }
  })
  return { entries, end: endJson(header, hash, `"transactions":${entries.length}`) }
}
