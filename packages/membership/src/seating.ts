import { Committee, identityKey, viewAfter } from '@quorate/types'
import type { Digest, Genesis, SignedJoin } from '@quorate/types'
import { Context } from './context.ts'

/**
 * The first committee: every founder, seated by the cut of the view that follows the genesis block. A founder signs with the key
 * of its join, or with its identity key where it published none in time: a late founder is late, not out.
 */
export function seatCommittee(genesis: Genesis, block: Digest, joins: readonly SignedJoin[]): Committee {
  const view = viewAfter(block)
  const seated = new Context(genesis.founders.map((founder) => founder.id)).cut(view, genesis.founders.length)
  return new Committee(
    view,
    seated.map((id) => ({ id, key: joins.find((join) => join.member === id)?.key ?? identityKey(id) })),
  )
}
