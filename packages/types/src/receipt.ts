// A receipt proves, to anyone who holds genesis.json, that a transaction stands at one position of the ledger with one outcome.
// No server is asked and none is trusted. The chain of proof, each link recomputed:
//
//   genesis.json -> ledger id -> founders' keys -> certificate of the genesis block -> committee it seats
//     -> certificate of each reconfigure block -> committee it seats (view-chain.ts)
//     -> certificate of the transaction's block -> header -> transactions root and results root -> transaction and outcome

import type { DecodeError, Result } from '@quorate/kernel'
import { decode, err, ok, Writer } from '@quorate/kernel'
import type { Header } from './block.ts'
import { blockHash, BODY_BYTES_MAX, decodeHeader } from './block.ts'
import { checkCertificate, decodeCertificate } from './certificate.ts'
import type { Committee } from './committee.ts'
import { SEATS_MAX } from './committee.ts'
import type { VerifySignature } from './domain.ts'
import type { Genesis } from './genesis.ts'
import { ledgerId } from './genesis.ts'
import type { Digest, Height, Millis } from './ids.ts'
import { readDigest, writeDigest } from './ids.ts'
import { merkleRootFrom } from './merkle.ts'
import type { Outcome } from './outcome.ts'
import { decodeOutcome, outcomeHash } from './outcome.ts'
import type { CertifiedBlock } from './request.ts'
import type { Transaction } from './transaction.ts'
import { decodeTransaction, transactionHash } from './transaction.ts'
import type { ViewChainError, ViewChainRules } from './view-chain.ts'
import { checkViewChain, VIEW_CHAIN_MAX } from './view-chain.ts'

/** A receipt's parts, as bytes where something is hashed. */
export interface Receipt {
  /** The genesis block and every reconfigure block up to the one that seats the committee that certified `header`. */
  readonly views: readonly CertifiedBlock[]
  readonly header: Uint8Array
  readonly certificate: Uint8Array
  readonly transaction: Uint8Array
  readonly outcome: Uint8Array
  /** Position in the block, from 0, and number of the block's transactions. */
  readonly position: number
  readonly count: number
  readonly transactionPath: readonly Digest[]
  readonly outcomePath: readonly Digest[]
}

/** What a valid receipt proves. */
export interface Proven {
  readonly ledger: Digest
  readonly height: Height
  readonly block: Digest
  readonly position: number
  readonly timeMs: Millis
  readonly stateRoot: Digest
  readonly transaction: Transaction
  readonly outcome: Outcome
  /** How many of how many seats certified the block. */
  readonly signers: number
  readonly seats: number
}

/** Why a receipt proves nothing. The message names both sides of the mismatch. */
export interface ReceiptError {
  readonly code:
    | ViewChainError['code']
    | 'OTHER_VIEW'
    | 'NOT_CERTIFIED'
    | 'TRANSACTION_NOT_IN_BLOCK'
    | 'OUTCOME_NOT_IN_BLOCK'
  readonly message: string
}

const VERSION = 2
const PATH_MAX = 64
const HEADER_BYTES_MAX = 1024
const CERTIFICATE_BYTES_MAX = SEATS_MAX * 80

/** Canonical bytes of a receipt; files hold them in base64 under `receipt`. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const writer = new Writer(4096)
  writer.u8(VERSION)
  writer.vector(receipt.views, (w, block) => w.bytes(block.header).bytes(block.body).bytes(block.certificate))
  writer.bytes(receipt.header).bytes(receipt.certificate).bytes(receipt.transaction).bytes(receipt.outcome)
  writer.u32(receipt.position).u32(receipt.count)
  writer.vector(receipt.transactionPath, writeDigest).vector(receipt.outcomePath, writeDigest)
  return writer.finish()
}

/** Reads a receipt's bytes. */
export function decodeReceipt(bytes: Uint8Array): Result<Receipt, DecodeError> {
  return decode(bytes, (reader): Receipt => {
    const version = reader.u8()
    if (version !== VERSION) reader.refuse('INVALID', `receipt version ${version}, this software knows ${VERSION}`)
    return {
      views: reader.vector(VIEW_CHAIN_MAX, (r) => ({
        header: r.bytes(HEADER_BYTES_MAX),
        body: r.bytes(BODY_BYTES_MAX),
        certificate: r.bytes(CERTIFICATE_BYTES_MAX),
      })),
      header: reader.bytes(HEADER_BYTES_MAX),
      certificate: reader.bytes(CERTIFICATE_BYTES_MAX),
      transaction: reader.bytes(BODY_BYTES_MAX),
      outcome: reader.bytes(BODY_BYTES_MAX),
      position: reader.u32(),
      count: reader.u32(),
      transactionPath: reader.vector(PATH_MAX, readDigest),
      outcomePath: reader.vector(PATH_MAX, readDigest),
    }
  })
}

function refuse(code: ReceiptError['code'], message: string): Result<never, ReceiptError> {
  return err({ code, message })
}

function checkHeader(
  receipt: Receipt,
  committee: Committee,
  verify: VerifySignature,
): Result<{ readonly header: Header; readonly hash: Digest; readonly signers: number }, ReceiptError> {
  const header = decodeHeader(receipt.header)
  if (!header.ok) return refuse('MALFORMED', `header: ${header.error.message}`)
  if (header.value.view !== committee.view) {
    return refuse(
      'OTHER_VIEW',
      `the block is of view ${header.value.view}, the receipt's view chain leads to view ${committee.view}`,
    )
  }
  const certificate = decodeCertificate(receipt.certificate)
  if (!certificate.ok) return refuse('MALFORMED', `certificate: ${certificate.error.message}`)
  const hash = blockHash(receipt.header)
  const certified = checkCertificate(certificate.value, { ...header.value, block: hash }, committee, verify)
  if (!certified.ok) return refuse('NOT_CERTIFIED', `${certified.error.code}: ${certified.error.message}`)
  return ok({ header: header.value, hash, signers: certificate.value.signatures.length })
}

/** Verifies a receipt against genesis.json. Pure: give it the signature rule and the seating rule. */
export function verifyReceipt(receipt: Receipt, genesis: Genesis, rules: ViewChainRules): Result<Proven, ReceiptError> {
  const seated = checkViewChain(receipt.views, genesis, rules)
  if (!seated.ok) return seated
  const { committee } = seated.value
  const block = checkHeader(receipt, committee, rules.verify)
  if (!block.ok) return block
  const { header, hash, signers } = block.value
  const { position, count } = receipt
  const transactionsRoot = merkleRootFrom(
    transactionHash(receipt.transaction),
    position,
    count,
    receipt.transactionPath,
  )
  if (transactionsRoot !== header.transactionsRoot) {
    return refuse(
      'TRANSACTION_NOT_IN_BLOCK',
      `the path leads to ${transactionsRoot ?? 'nothing'}, the header says ${header.transactionsRoot}`,
    )
  }
  const resultsRoot = merkleRootFrom(outcomeHash(receipt.outcome), position, count, receipt.outcomePath)
  if (resultsRoot !== header.resultsRoot) {
    return refuse(
      'OUTCOME_NOT_IN_BLOCK',
      `the path leads to ${resultsRoot ?? 'nothing'}, the header says ${header.resultsRoot}`,
    )
  }
  const transaction = decodeTransaction(receipt.transaction)
  if (!transaction.ok) return refuse('MALFORMED', `transaction: ${transaction.error.message}`)
  const outcome = decodeOutcome(receipt.outcome)
  if (!outcome.ok) return refuse('MALFORMED', `outcome: ${outcome.error.message}`)
  return ok({
    ledger: ledgerId(genesis),
    height: header.height,
    block: hash,
    position,
    timeMs: header.timeMs,
    stateRoot: header.stateRoot,
    transaction: transaction.value,
    outcome: outcome.value,
    signers,
    seats: committee.size,
  })
}
