import { assert } from '@quorate/kernel'
import type { BlockContent } from '@quorate/sql-state'
import { decodeBody, decodeGenesis, hashOf, transactionsOf } from '@quorate/types'

/** What a block's body has executed. */
export function contentOf(body: Uint8Array): BlockContent {
  const decoded = decodeBody(body)
  assert(decoded.ok, 'a body to be executed decodes')
  if (decoded.value.kind === 'assemble' || decoded.value.kind === 'reconfigure') return { kind: decoded.value.kind }
  if (decoded.value.kind === 'executions') return { kind: 'executions', transactions: transactionsOf(decoded.value) }
  const genesis = decodeGenesis(decoded.value.genesis)
  assert(genesis.ok, 'a genesis body holds a genesis')
  const ledger = hashOf('genesis', decoded.value.genesis)
  return { kind: 'genesis', ledger, members: genesis.value.founders, sql: genesis.value.sql }
}
