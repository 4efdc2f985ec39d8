// A member's promise to sit in a view's committee, with the key it will sign with there. Signed by its identity.

import type { Reader, Writer } from '@quorate/kernel'
import { Writer as BytesWriter } from '@quorate/kernel'
import type { VerifySignature } from './domain.ts'
import { hashOf, signedBytes } from './domain.ts'
import type { ConsensusKey, Digest, MemberId, ViewId } from './ids.ts'
import { DIGEST_BYTES, readViewId, SIGNATURE_BYTES, writeDigest } from './ids.ts'

/** What is promised. */
export interface Join {
  readonly member: MemberId
  /** The view in which the join is ordered, the one before the seat: for founders, the genesis view. */
  readonly view: ViewId
  /** The key that signs its units and votes in the view that follows. */
  readonly key: ConsensusKey
}

/** A join with the signature of the member's identity key. */
export interface SignedJoin extends Join {
  readonly signature: Uint8Array
}

function joinHash(join: Join): Digest {
  const writer = new BytesWriter(96)
  writer.hex(join.member, DIGEST_BYTES).hex(join.view, DIGEST_BYTES).hex(join.key, DIGEST_BYTES)
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

export function writeJoin(writer: Writer, join: SignedJoin): void {
  writer.hex(join.member, DIGEST_BYTES)
  writeDigest(writer, join.view)
  writer.hex(join.key, DIGEST_BYTES).raw(join.signature)
}

export function readJoin(reader: Reader): SignedJoin {
  const member = reader.hex(DIGEST_BYTES) as MemberId
  const view = readViewId(reader)
  const key = reader.hex(DIGEST_BYTES) as ConsensusKey
  return { member, view, key, signature: reader.raw(SIGNATURE_BYTES).slice() }
}
