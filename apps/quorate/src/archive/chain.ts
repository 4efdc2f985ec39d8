// Checks a ledger's blocks one after the other, from genesis.json alone: that each stands on the one before, that the committee
// which the chain itself seats has certified it, and that its transactions and results are those that the header binds.
// What it can't check without executing is the state root; a quorum has signed that.

import type { Result } from '@quorate/kernel'
import { err, ok } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import { decodeOutcomes } from '@quorate/replica/host'
import { verifySignature } from '@quorate/client'
import type { Body, Digest, Genesis, Header, Height, Millis, Seated, WholeBlock } from '@quorate/types'
import {
  blockHash,
  bodyHash,
  checkCertificate,
  checkGenesisBlock,
  checkReconfigureBlock,
  decodeBody,
  decodeCertificate,
  decodeHeader,
  decodePayload,
  height,
  merkleRoot,
  millis,
  NO_BLOCK,
  outcomeHash,
  transactionHash,
  transactionsOf,
} from '@quorate/types'

/** Why a block is not the next of the ledger. The message names both sides of the mismatch. */
export interface ChainError {
  readonly code:
    | 'MALFORMED'
    | 'OTHER_LEDGER'
    | 'WRONG_PLACE'
    | 'CHAIN_BROKEN'
    | 'WRONG_BODY'
    | 'NOT_CERTIFIED'
    | 'WRONG_TRANSACTIONS'
    | 'WRONG_RESULTS'
  readonly message: string
}

/** Where a chain stands: behind its last checked block, or before genesis. */
export interface Place {
  /** -1 before genesis. */
  readonly height: number
  readonly hash: Digest
  readonly timeMs: Millis
  /** The committee of the next block, and the block that seated it; undefined before genesis. */
  readonly seated: Seated | undefined
}

/** A block that was checked. */
export interface CheckedBlock {
  readonly height: Height
  readonly hash: Digest
  readonly header: Header
  readonly kind: Body['kind']
  readonly signers: number
  readonly seats: number
}

/** Before genesis. */
export const BEGINNING: Place = { height: -1, hash: NO_BLOCK, timeMs: millis(0), seated: undefined }

function refuse(code: ChainError['code'], message: string): Result<never, ChainError> {
  return err({ code, message })
}

/** The ledger of a genesis.json, block by block. */
export class Chain {
  readonly #genesis: Genesis
  #place: Place

  constructor(genesis: Genesis, place: Place = BEGINNING) {
    this.#genesis = genesis
    this.#place = place
  }

  /** Behind the last block that was added. */
  get place(): Place {
    return this.#place
  }

  /** Checks the next block and moves behind it; an error changes nothing. */
  add(block: WholeBlock): Result<CheckedBlock, ChainError> {
    const decoded = decodeHeader(block.header)
    if (!decoded.ok) return refuse('MALFORMED', `header: ${decoded.error.message}`)
    const header = decoded.value
    const misplaced = this.#misplaced(header)
    if (misplaced !== undefined) return err(misplaced)
    if (bodyHash(block.body) !== header.body)
      return refuse('WRONG_BODY', `the body hashes to ${bodyHash(block.body)}, the header says ${header.body}`)
    const body = decodeBody(block.body)
    if (!body.ok) return refuse('MALFORMED', `body: ${body.error.message}`)
    const seated = this.#certified(block, header, body.value)
    if (!seated.ok) return seated
    const unfit = contentError(block, header, body.value)
    if (unfit !== undefined) return err(unfit)
    const certificate = decodeCertificate(block.certificate)
    const hash = blockHash(block.header)
    const seats = (this.#place.seated ?? seated.value).committee.size
    this.#place = { height: header.height, hash, timeMs: header.timeMs, seated: seated.value }
    const signers = certificate.ok ? certificate.value.signatures.length : 0
    return ok({ height: height(header.height), hash, header, kind: body.value.kind, signers, seats })
  }

  #misplaced(header: Header): ChainError | undefined {
    const { height: last, hash, timeMs, seated } = this.#place
    if (header.height !== last + 1)
      return { code: 'WRONG_PLACE', message: `block ${header.height} where block ${last + 1} belongs` }
    if (header.previous !== hash)
      return { code: 'CHAIN_BROKEN', message: `it stands on ${header.previous}, block ${last} is ${hash}` }
    if (header.timeMs < timeMs)
      return { code: 'CHAIN_BROKEN', message: `its time is ${header.timeMs}, that of the block before ${timeMs}` }
    if (seated === undefined) return undefined
    const { committee, height: at, block } = seated
    if (header.view !== committee.view)
      return { code: 'CHAIN_BROKEN', message: `it is of view ${header.view}, seated is view ${committee.view}` }
    const { lastReconfigure } = header
    if (lastReconfigure.height === at && lastReconfigure.hash === block) return undefined
    const found = `block ${lastReconfigure.height} (${lastReconfigure.hash})`
    return {
      code: 'CHAIN_BROKEN',
      message: `it says that ${found} seated its committee, but block ${at} did (${block})`,
    }
  }

  /** The committee of the next block. */
  #certified(block: WholeBlock, header: Header, body: Body): Result<Seated, ChainError> {
    const { seated } = this.#place
    if (seated === undefined || body.kind === 'reconfigure') return seatedBy(block, this.#genesis, seated)
    if (body.kind === 'genesis') return refuse('WRONG_PLACE', `block ${header.height} has the body of a genesis block`)
    const certificate = decodeCertificate(block.certificate)
    if (!certificate.ok) return refuse('MALFORMED', `certificate: ${certificate.error.message}`)
    const placed = { view: header.view, height: header.height, block: blockHash(block.header) }
    const checked = checkCertificate(certificate.value, placed, seated.committee, verifySignature)
    return checked.ok ? ok(seated) : refuse('NOT_CERTIFIED', `${checked.error.code}: ${checked.error.message}`)
  }
}

/** The committee that a genesis block (where `before` is undefined) or a reconfigure block seats, its own certificate checked. */
export function seatedBy(
  block: Omit<WholeBlock, 'results'>,
  genesis: Genesis,
  before: Seated | undefined,
): Result<Seated, ChainError> {
  const rules = { verify: verifySignature, seatCommittee }
  const seated =
    before === undefined ? checkGenesisBlock(block, genesis, rules) : checkReconfigureBlock(block, before, rules.verify)
  if (seated.ok) return seated
  const { code, message } = seated.error
  const isCertificate = code === 'GENESIS_NOT_CERTIFIED' || code === 'VIEW_NOT_CERTIFIED'
  return refuse(isCertificate ? 'NOT_CERTIFIED' : code, message)
}

/** Whether transactions and results are those that the header binds. */
function contentError(block: WholeBlock, header: Header, body: Body): ChainError | undefined {
  const units = body.kind === 'executions' ? body.heads.flatMap((head) => head.units) : []
  if (units.some((unit) => !decodePayload(unit.payload).ok))
    return { code: 'MALFORMED', message: 'a payload in the body does not decode' }
  const transactions = merkleRoot(transactionsOf(body).map(transactionHash))
  if (transactions !== header.transactionsRoot) {
    const message = `the transactions have the root ${transactions}, the header says ${header.transactionsRoot}`
    return { code: 'WRONG_TRANSACTIONS', message }
  }
  const outcomes = decodeOutcomes(block.results)
  if (!outcomes.ok) return { code: 'MALFORMED', message: `results: ${outcomes.error.message}` }
  const results = merkleRoot(outcomes.value.map(outcomeHash))
  if (results === header.resultsRoot) return undefined
  return {
    code: 'WRONG_RESULTS',
    message: `the results have the root ${results}, the header says ${header.resultsRoot}`,
  }
}
