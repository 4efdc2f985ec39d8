// A receipt as a file: JSON, so that it can be mailed and looked at, around the canonical bytes that are verified.

import { fromBase64, toBase64 } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type { Digest, ReceiptError } from '@quorate/types'
import { decodeBody, decodeReceipt, hashOf, parseDigest } from '@quorate/types'
import { asObject, parseJson } from './http.ts'

/** A receipt file's content. */
export interface ReceiptFile {
  /** The ledger it is of; a hint for people, the proof doesn't rest on it. */
  readonly ledger: Digest
  /** Canonical bytes: `encodeReceipt` of the types package. */
  readonly receipt: Uint8Array
}

/** Most characters of a receipt file: a receipt holds one block's proof, not its body. */
export const RECEIPT_FILE_CHARS_MAX = 256 * 1024 * 1024

function malformed(message: string): { readonly ok: false; readonly error: ReceiptError } {
  return err({ code: 'MALFORMED', message })
}

/** The text of a receipt file: `{"version":1,"ledger":hex,"receipt":base64}`. */
export function printReceiptFile(file: ReceiptFile): string {
  return `${JSON.stringify({ version: 1, ledger: file.ledger, receipt: toBase64(file.receipt) })}\n`
}

/** Reads a receipt file's text. It proves nothing yet. */
export function parseReceiptFile(text: string): Result<ReceiptFile, ReceiptError> {
  if (text.length > RECEIPT_FILE_CHARS_MAX)
    return malformed(`${text.length} characters, at most ${RECEIPT_FILE_CHARS_MAX}`)
  const object = asObject(parseJson(text))
  if (object === undefined) return malformed('not a JSON object')
  const { version, ledger, receipt } = object as { version?: unknown; ledger?: unknown; receipt?: unknown }
  const stranger = Object.keys(object).find((key) => !['version', 'ledger', 'receipt'].includes(key))
  if (stranger !== undefined) return malformed(`unknown key "${stranger}"`)
  if (version !== 1) return malformed(`version is ${JSON.stringify(version)}, this software knows 1`)
  const digest = typeof ledger === 'string' ? parseDigest(ledger) : undefined
  if (digest === undefined) return malformed('ledger must be 64 lower-case hex digits')
  const bytes = typeof receipt === 'string' ? fromBase64(receipt) : undefined
  if (bytes === undefined) return malformed('receipt must be base64')
  return ok({ ledger: digest, receipt: bytes })
}

/** Reads the answer of `GET /v1/tx/:id/proof`. The ledger is the one that the receipt itself says it was founded as. */
export function parseProof(value: unknown): Result<ReceiptFile, ReceiptError> {
  const text = asObject(value)?.['receipt']
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined
  if (bytes === undefined) return malformed('receipt must be base64')
  const receipt = decodeReceipt(bytes)
  if (!receipt.ok) return malformed(receipt.error.message)
  const [genesis] = receipt.value.views
  const body = genesis === undefined ? undefined : decodeBody(genesis.body)
  if (body?.ok !== true || body.value.kind !== 'genesis') return malformed('the genesis block has no genesis body')
  return ok({ ledger: hashOf('genesis', body.value.genesis), receipt: bytes })
}
