// Who belongs to the ledger is decided on the ledger: a member signs an order, the order is executed like any transaction, and
// more than two thirds of the members together change the list.
//
// Problem: an order must not work twice, elsewhere, or for something else than its member meant. What a signature is over is
// therefore the whole transaction but the signature: its id and expiry (an id has one outcome until it has expired, and nothing
// executes afterwards, so no counter is needed), the ledger, the author, the action. Whoever approves signs the digest of the change
// besides the proposal's number: a gateway that shows another proposal under that number gains nothing. A member that is given a
// new key consents with that key, by a statement of its own that can be made on the machine where the key is, and sent on.
//
// Limits: whoever sees an order before it is executed can use its id for another transaction first, and so fail this one try. It
// could as well not pass it on; the member signs again, under a new id.

import type { Reader, Writer } from '@quorate/kernel'
import { assert, Writer as BytesWriter } from '@quorate/kernel'
import { hashOf, signedBytes } from './domain.ts'
import type { VerifySignature } from './domain.ts'
import type { Digest, MemberId } from './ids.ts'
import { DIGEST_BYTES, readDigest, SIGNATURE_BYTES, writeDigest } from './ids.ts'
import { isMemberAddress, isMemberName, MEMBER_LIMITS } from './member.ts'

/** What a proposal would change. */
export type Change =
  | { readonly kind: 'add'; readonly member: MemberId; readonly name: string; readonly address: string }
  | { readonly kind: 'remove'; readonly member: MemberId }
  /** The member goes on under another key; the key that it had is worth nothing afterwards. */
  | { readonly kind: 'rekey'; readonly member: MemberId; readonly successor: MemberId }

/** What a member orders. */
export type GovernanceAction =
  /** Opens a proposal, with the author's approval. */
  | {
      readonly kind: 'propose'
      readonly change: Change
      /** With a rekey and only then: the new key's signature over `rekeySignedBytes`. */
      readonly consent?: Uint8Array
    }
  | {
      readonly kind: 'approve'
      /** The proposal's number. */
      readonly proposal: number
      /** What the author believes it to be: `changeDigest`. */
      readonly change: Digest
    }
  /** Takes back what one has said: a proposer its proposal, anyone else an approval. */
  | { readonly kind: 'withdraw'; readonly proposal: number }
  /** The author's replica is reached elsewhere from now on. Needs nobody's approval. */
  | { readonly kind: 'address'; readonly address: string }

/** A member's order, signed. */
export interface Governance {
  /** The ledger that it is for: it says nothing on any other. */
  readonly ledger: Digest
  readonly author: MemberId
  readonly action: GovernanceAction
  /** By the author's identity key, over `governanceSignedBytes` of the transaction. */
  readonly signature: Uint8Array
}

function writeChange(writer: Writer, change: Change): void {
  switch (change.kind) {
    case 'add':
      writer.uleb(0).hex(change.member, DIGEST_BYTES).text(change.name).text(change.address)
      return
    case 'remove':
      writer.uleb(1).hex(change.member, DIGEST_BYTES)
      return
    case 'rekey':
      writer.uleb(2).hex(change.member, DIGEST_BYTES).hex(change.successor, DIGEST_BYTES)
  }
}

function readMember(reader: Reader): MemberId {
  return reader.hex(DIGEST_BYTES) as MemberId
}

function readName(reader: Reader): string {
  const name = reader.text(MEMBER_LIMITS.nameCharsMax)
  return isMemberName(name) ? name : reader.refuse('INVALID', `a member's name is 1 to 64 of A-Z a-z 0-9 . _ -`)
}

function readAddress(reader: Reader): string {
  const address = reader.text(MEMBER_LIMITS.addressCharsMax)
  return isMemberAddress(address) ? address : reader.refuse('INVALID', "a member's address is host:port")
}

function readChange(reader: Reader): Change {
  const tag = reader.uleb()
  if (tag === 0)
    return { kind: 'add', member: readMember(reader), name: readName(reader), address: readAddress(reader) }
  if (tag === 1) return { kind: 'remove', member: readMember(reader) }
  if (tag === 2) return { kind: 'rekey', member: readMember(reader), successor: readMember(reader) }
  return reader.refuse('INVALID', `change tag ${tag}`)
}

function writeAction(writer: Writer, action: GovernanceAction): void {
  switch (action.kind) {
    case 'propose': {
      const { change, consent } = action
      assert(
        (change.kind === 'rekey') === (consent !== undefined),
        'the new key consents to a rekey, and to nothing else',
      )
      writeChange(writer.uleb(0), change)
      if (consent !== undefined) writeSignature(writer, consent)
      return
    }
    case 'approve':
      writeDigest(writer.uleb(1).u64(action.proposal), action.change)
      return
    case 'withdraw':
      writer.uleb(2).u64(action.proposal)
      return
    case 'address':
      writer.uleb(3).text(action.address)
  }
}

function readAction(reader: Reader): GovernanceAction {
  const tag = reader.uleb()
  switch (tag) {
    case 0: {
      const change = readChange(reader)
      return change.kind === 'rekey'
        ? { kind: 'propose', change, consent: readSignature(reader) }
        : { kind: 'propose', change }
    }
    case 1:
      return { kind: 'approve', proposal: reader.u64(), change: readDigest(reader) }
    case 2:
      return { kind: 'withdraw', proposal: reader.u64() }
    case 3:
      return { kind: 'address', address: readAddress(reader) }
    default:
      return reader.refuse('INVALID', `governance tag ${tag}`)
  }
}

function writeSignature(writer: Writer, signature: Uint8Array): void {
  assert(signature.length === SIGNATURE_BYTES, `a signature of ${signature.length} bytes`)
  writer.raw(signature)
}

function readSignature(reader: Reader): Uint8Array {
  return reader.raw(SIGNATURE_BYTES).slice()
}

/** Wire: ledger, author, action, and last the signature. */
export function writeGovernance(writer: Writer, { ledger, author, action, signature }: Governance): void {
  writeDigest(writer, ledger)
  writeAction(writer.hex(author, DIGEST_BYTES), action)
  writeSignature(writer, signature)
}

export function readGovernance(reader: Reader): Governance {
  const ledger = readDigest(reader)
  const author = readMember(reader)
  const action = readAction(reader)
  return { ledger, author, action, signature: readSignature(reader) }
}

/** Digest of a governance transaction without its signature: the same for the same order. @param transaction - Its whole bytes. */
export function governanceHash(transaction: Uint8Array): Digest {
  return hashOf('governance', transaction.subarray(0, transaction.length - SIGNATURE_BYTES))
}

/** What the author's signature is over. @param transaction - The transaction's whole bytes; those of the signature don't matter. */
export function governanceSignedBytes(transaction: Uint8Array): Uint8Array {
  return signedBytes('governance', governanceHash(transaction))
}

/** Names a change, wherever it is proposed: what an approval is bound to. */
export function changeDigest(change: Change): Digest {
  const writer = new BytesWriter(160)
  writeChange(writer, change)
  return hashOf('change', writer.finish())
}

/** What a new key signs to consent to going on as `member` of this ledger. */
export function rekeySignedBytes(ledger: Digest, member: MemberId, successor: MemberId): Uint8Array {
  const writer = new BytesWriter(96)
  writeDigest(writer, ledger)
  return signedBytes('rekey', hashOf('rekey', writer.hex(member, DIGEST_BYTES).hex(successor, DIGEST_BYTES).finish()))
}

/** Whether author, and new key where there is one, have signed. @param transaction - The bytes that `governance` was read from. */
export function isGovernanceSigned(governance: Governance, transaction: Uint8Array, verify: VerifySignature): boolean {
  const { ledger, author, action, signature } = governance
  if (!verify(author, governanceSignedBytes(transaction), signature)) return false
  if (action.kind !== 'propose' || action.change.kind !== 'rekey') return true
  const { member, successor } = action.change
  return action.consent !== undefined && verify(successor, rekeySignedBytes(ledger, member, successor), action.consent)
}
