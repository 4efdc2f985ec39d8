// The view chain: genesis, and every reconfigure block since. Each is certified by the committee that the one before it seats, so
// whoever holds genesis.json can follow it to any committee there ever was, and needs no other block for it.

import type { Result } from '@quorate/kernel'
import { bytesEqual, err, ok } from '@quorate/kernel'
import type { Reconfigure } from './block.ts'
import { blockHash, bodyHash, decodeBody, decodeHeader } from './block.ts'
import { checkCertificate, decodeCertificate } from './certificate.ts'
import { Committee } from './committee.ts'
import type { VerifySignature } from './domain.ts'
import type { Genesis } from './genesis.ts'
import { encodeGenesis, genesisView, identityKey, ledgerId } from './genesis.ts'
import type { Digest, Height, MemberId, ViewId } from './ids.ts'
import type { SignedJoin } from './join.ts'
import { isJoinSigned } from './join.ts'
import type { CertifiedBlock } from './request.ts'

/** Why a block is no link of the view chain. The message names both sides of the mismatch. */
export interface ViewChainError {
  readonly code: 'MALFORMED' | 'OTHER_LEDGER' | 'GENESIS_NOT_CERTIFIED' | 'VIEW_NOT_CERTIFIED' | 'CHAIN_BROKEN'
  readonly message: string
}

/** How a chain is checked: the signature rule, and the seating rule of the membership package. */
export interface ViewChainRules {
  readonly verify: VerifySignature
  readonly seatCommittee: SeatCommittee
}

/** Seats the committee that a genesis block's joins lead to. Provided by the membership package; see its ring cut. */
export type SeatCommittee = (genesis: Genesis, block: Digest, joins: readonly SignedJoin[]) => Committee

/** A committee, and the block that seated it. */
export interface Seated {
  readonly committee: Committee
  readonly height: Height
  readonly block: Digest
}

/** Links that one chain may have. */
export const VIEW_CHAIN_MAX = 1_000_000

/** The committee of the founders themselves: seats in the order of their ids, signing with their identity keys. */
export function foundersCommittee(genesis: Genesis): Committee {
  const ids = genesis.founders.map((founder) => founder.id).sort((a, b) => (a < b ? -1 : 1))
  return committeeWith(genesisView(ledgerId(genesis)), ids, [])
}

/** A committee of these members, by seat. Who published no join signs with its identity key: late is not out. */
export function committeeWith(view: ViewId, seats: readonly MemberId[], joins: readonly SignedJoin[]): Committee {
  const keys = new Map(joins.map((join) => [join.member, join.key]))
  return new Committee(
    view,
    seats.map((id) => ({ id, key: keys.get(id) ?? identityKey(id) })),
  )
}

/** The committee that a reconfigure block seats. */
export function committeeAfter({ next, seats, joins }: Reconfigure): Committee {
  return committeeWith(next, seats, joins)
}

function refuse(code: ViewChainError['code'], message: string): Result<never, ViewChainError> {
  return err({ code, message })
}

/** Checks header, body and certificate of a genesis block against genesis.json. Gives the committee that it seats. */
export function checkGenesisBlock(
  block: CertifiedBlock,
  genesis: Genesis,
  rules: ViewChainRules,
): Result<Seated, ViewChainError> {
  const header = decodeHeader(block.header)
  if (!header.ok) return refuse('MALFORMED', `genesis header: ${header.error.message}`)
  if (header.value.height !== 0)
    return refuse('GENESIS_NOT_CERTIFIED', `the block given as genesis has height ${header.value.height}`)
  if (bodyHash(block.body) !== header.value.body) {
    return refuse(
      'GENESIS_NOT_CERTIFIED',
      `genesis body hashes to ${bodyHash(block.body)}, its header says ${header.value.body}`,
    )
  }
  const body = decodeBody(block.body)
  if (!body.ok || body.value.kind !== 'genesis') return refuse('MALFORMED', 'the genesis block has no genesis body')
  if (!bytesEqual(body.value.genesis, encodeGenesis(genesis))) {
    return refuse(
      'OTHER_LEDGER',
      `the block was founded on another genesis.json than the one given (ledger ${ledgerId(genesis)})`,
    )
  }
  const founders = foundersCommittee(genesis)
  if (header.value.view !== founders.view)
    return refuse('OTHER_LEDGER', `genesis view ${header.value.view} is not ${founders.view}`)
  const certificate = decodeCertificate(block.certificate)
  if (!certificate.ok) return refuse('MALFORMED', `genesis certificate: ${certificate.error.message}`)
  const hash = blockHash(block.header)
  const certified = checkCertificate(certificate.value, { ...header.value, block: hash }, founders, rules.verify)
  if (!certified.ok) return refuse('GENESIS_NOT_CERTIFIED', certified.error.message)
  const { joins } = body.value
  const stray = joins.find(
    (join) =>
      founders.seatOf(join.member) === undefined || join.view !== founders.view || !isJoinSigned(join, rules.verify),
  )
  if (stray !== undefined)
    return refuse('GENESIS_NOT_CERTIFIED', `the join of ${stray.member} is not a founder's signed word`)
  const committee = rules.seatCommittee(genesis, hash, joins)
  return ok({ committee, height: header.value.height, block: hash })
}

/** Checks a reconfigure block as the next link behind `before`. Gives the committee that it seats. */
export function checkReconfigureBlock(
  block: CertifiedBlock,
  before: Seated,
  verify: VerifySignature,
): Result<Seated, ViewChainError> {
  const decoded = decodeHeader(block.header)
  if (!decoded.ok) return refuse('MALFORMED', `reconfigure header: ${decoded.error.message}`)
  const header = decoded.value
  const what = `block ${header.height}`
  if (header.view !== before.committee.view || header.lastReconfigure.hash !== before.block) {
    return refuse(
      'CHAIN_BROKEN',
      `${what} is of view ${header.view} behind block ${header.lastReconfigure.hash}, expected is ` +
        `view ${before.committee.view} behind ${before.block}`,
    )
  }
  if (bodyHash(block.body) !== header.body)
    return refuse('VIEW_NOT_CERTIFIED', `${what}: its body hashes to ${bodyHash(block.body)}, not to ${header.body}`)
  const body = decodeBody(block.body)
  if (!body.ok || body.value.kind !== 'reconfigure') return refuse('MALFORMED', `${what} is no reconfigure block`)
  const certificate = decodeCertificate(block.certificate)
  if (!certificate.ok) return refuse('MALFORMED', `${what}: certificate: ${certificate.error.message}`)
  const hash = blockHash(block.header)
  const certified = checkCertificate(certificate.value, { ...header, block: hash }, before.committee, verify)
  if (!certified.ok) return refuse('VIEW_NOT_CERTIFIED', `${what}: ${certified.error.code}: ${certified.error.message}`)
  const { value } = body
  const stray = value.joins.find(
    (join) => !value.seats.includes(join.member) || join.view !== header.view || !isJoinSigned(join, verify),
  )
  if (stray !== undefined)
    return refuse('VIEW_NOT_CERTIFIED', `${what}: the join of ${stray.member} is no seated member's signed word`)
  return ok({ committee: committeeAfter(value), height: header.height, block: hash })
}

/** Follows a whole chain, genesis block first. Gives the last committee. */
export function checkViewChain(
  chain: readonly CertifiedBlock[],
  genesis: Genesis,
  rules: ViewChainRules,
): Result<Seated, ViewChainError> {
  const [first, ...rest] = chain
  if (first === undefined) return refuse('MALFORMED', 'a view chain begins with the genesis block')
  let seated = checkGenesisBlock(first, genesis, rules)
  for (const block of rest) {
    if (!seated.ok) return seated
    seated = checkReconfigureBlock(block, seated.value, rules.verify)
  }
  return seated
}
