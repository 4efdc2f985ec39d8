import { assert } from '@quorate/kernel'
import type { Body } from './block.ts'
import { decodePayload } from './payload.ts'

/** The transactions of a block, in their order: their position in this list is their position in the block. */
export function transactionsOf(body: Body): readonly Uint8Array[] {
  const transactions: Uint8Array[] = []
  if (body.kind !== 'executions') return transactions
  for (const head of body.heads) {
    for (const unit of head.units) {
      const items = decodePayload(unit.payload)
      assert(items.ok, 'a payload that does not decode never entered the DAG')
      for (const item of items.value) if (item.kind === 'transaction') transactions.push(item.bytes)
    }
  }
  return transactions
}
