// Results as text. What comes from a database is shown, never obeyed: control characters are written as escapes, so
// that a value can't move the cursor or recolour a terminal.

import type { Rows } from '@quorate/client'
import { toHex } from '@quorate/kernel'

/** How rows are printed. */
export type Mode = 'table' | 'json' | 'csv'

/** All modes, for help and checks. */
export const MODES: readonly Mode[] = ['table', 'json', 'csv']

type Value = Rows['rows'][number][number]

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** `text` without control characters. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (mark) => {
    return ESCAPES[mark] ?? `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function numberText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value)
}

/** A value in a line or a table. */
export function cell(value: Value): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return visible(value)
  if (typeof value === 'number') return numberText(value)
  return typeof value === 'bigint' ? String(value) : `x'${toHex(value)}'`
}

const segmenter = new Intl.Segmenter()
const WIDE = new RegExp(
  '[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\uac00-\\ud7a3' +
    '\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6]|\\p{Emoji_Presentation}',
  'u',
)

/** Columns that `text` takes in a terminal: wide East Asian characters and emoji take two, combining marks none. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** Pads `text` to `width` columns. */
export function pad(text: string, width: number, toRight = false): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)))
  return toRight ? blanks + text : text + blanks
}

function table({ columns, rows }: Rows): string {
  const names = columns.map(visible)
  const cells = rows.map((row) => row.map(cell))
  const widths = names.map((name, i) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[i] ?? '')), widthOf(name)),
  )
  const isNumber = names.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] !== 'string' && !(row[i] instanceof Uint8Array)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((each, i) => pad(each, widths[i] ?? 0, isNumber[i]))
      .join('  ')
      .trimEnd()
  return [line(names), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}

function jsonValue(value: Value): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? { hex: toHex(value) } : value
}

function json({ columns, rows }: Rows): string {
  const lines = rows.map((row) =>
    JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, jsonValue(row[i] ?? null)]))),
  )
  return lines.length === 0 ? '[]' : `[${lines.join(',\n ')}]`
}

/** One CSV field, RFC 4180. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function csv({ columns, rows }: Rows): string {
  const text = (value: Value): string => (value === null ? '' : typeof value === 'string' ? value : cell(value))
  return [columns.map(field), ...rows.map((row) => row.map((value) => field(text(value))))]
    .map((row) => row.join(','))
    .join('\r\n')
}

/** Rows as text, without a line break at the end. A statement without columns is nothing in every mode. */
export function formatRows(rows: Rows, mode: Mode): string {
  if (rows.columns.length === 0) return ''
  switch (mode) {
    case 'table':
      return table(rows)
    case 'json':
      return json(rows)
    case 'csv':
      return csv(rows)
  }
}
