// The last message of a session that ends early: ABORT_TAG, one byte for the kind of fault, UTF-8 for people. Its words are
// a stranger's: cut on both sides, and stripped of what a terminal would obey.

import { utf8, utf8Lossy } from '@quorate/kernel'
import { ABORT_TAG } from './state-table.ts'

/** Bytes of text in an abort message. */
export const ABORT_TEXT_BYTES_MAX = 200

const CODES = ['ABORTED', 'TIMEOUT', 'VIOLATION', 'DECODE', 'LIMIT', 'UNKNOWN_PROTOCOL', 'UNKNOWN_SESSION'] as const

/** What the side that ends a session found. The last two come from a multiplexer. */
export type AbortCode = (typeof CODES)[number] & ('ABORTED' | 'TIMEOUT' | 'VIOLATION' | 'DECODE' | 'LIMIT')

/** Makes an abort message with `headroom` free bytes before it. */
export function abortMessage(code: (typeof CODES)[number], reason: string, headroom: number): Uint8Array {
  const text = utf8(reason).subarray(0, ABORT_TEXT_BYTES_MAX)
  const buffer = new Uint8Array(headroom + 2 + text.length)
  buffer[headroom] = ABORT_TAG
  buffer[headroom + 1] = CODES.indexOf(code)
  buffer.set(text, headroom + 2)
  return buffer
}

/** What an abort message says, for an error's `got`. */
export function abortReason(message: Uint8Array): string {
  const code = CODES[message[1] ?? 0] ?? 'ABORTED'
  const text = utf8Lossy(message.subarray(2, 2 + ABORT_TEXT_BYTES_MAX)).replace(/\p{Cc}/gu, ' ')
  return text === '' ? `the other side's ${code}` : `the other side's ${code}: ${text}`
}
