import type { Result } from '@quorate/kernel'
import type { DecodeError } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { OUTCOME_LIMITS } from '@quorate/types'

/** Most outcomes of one block. */
const OUTCOMES_MAX = 1_000_000

/** A block's outcomes, by position, as one value: what the store keeps as the block's results. */
export function encodeOutcomes(outcomes: readonly Uint8Array[]): Uint8Array {
  return new Writer(4096).vector(outcomes, (writer, outcome) => writer.bytes(outcome)).finish()
}

/** Reads what `encodeOutcomes` wrote. The outcomes are views of `bytes`. */
export function decodeOutcomes(bytes: Uint8Array): Result<readonly Uint8Array[], DecodeError> {
  return decode(bytes, (reader) => reader.vector(OUTCOMES_MAX, (r) => r.bytes(OUTCOME_LIMITS.bytesMax)))
}
