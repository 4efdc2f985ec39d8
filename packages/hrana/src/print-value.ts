import { toBase64 } from './base64.ts'
import type { Value } from './words.ts'

/** JSON has no infinity, but a number too large for a double is read as one by JSON readers. */
function printFloat(value: number): string {
  if (value === Infinity) return '1e999'
  if (value === -Infinity) return '-1e999'
  return Object.is(value, -0) ? '-0' : JSON.stringify(value)
}

/** JSON of a value. Integers travel as text, because JSON readers round beyond 2^53. */
export function printValue(value: Value): string {
  if (value === null) return '{"type":"null"}'
  if (typeof value === 'bigint') return `{"type":"integer","value":"${value}"}`
  if (typeof value === 'number') return `{"type":"float","value":${printFloat(value)}}`
  if (typeof value === 'string') return `{"type":"text","value":${JSON.stringify(value)}}`
  return `{"type":"blob","base64":"${toBase64(value)}"}`
}
