// A copy that is kept by applying changes, as a consumer of the feed keeps one: another SQLite, which knows the tables
// and nothing of triggers and foreign keys. It minds what must hold of each change: its image before is what is there.

import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import type { SqlValue } from '@quorate/types'
import { quoted } from '../catalog.ts'
import type { Change, RowChange } from '../change.ts'
import type { TransactionChanges } from '../replay.ts'

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'number') return `real ${Object.is(value, -0) ? '-0' : value}`
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

/** A row as text that tells types apart. */
export function rowText(row: readonly unknown[]): string {
  return row.map(textOf).join(', ')
}

/** A change in one line. */
export function changeText(change: Change): string {
  if (change.kind === 'reset') return `reset ${change.table ?? 'everything'}`
  if (change.kind === 'schema')
    return `${change.operation} ${change.type} ${change.name} on ${change.table}: ${change.sql}`
  const { table, rowid, before, after } = change
  const place = rowid === undefined ? table : `${table} ${rowid}`
  return `${place}: ${before === undefined ? '' : `${rowText(before)} `}->${after === undefined ? '' : ` ${rowText(after)}`}`
}

/** All changes, one line each. */
export function linesOf(transactions: readonly TransactionChanges[]): readonly string[] {
  return transactions.flatMap(({ changes }) => changes.map(changeText))
}

export class Copy {
  readonly #db = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false })
  /** Tables that must be read again. */
  readonly resets: (string | undefined)[] = []

  apply(transactions: readonly TransactionChanges[]): this {
    for (const { changes } of transactions) for (const change of changes) this.#apply(change)
    return this
  }

  /** Rows of a table, as text, sorted. */
  rows(table: string): readonly string[] {
    return this.#all(`SELECT * FROM ${quoted(table)}`, [])
      .map(rowText)
      .sort()
  }

  #apply(change: Change): void {
    if (change.kind === 'reset') this.resets.push(change.table)
    else if (change.kind === 'row') this.#row(change)
    else if (change.type !== 'trigger') this.#db.exec(change.sql)
  }

  #row(change: RowChange): void {
    const { table, columns, key, rowid, before, after } = change
    const image = after ?? before ?? []
    const list = columns.map(quoted).join(', ')
    const [where, at] =
      key.length === 0
        ? ['rowid = ?', [rowid ?? null]]
        : [
            key.map((place) => `${quoted(columns[place] ?? '')} IS ?`).join(' AND '),
            key.map((place) => image[place] ?? null),
          ]
    if (before !== undefined) {
      const there = this.#all(`SELECT ${list} FROM ${quoted(table)} WHERE ${where}`, at).map(rowText)
      if (there.length !== 1 || there[0] !== rowText(before))
        throw new Error(`${changeText(change)}, but there is ${there.join('; ')}`)
      this.#run(`DELETE FROM ${quoted(table)} WHERE ${where}`, at)
    }
    if (after === undefined) return
    const [names, values] = key.length === 0 ? [`rowid, ${list}`, [rowid ?? null, ...after]] : [list, after]
    const marks = values.map(() => '?').join(', ')
    this.#run(
      `INSERT ${before === undefined ? '' : 'OR REPLACE '}INTO ${quoted(table)}(${names}) VALUES (${marks})`,
      values,
    )
  }

  #run(sql: string, values: readonly SqlValue[]): void {
    this.#db.prepare(sql).run(...(values as readonly SQLInputValue[]))
  }

  #all(sql: string, values: readonly SqlValue[]): readonly (readonly unknown[])[] {
    const statement = this.#db.prepare(sql)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    return statement.all(...(values as readonly SQLInputValue[])) as unknown as readonly (readonly unknown[])[]
  }
}
