import { must } from '@quorate/kernel'
import type { Receipt } from '@quorate/types'
import { decodeBody, merklePath, outcomeHash, transactionHash, transactionsOf } from '@quorate/types'

/** A block as it is stored, with its outcomes. */
export interface ProvenBlock {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly certificate: Uint8Array
  readonly outcomes: readonly Uint8Array[]
}

/** The receipt of the transaction at `position` of `block`; undefined where there is none. `views`: see Receipt. */
export function receiptFor(views: Receipt['views'], block: ProvenBlock, position: number): Receipt | undefined {
  const body = decodeBody(block.body)
  if (!body.ok) return undefined
  const transactions = transactionsOf(body.value)
  const transaction = transactions[position]
  const outcome = block.outcomes[position]
  if (transaction === undefined || outcome === undefined) return undefined
  return {
    views,
    header: block.header,
    certificate: block.certificate,
    transaction,
    outcome,
    position,
    count: transactions.length,
    transactionPath: must(merklePath(transactions.map(transactionHash), position), 'the position is in the block'),
    outcomePath: must(merklePath(block.outcomes.map(outcomeHash), position), 'every transaction has an outcome'),
  }
}
