// A member's promise to sit in a view's committee, with the key it will sign with there. Signed by its identity.

import type { Reader } from '@quorate/kernel'
import { Writer } from '@quorate/kernel'
import type { VerifySignature } from './domain.ts'
import { hashOf, signedBytes } from './domain.ts'
import type { ConsensusKey, Digest, MemberId, ReceiverKey, ViewId } from './ids.ts'
import { DIGEST_BYTES, readViewId, SIGNATURE_BYTES, writeDigest } from './ids.ts'

/** What is promised. */
export interface Join {
  readonly member: MemberId
  /** The view in which the join is ordered, the one before the seat: for founders, the genesis view. */
  readonly view: ViewId
  /** The key that signs its units and votes in the view that follows. */
  readonly key: ConsensusKey
  /** What its share of that view's coin is sealed for; undefined where it wants none, as at the founding. */
  readonly receiver?: ReceiverKey | undefined
}

/** A join with the signature of the member's identity key. */
export interface SignedJoin extends Join {
  readonly signature: Uint8Array
}

function joinHash(join: Join): Digest {
  const writer = new Writer(136)
  writePromise(writer, join)
  return hashOf('join', writer.finish())
}

/** What a join's signature is over. */
export function joinSignedBytes(join: Join): Uint8Array {
  return signedBytes('join', joinHash(join))
}

/** Whether the member itself signed this join. */
export function isJoinSigned(join: SignedJoin, verify: VerifySignature): boolean {
  return verify(join.member, joinSignedBytes(join), join.signature)
}

function writePromise(writer: Writer, { member, view, key, receiver }: Join): void {
  writer.hex(member, DIGEST_BYTES)
  writeDigest(writer, view)
  writer.hex(key, DIGEST_BYTES).option(receiver, (to, known) => to.hex(known, DIGEST_BYTES))
}

export function writeJoin(writer: Writer, join: SignedJoin): void {
  writePromise(writer, join)
  writer.raw(join.signature)
}

export function readJoin(reader: Reader): SignedJoin {
  const member = reader.hex(DIGEST_BYTES) as MemberId
  const view = readViewId(reader)
  const key = reader.hex(DIGEST_BYTES) as ConsensusKey
  const receiver = reader.option((r) => r.hex(DIGEST_BYTES) as ReceiverKey)
  const signature = reader.raw(SIGNATURE_BYTES).slice()
  return { member, view, key, ...(receiver === undefined ? {} : { receiver }), signature }
}
