import type { Brand, Reader, Writer } from '@quorate/kernel'
import { fromHex } from '@quorate/kernel'

/** SHA-256 digest: 64 lower-case hex digits in memory, 32 bytes on the wire. */
export type Digest = Brand<string, 'Digest'>

/** A member for life: its ed25519 public key, 64 lower-case hex digits. Addresses may change, this can't. */
export type MemberId = Brand<string, 'MemberId'>

/** An ed25519 public key that signs units and votes in one view: 64 lower-case hex digits. */
export type ConsensusKey = Brand<string, 'ConsensusKey'>

/** What a member's share of a view's coin is sealed for: 64 lower-case hex digits, opaque here. */
export type ReceiverKey = Brand<string, 'ReceiverKey'>

/** Names one reign of one committee. View ids chain from genesis, so nobody chooses them. */
export type ViewId = Brand<Digest, 'ViewId'>

/** Position in a committee, from 0. Meaningful only together with a view. */
export type Seat = Brand<number, 'Seat'>

/** Position of a block in the ledger; genesis is 0. */
export type Height = Brand<number, 'Height'>

/** Level of the DAG inside one view, from 0. */
export type Round = Brand<number, 'Round'>

/** Milliseconds: since 1970 for a point in time, otherwise a span. */
export type Millis = Brand<number, 'Millis'>

/** Bytes of a digest and of a public key. */
export const DIGEST_BYTES = 32
/** Bytes of an ed25519 signature. */
export const SIGNATURE_BYTES = 64

const HEX_64 = /^[0-9a-f]{64}$/

/** A digest from its hex, or undefined. */
export function parseDigest(text: string): Digest | undefined {
  return HEX_64.test(text) ? (text as Digest) : undefined
}

/** A member id from its hex, or undefined. Whether the point is a valid key shows at the first signature check. */
export function parseMemberId(text: string): MemberId | undefined {
  return HEX_64.test(text) ? (text as MemberId) : undefined
}

/** The 32 bytes of a digest or key. */
export function rawOf(hex: Digest | MemberId | ConsensusKey): Uint8Array {
  const bytes = fromHex(hex)
  if (bytes === undefined) throw new TypeError(`not hex: ${hex}`)
  return bytes
}

/** Mints a seat from a checked index. */
export function seat(index: number): Seat {
  return index as Seat
}

/** Mints a height from a checked number. */
export function height(value: number): Height {
  return value as Height
}

/** Mints a round from a checked number. */
export function round(value: number): Round {
  return value as Round
}

/** Mints milliseconds from a checked number. */
export function millis(value: number): Millis {
  return value as Millis
}

export function readDigest(reader: Reader): Digest {
  return reader.hex(DIGEST_BYTES) as Digest
}

export function writeDigest(writer: Writer, digest: Digest): void {
  writer.hex(digest, DIGEST_BYTES)
}

export function readViewId(reader: Reader): ViewId {
  return reader.hex(DIGEST_BYTES) as ViewId
}

export function readSeat(reader: Reader): Seat {
  return reader.u16() as Seat
}

export function readRound(reader: Reader): Round {
  return reader.u32() as Round
}

export function readHeight(reader: Reader): Height {
  return reader.u64() as Height
}

export function readMillis(reader: Reader): Millis {
  return reader.u64() as Millis
}
