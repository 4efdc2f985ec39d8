import type { BlockEntry, ChangeEntry, Image, LogEntry, RowEntry } from '@quorate/client'
import { printValue } from '@quorate/hrana'
import { cell, visible } from './shell/format.ts'

type Entry = ChangeEntry | LogEntry

function columns(image: Image): string {
  return Object.entries(image)
    .map(([column, value]) => `${visible(column)}=${cell(value)}`)
    .join(' ')
}

/** What is not the same in both images. */
function differences(before: Image, after: Image): string {
  return Object.entries(after)
    .filter(([column, value]) => cell(before[column] ?? null) !== cell(value))
    .map(([column, value]) => `${visible(column)}=${cell(before[column] ?? null)}->${cell(value)}`)
    .join(' ')
}

function rowText({ op, table, key, before, after }: RowEntry): string {
  const images = before !== undefined && after !== undefined ? `${columns(key)}: ${differences(before, after)}` : ''
  return `${op} ${visible(table)} ${images === '' ? columns(after ?? before ?? {}) : images}`
}

function blockText({ height, timeMs, block }: BlockEntry): string {
  return `block ${height} of ${new Date(timeMs).toISOString()} ${block.slice(0, 16)}`
}

function words(entry: Entry): string {
  switch (entry.kind) {
    case 'change':
      return rowText(entry)
    case 'schema':
      return visible(entry.sql)
    case 'reset':
      return `more changed than is told: read ${entry.table === undefined ? 'everything' : visible(entry.table)} again`
    case 'transaction': {
      const name = entry.transaction === undefined ? '(no transaction)' : visible(entry.transaction)
      const sql = entry.program === undefined ? '' : ` ${visible(JSON.stringify(entry.program))}`
      return `${entry.outcome}${entry.code === undefined ? '' : ` ${entry.code}`} ${name}${sql}`
    }
    case 'block':
      return blockText(entry)
  }
}

/** An entry of a feed as a line for people. */
export function entryText(entry: Entry): string {
  return `${entry.position} ${words(entry)}`
}

function imageJson(image: Image): string {
  return `{${Object.entries(image)
    .map(([column, value]) => `${JSON.stringify(column)}:${printValue(value)}`)
    .join(',')}}`
}

/** An entry as the line of JSON that REST gives: values are exact. */
export function entryJson(entry: Entry): string {
  if (entry.kind !== 'change') return JSON.stringify(entry)
  const { key, rowid, before, after, ...rest } = entry
  const images = [`"key":${imageJson(key)}`]
  if (rowid !== undefined) images.push(`"rowid":"${rowid}"`)
  for (const [name, image] of [['before', before] as const, ['after', after] as const])
    images.push(`"${name}":${image === undefined ? 'null' : imageJson(image)}`)
  return `${JSON.stringify(rest).slice(0, -1)},${images.join(',')}}`
}
