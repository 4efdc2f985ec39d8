// What a client of an interactive transaction saw, as one digest: the rows if it wanted them, the count if rows were
// changed, the rowid if one was inserted, or the error. Left-over state of the connection (changes() after a SELECT,
// say) is not in it: it would make conflicts where there are none.

import { Writer } from '@quorate/kernel'
import type { Digest, SqlError, StatementResult } from '@quorate/types'
import { hashOf, writeValue } from '@quorate/types'

/** What one statement showed its client. */
export type Seen =
  | {
      readonly kind: 'result'
      readonly result: StatementResult
      readonly wantRows: boolean
      readonly changedRows: boolean
      readonly inserted: boolean
    }
  | { readonly kind: 'error'; readonly error: SqlError }

/** Digest of what a statement showed. */
export function digestOf(seen: Seen): Digest {
  const writer = new Writer(256)
  if (seen.kind === 'error') {
    writer.u8(1).text(seen.error.code).text(seen.error.message)
  } else {
    writer.u8(0)
    if (seen.wantRows) {
      writer.uleb(seen.result.columns.length).uleb(seen.result.rows.length)
      for (const row of seen.result.rows) for (const value of row) writeValue(writer, value)
    }
    writer.option(seen.changedRows ? seen.result.affectedRows : undefined, (w, count) => w.u32(count))
    writer.option(seen.inserted ? seen.result.lastInsertRowid : undefined, (w, rowid) => w.i64(rowid))
  }
  return hashOf('outcome', writer.finish())
}
