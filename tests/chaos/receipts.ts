// Receipts as a stranger checks them: against genesis.json, offline, believing no member.

import { Client, ClientError, verifyReceiptFile } from '@quorate/client'
import { readGenesis } from '../../apps/quorate/src/genesis-file.ts'

/** What became of a transaction's receipt. `none`: the member gave none. */
export type ReceiptVerdict =
  | { readonly kind: 'proves'; readonly height: number; readonly position: number }
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'none' }

/** Asks the member at `url` for the receipt of `id` and verifies it. */
export async function judgeReceipt(url: string, id: string, genesisPath: string): Promise<ReceiptVerdict> {
  const client = new Client({ urls: [url], attemptsMax: 1, timeoutMs: 5000 })
  let text: string
  try {
    text = await client.receipt(id)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return error.code === 'BAD_ANSWER' ? { kind: 'wrong', why: error.message } : { kind: 'none' }
  }
  const proven = verifyReceiptFile(text, readGenesis(genesisPath))
  if (!proven.ok) return { kind: 'wrong', why: `${proven.error.code}: ${proven.error.message}` }
  const { transaction, height, position } = proven.value
  return transaction.id === id
    ? { kind: 'proves', height, position }
    : { kind: 'wrong', why: `it is of ${transaction.id}` }
}
