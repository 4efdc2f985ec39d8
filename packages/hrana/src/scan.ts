// Walks a value that JSON.parse gave and trusts nothing of it. A refusal anywhere ends the walk: it is thrown here,
// caught in `scanning`, and nowhere else, so that parsers read as straight lines. Only fields asked for by name are
// looked at; none of the names is one that Object.prototype has.

import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'

/**
 * Why a message was not understood: malformed, or beyond a limit. `path` leads to the place, as in
 * `requests[0].stmt.args[1]`.
 */
export interface ParseError {
  readonly code: 'INVALID' | 'LIMIT'
  readonly path: string
  readonly message: string
}

class Refusal {
  readonly error: ParseError
  constructor(error: ParseError) {
    this.error = error
  }
}

/** A JSON object, its fields unknown. */
export type Fields = Readonly<Record<string, unknown>>

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

/** One walk over one message. */
export class Scan {
  readonly #path: (string | number)[] = []

  refuse(code: ParseError['code'], message: string): never {
    let path = ''
    for (const step of this.#path) path += typeof step === 'number' ? `[${step}]` : path === '' ? step : `.${step}`
    throw new Refusal({ code, path, message })
  }

  fields(value: unknown): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      this.refuse('INVALID', `an object expected, got ${kindOf(value)}`)
    return value as Fields
  }

  field<T>(fields: Fields, name: string, read: (value: unknown) => T): T {
    this.#path.push(name)
    const value = read(fields[name])
    this.#path.pop()
    return value
  }

  /** As `field`; absent and null are undefined. */
  optional<T>(fields: Fields, name: string, read: (value: unknown) => T): T | undefined {
    const value = fields[name]
    return value === undefined || value === null ? undefined : this.field(fields, name, read)
  }

  list<T>(value: unknown, max: number, read: (value: unknown, index: number) => T): T[] {
    if (!Array.isArray(value)) this.refuse('INVALID', `an array expected, got ${kindOf(value)}`)
    const items = value as readonly unknown[]
    if (items.length > max) this.refuse('LIMIT', `${items.length} items, at most ${max}`)
    const list: T[] = []
    for (let index = 0; index < items.length; index += 1) {
      this.#path.push(index)
      list.push(read(items[index], index))
      this.#path.pop()
    }
    return list
  }

  readonly text = (value: unknown): string => {
    if (typeof value !== 'string') return this.refuse('INVALID', `a string expected, got ${kindOf(value)}`)
    if (!value.isWellFormed()) this.refuse('INVALID', 'a lone surrogate: not Unicode text')
    return value
  }

  readonly bool = (value: unknown): boolean =>
    typeof value === 'boolean' ? value : this.refuse('INVALID', `true or false expected, got ${kindOf(value)}`)

  readonly number = (value: unknown): number =>
    typeof value === 'number' && value === value
      ? value
      : this.refuse('INVALID', `a number expected, got ${kindOf(value)}`)

  /** A signed 32-bit integer: ids and counts of the protocol. */
  readonly int32 = (value: unknown): number =>
    typeof value === 'number' && (value | 0) === value
      ? value
      : this.refuse('INVALID', `a 32-bit integer expected, got ${kindOf(value)}`)

  readonly count = (value: unknown): number =>
    Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.refuse('INVALID', `a count expected, got ${kindOf(value)}`)
}

/** Runs `walk`; its refusal, if any, is the error. */
export function scanning<T>(walk: (scan: Scan) => T): Result<T, ParseError> {
  try {
    return ok(walk(new Scan()))
  } catch (error) {
    if (error instanceof Refusal) return err(error.error)
    throw error
  }
}
