import type { Body, Committee, Digest, Genesis, MemberId, SignedJoin } from '@quorate/types'
import { committeeAfter, committeeWith, seatsOf, viewAfter } from '@quorate/types'
import { Context } from './context.ts'

/**
 * The first committee: founders, seated by the cut of the view that follows the genesis block. A founder signs with the key of its
 * join, or with its identity key where it published none in time: a late founder is late, not out.
 */
export function seatCommittee(genesis: Genesis, block: Digest, joins: readonly SignedJoin[]): Committee {
  const founders = genesis.founders.map((founder) => founder.id)
  return committeeWith(viewAfter(block), seatsAfter(block, founders, seatsOf(genesis)), joins)
}

/** Who sits in the view that an assemble block (or genesis) leads to: at most `seats` of the members, by the cut of its hash. */
export function seatsAfter(block: Digest, members: readonly MemberId[], seats: number): readonly MemberId[] {
  return new Context(members).cut(viewAfter(block), Math.min(seats, members.length))
}

/** The committee that an assemble block leads to. Its keys are those of identities until joins tell others. */
export function committeeToCome(block: Digest, members: readonly MemberId[], seats: number): Committee {
  return committeeWith(viewAfter(block), seatsAfter(block, members, seats), [])
}

/** The committee that a certified block seats: genesis the first, every reconfigure block the next. */
export function committeeSeatedBy(
  genesis: Genesis,
  block: Digest,
  body: Extract<Body, { readonly kind: 'genesis' | 'reconfigure' }>,
): Committee {
  return body.kind === 'genesis' ? seatCommittee(genesis, block, body.joins) : committeeAfter(body)
}
