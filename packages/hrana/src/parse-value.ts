import type { Result } from '@quorate/kernel'
import { fromBase64 } from './base64.ts'
import type { ParseError, Scan } from './scan.ts'
import { scanning } from './scan.ts'
import type { Value } from './words.ts'

const INTEGER = /^-?[0-9]{1,19}$/
const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 63n - 1n

/** A 64-bit integer in decimal digits, as Hrana spells them. */
export function scanInteger(scan: Scan, value: unknown): bigint {
  const text = scan.text(value)
  if (!INTEGER.test(text)) return scan.refuse('INVALID', 'an integer in decimal digits expected')
  const integer = BigInt(text)
  if (integer < INTEGER_MIN || integer > INTEGER_MAX) return scan.refuse('INVALID', `${text} does not fit into 64 bits`)
  return integer
}

/** A value: `{type, value}` or `{type: "blob", base64}`. */
export function scanValue(scan: Scan, value: unknown): Value {
  const fields = scan.fields(value)
  switch (fields['type']) {
    case 'null':
      return null
    case 'integer':
      return scan.field(fields, 'value', (text) => scanInteger(scan, text))
    case 'float':
      return scan.field(fields, 'value', scan.number)
    case 'text':
      return scan.field(fields, 'value', scan.text)
    case 'blob':
      return scan.field(fields, 'base64', (text) => fromBase64(scan.text(text)) ?? scan.refuse('INVALID', 'not base64'))
    default:
      return scan.refuse('INVALID', 'Value type not recognized')
  }
}

/** Understands one value, as it stands in an argument list. @param json - What JSON.parse gave. */
export function parseValue(json: unknown): Result<Value, ParseError> {
  return scanning((scan) => scanValue(scan, json))
}
