import type { Reader, Writer } from '@quorate/kernel'

/** An SQLite value: NULL, INTEGER (bigint), REAL (number, never NaN), TEXT, BLOB. */
export type SqlValue = null | bigint | number | string | Uint8Array

/** Wire: a tag (0 null, 1 integer, 2 real, 3 text, 4 blob), then i64, f64, or length-prefixed bytes. */
export function writeValue(writer: Writer, value: SqlValue): void {
  if (value === null) writer.uleb(0)
  else if (typeof value === 'bigint') writer.uleb(1).i64(value)
  else if (typeof value === 'number') writer.uleb(2).f64(value)
  else if (typeof value === 'string') writer.uleb(3).text(value)
  else writer.uleb(4).bytes(value)
}

/** Reads what `writeValue` wrote. @param limit - Most bytes of one text or blob. */
export function readValue(reader: Reader, limit: number): SqlValue {
  const tag = reader.uleb()
  switch (tag) {
    case 0:
      return null
    case 1:
      return reader.i64()
    case 2:
      return reader.f64()
    case 3:
      return reader.text(limit)
    case 4:
      return reader.bytes(limit).slice()
    default:
      return reader.refuse('INVALID', `value tag ${tag}`)
  }
}
