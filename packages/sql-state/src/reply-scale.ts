// Weighs what a program answers, while it is gathered: an answer without bounds would be carried by every replica,
// hashed into the block and kept. Weights are upper bounds of encoded bytes, cheap to compute.

import type { Column, SqlError, SqlValue } from '@quorate/types'
import { ProgramFailure } from './failure.ts'
import { RULES } from './rules.ts'

/** Tags, counts and the fixed fields of a reply. */
const REPLY_BYTES = 32
/** Tag and length, or the bytes of a number. */
const VALUE_BYTES = 9
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const UNIT_BYTES = 3

/** The weight of one program's replies. */
export class ReplyScale {
  #bytes = 0

  /** The frame of a reply. */
  addReply(): void {
    this.#add(REPLY_BYTES)
  }

  /** A description's parameters, a result's columns. */
  addNames(parameters: readonly { readonly name?: string }[], columns: readonly Column[]): void {
    let bytes = 0
    for (const { name } of parameters) bytes += VALUE_BYTES + (name?.length ?? 0) * UNIT_BYTES
    for (const { name, decltype } of columns)
      bytes += 2 * VALUE_BYTES + (name.length + (decltype?.length ?? 0)) * UNIT_BYTES
    this.#add(bytes)
  }

  addError({ code, message }: SqlError): void {
    this.#add((code.length + message.length) * UNIT_BYTES)
  }

  addRow(row: readonly SqlValue[]): void {
    let bytes = 1
    for (const value of row) {
      bytes += VALUE_BYTES
      if (typeof value === 'string') bytes += value.length * UNIT_BYTES
      else if (value instanceof Uint8Array) bytes += value.length
    }
    this.#add(bytes)
  }

  #add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > RULES.resultBytesMax) {
      throw new ProgramFailure(
        { code: 'RESPONSE_TOO_LARGE', message: `the replies take more than ${RULES.resultBytesMax} bytes` },
        false,
      )
    }
  }
}
