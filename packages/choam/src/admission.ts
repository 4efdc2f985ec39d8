// The way in for peers' bytes, in two steps with the signature checks between them: `prepare` decodes and makes the cheap
// refusals, the host verifies the signatures in a batch, in any thread, and `finish` mints what the core accepts. The core
// itself never sees a signature that wasn't checked.

import type { DecodeError, Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import type {
  AdmittedUnit,
  Answer,
  CertifiedBlock,
  Committee,
  ConsensusKey,
  MemberId,
  Message,
  SignedDeal,
  SignedJoin,
  UncheckedUnit,
  ViewId,
  Vote,
} from '@quorate/types'
import {
  admitUnit,
  blockHash,
  bodyHash,
  dealSignedBytes,
  decodeBody,
  decodeCertificate,
  decodeHeader,
  decodeMessage,
  decodePayload,
  decodeUnit,
  joinSignedBytes,
  refuseUnit,
  SEATS_MAX,
  unitSignedBytes,
  voteSignedBytes,
} from '@quorate/types'
import { WORDS_MAX } from './dealing.ts'
import type {
  AdmittedAnswer,
  AdmittedBlock,
  AdmittedDeal,
  AdmittedJoin,
  AdmittedMessage,
  AdmittedVote,
} from './input.ts'

/** A signature to be checked. */
export interface Check {
  readonly key: ConsensusKey | MemberId
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Why a message is not admitted. UNKNOWN_VIEW is no fault: the sender may be ahead, or behind. */
export interface AdmissionError {
  readonly code:
    | DecodeError['code']
    | 'UNKNOWN_VIEW'
    | 'NO_SUCH_SEAT'
    | 'WRONG_VIEW'
    | 'WRONG_PARENT_COUNT'
    | 'BAD_PAYLOAD'
    | 'BAD_SIGNATURE'
    | 'BAD_BLOCK'
    | 'TOO_FEW_SIGNERS'
  readonly message: string
}

/** A message, or an answer, between decoding and admission. */
export interface Prepared<T = AdmittedMessage> {
  readonly checks: readonly Check[]
  /** Takes the verdicts in the order of `checks`. */
  readonly finish: (valid: readonly boolean[]) => Result<T, AdmissionError>
}

/** Units stand in messages and in answers alike. */
type Units = Extract<AdmittedMessage, { readonly kind: 'units' }>
type Blocks = Extract<AdmittedAnswer, { readonly kind: 'blocks' }>

/** Looks up the committee of a view that may be spoken of. */
export type CommitteeOf = (view: ViewId) => Committee | undefined

function refuse(code: AdmissionError['code'], message: string): { readonly ok: false; readonly error: AdmissionError } {
  return err({ code, message })
}

/** Decodes a frame and makes the cheap refusals. */
export function prepare(code: number, body: Uint8Array, committeeOf: CommitteeOf): Result<Prepared, AdmissionError> {
  const decoded = decodeMessage(code, body)
  if (!decoded.ok) return decoded
  const message: Message = decoded.value
  switch (message.kind) {
    case 'units':
      return prepareUnits(message.units, committeeOf)
    case 'vote':
      return prepareVote(message.vote, committeeOf)
    case 'join':
      return prepareJoin(message.join, committeeOf)
    case 'deal':
      return prepareDeal(message.deal, committeeOf)
    case 'coin':
    case 'frontier':
    case 'tip':
      return ok({ checks: [], finish: () => ok(message) })
  }
}

/** Makes the cheap refusals of an answer, whose words are decoded already. */
export function prepareAnswer(
  answer: Answer,
  committeeOf: CommitteeOf,
): Result<Prepared<AdmittedAnswer>, AdmissionError> {
  switch (answer.kind) {
    case 'units':
      // To have none of them is an honest answer.
      if (answer.units.length === 0) return ok({ checks: [], finish: () => ok({ kind: 'units', units: [] }) })
      return prepareUnits(answer.units, committeeOf)
    case 'blocks':
      return prepareBlocks(answer.blocks, committeeOf)
    case 'voted':
      return ok({ checks: [], finish: () => ok(answer) })
  }
}

/** Each next seat joins twice at most; every join costs a signature's check. */
const JOINS_MAX = 2 * SEATS_MAX
/** The same for what it says in a dealing. */
const DEALS_MAX = WORDS_MAX * SEATS_MAX

interface UnitWithWords {
  readonly unit: UncheckedUnit
  readonly committee: Committee
  /** The signatures of those whose joins and deals it carries. */
  readonly words: readonly Check[]
}

function joinCheck(join: SignedJoin): Check {
  return { key: join.member, message: joinSignedBytes(join), signature: join.signature }
}

function dealCheck(deal: SignedDeal): Check {
  return { key: deal.member, message: dealSignedBytes(deal), signature: deal.signature }
}

/** Decodes a unit that stands by itself: right view, right seat, a payload of items, joins and deals only of this view. */
function examineUnit(bytes: Uint8Array, committeeOf: CommitteeOf): Result<UnitWithWords, AdmissionError> {
  // A copy: the unit outlives the buffer that its frame came in.
  const unit = decodeUnit(bytes.slice())
  if (!unit.ok) return unit
  const committee = committeeOf(unit.value.view)
  if (committee === undefined) return refuse('UNKNOWN_VIEW', `unit of view ${unit.value.view}`)
  const refusal = refuseUnit(unit.value, committee)
  if (refusal !== undefined) return err(refusal)
  const items = decodePayload(unit.value.payload)
  if (!items.ok) return refuse('BAD_PAYLOAD', `unit ${unit.value.hash}: ${items.error.message}`)
  const joins = items.value.flatMap((item) => (item.kind === 'join' ? [item.join] : []))
  if (joins.length > JOINS_MAX)
    return refuse('BAD_PAYLOAD', `${joins.length} joins in one unit, at most ${JOINS_MAX} are believable`)
  const deals = items.value.flatMap((item) => (item.kind === 'deal' ? [item.deal] : []))
  if (deals.length > DEALS_MAX)
    return refuse('BAD_PAYLOAD', `${deals.length} deals in one unit, at most ${DEALS_MAX} are believable`)
  const stray = [...joins, ...deals].find((word) => word.view !== unit.value.view)
  if (stray !== undefined)
    return refuse('BAD_PAYLOAD', `a word of ${stray.member} in view ${stray.view} in view ${unit.value.view}`)
  return ok({ unit: unit.value, committee, words: [...joins.map(joinCheck), ...deals.map(dealCheck)] })
}

/** Units are admitted one by one: a bad one hides none of the others, unless all are bad. */
function prepareUnits(all: readonly Uint8Array[], committeeOf: CommitteeOf): Result<Prepared<Units>, AdmissionError> {
  const units: UnitWithWords[] = []
  let first: AdmissionError | undefined
  for (const bytes of all) {
    const examined = examineUnit(bytes, committeeOf)
    if (examined.ok) units.push(examined.value)
    else first ??= examined.error
  }
  if (units.length === 0) return err(first ?? { code: 'INVALID', message: 'no units' })
  const checks = units.flatMap(({ unit, committee, words }): Check[] => [
    { key: committee.at(unit.creator).key, message: unitSignedBytes(unit.hash), signature: unit.signature },
    ...words,
  ])
  const finish = (valid: readonly boolean[]): Result<Units, AdmissionError> => {
    const admitted: AdmittedUnit[] = []
    let at = 0
    for (const { unit, committee, words } of units) {
      const verdicts = valid.slice(at, at + 1 + words.length)
      at += 1 + words.length
      const result = admitUnit(unit, committee, () => verdicts.every(Boolean))
      if (result.ok) admitted.push(result.value)
      else first ??= result.error
    }
    return admitted.length === 0
      ? err(first ?? { code: 'BAD_SIGNATURE', message: 'no unit is signed' })
      : ok({ kind: 'units', units: admitted })
  }
  return ok({ checks, finish })
}

function prepareVote(vote: Vote, committeeOf: CommitteeOf): Result<Prepared, AdmissionError> {
  const committee = committeeOf(vote.view)
  if (committee === undefined) return refuse('UNKNOWN_VIEW', `vote of view ${vote.view}`)
  if (!committee.has(vote.seat))
    return refuse('NO_SUCH_SEAT', `vote of seat ${vote.seat} in a committee of ${committee.size}`)
  const check = { key: committee.at(vote.seat).key, message: voteSignedBytes(vote), signature: vote.signature }
  const finish = ([valid]: readonly boolean[]): Result<AdmittedMessage, AdmissionError> =>
    valid === true
      ? ok({ kind: 'vote', vote: vote as AdmittedVote })
      : refuse('BAD_SIGNATURE', `the vote for height ${vote.height} is not signed by seat ${vote.seat}`)
  return ok({ checks: [check], finish })
}

function prepareJoin(join: SignedJoin, committeeOf: CommitteeOf): Result<Prepared, AdmissionError> {
  if (committeeOf(join.view) === undefined) return refuse('UNKNOWN_VIEW', `join in view ${join.view}`)
  const finish = ([valid]: readonly boolean[]): Result<AdmittedMessage, AdmissionError> =>
    valid === true
      ? ok({ kind: 'join', join: join as AdmittedJoin })
      : refuse('BAD_SIGNATURE', `the join of ${join.member} is not signed by it`)
  return ok({ checks: [joinCheck(join)], finish })
}

function prepareDeal(deal: SignedDeal, committeeOf: CommitteeOf): Result<Prepared, AdmissionError> {
  if (committeeOf(deal.view) === undefined) return refuse('UNKNOWN_VIEW', `deal in view ${deal.view}`)
  const finish = ([valid]: readonly boolean[]): Result<AdmittedMessage, AdmissionError> =>
    valid === true
      ? ok({ kind: 'deal', deal: deal as AdmittedDeal })
      : refuse('BAD_SIGNATURE', `the deal of ${deal.member} is not signed by it`)
  return ok({ checks: [dealCheck(deal)], finish })
}

interface ExaminedBlock {
  readonly block: Omit<AdmittedBlock, symbol>
  readonly checks: readonly Check[]
}

function examineBlock(
  { header, body, certificate }: CertifiedBlock,
  committeeOf: CommitteeOf,
): Result<ExaminedBlock, AdmissionError> {
  const headerBytes = header.slice()
  const bodyBytes = body.slice()
  const decoded = decodeHeader(headerBytes)
  if (!decoded.ok) return decoded
  const { height, view } = decoded.value
  const committee = committeeOf(view)
  if (committee === undefined) return refuse('UNKNOWN_VIEW', `block ${height} of view ${view}`)
  if (bodyHash(bodyBytes) !== decoded.value.body)
    return refuse('BAD_BLOCK', `block ${height}: the body does not hash to what its header says`)
  const content = decodeBody(bodyBytes)
  if (!content.ok) return refuse('BAD_BLOCK', `block ${height}: ${content.error.message}`)
  if (content.value.kind === 'executions') {
    const bad = content.value.heads.flatMap((head) => head.units).find((unit) => !decodePayload(unit.payload).ok)
    if (bad !== undefined) return refuse('BAD_BLOCK', `block ${height}: the payload of unit ${bad.hash} is malformed`)
  }
  const parts = decodeCertificate(certificate)
  if (!parts.ok) return parts
  const { signatures } = parts.value
  if (signatures.length < committee.quorum) {
    return refuse(
      'TOO_FEW_SIGNERS',
      `block ${height}: ${signatures.length} signers where ${committee.quorum} of ${committee.size} are needed`,
    )
  }
  const seats = signatures.map((each) => each.seat)
  const isOrdered = seats.every((seat, i) => committee.has(seat) && (i === 0 || seat > (seats[i - 1] ?? -1)))
  if (!isOrdered) return refuse('NO_SUCH_SEAT', `block ${height}: its signers are not distinct seats in order`)
  const hash = blockHash(headerBytes)
  const message = voteSignedBytes({ view, height, block: hash })
  const checks = signatures.map(({ seat, signature }) => ({ key: committee.at(seat).key, message, signature }))
  return ok({
    block: { header: decoded.value, hash, headerBytes, bodyBytes, body: content.value, certificate: parts.value },
    checks,
  })
}

/** Blocks come in a row; the first bad one ends it. */
function prepareBlocks(
  all: readonly CertifiedBlock[],
  committeeOf: CommitteeOf,
): Result<Prepared<Blocks>, AdmissionError> {
  const examined: ExaminedBlock[] = []
  let first: AdmissionError | undefined
  for (const block of all) {
    const result = examineBlock(block, committeeOf)
    if (!result.ok) {
      first = result.error
      break
    }
    examined.push(result.value)
  }
  if (examined.length === 0 && first !== undefined) return err(first)
  const finish = (valid: readonly boolean[]): Result<Blocks, AdmissionError> => {
    const blocks: AdmittedBlock[] = []
    let at = 0
    for (const { block, checks } of examined) {
      const isSigned = valid.slice(at, at + checks.length).every(Boolean)
      if (!isSigned)
        return blocks.length > 0
          ? ok({ kind: 'blocks', blocks })
          : refuse('BAD_SIGNATURE', `block ${block.header.height}: a signature of its certificate is wrong`)
      at += checks.length
      blocks.push(block as AdmittedBlock)
    }
    return ok({ kind: 'blocks', blocks })
  }
  return ok({ checks: examined.flatMap(({ checks }) => checks), finish })
}
