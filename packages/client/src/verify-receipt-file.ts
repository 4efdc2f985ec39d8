import type { Result } from '@quorate/kernel'
import { err } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import type { Genesis, Proven, ReceiptError } from '@quorate/types'
import { decodeReceipt, ledgerId, verifyReceipt } from '@quorate/types'
import { parseReceiptFile } from './receipt-file.ts'
import { verifySignature } from './sodium.ts'

/**
 * Verifies a receipt file against genesis.json, offline: no server is asked and none is trusted. What holds is that a
 * quorum of the committee that genesis seats signed the block, and that transaction and outcome stand in it. Errors
 * name both sides.
 */
export function verifyReceiptFile(text: string, genesis: Genesis): Result<Proven, ReceiptError> {
  const file = parseReceiptFile(text)
  if (!file.ok) return file
  const ledger = ledgerId(genesis)
  if (file.value.ledger !== ledger) {
    return err({
      code: 'OTHER_LEDGER',
      message: `the receipt is of ledger ${file.value.ledger}, genesis.json founds ${ledger}`,
    })
  }
  const receipt = decodeReceipt(file.value.receipt)
  if (!receipt.ok) return err({ code: 'MALFORMED', message: receipt.error.message })
  return verifyReceipt(receipt.value, genesis, { verify: verifySignature, seatCommittee })
}
