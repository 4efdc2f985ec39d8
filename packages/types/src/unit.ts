// The unit: what a member says in one round. Its hash binds every field but the signature, which is over the hash.

import type { DecodeError, Result } from '@quorate/kernel'
import { concatBytes, decode, Writer } from '@quorate/kernel'
import type { Committee } from './committee.ts'
import { SEATS_MAX } from './committee.ts'
import type { VerifySignature } from './domain.ts'
import { hashOf, signedBytes } from './domain.ts'
import type { Digest, Millis, Round, Seat, ViewId } from './ids.ts'
import {
  DIGEST_BYTES,
  readDigest,
  readMillis,
  readRound,
  readSeat,
  readViewId,
  SIGNATURE_BYTES,
  writeDigest,
} from './ids.ts'

/** A unit of an earlier round that this one stands on. */
export interface Parent {
  readonly round: Round
  readonly hash: Digest
}

/** A unit before its signature. */
export interface UnsignedUnit {
  readonly view: ViewId
  readonly creator: Seat
  readonly round: Round
  /** By seat; undefined where the creator knows no unit of that seat below its round. */
  readonly parents: readonly (Parent | undefined)[]
  /** The creator's clock. Blocks take the median, so no single clock matters. */
  readonly timestampMs: Millis
  /** Canonical bytes of a payload; empty when the creator had nothing to say. */
  readonly payload: Uint8Array
}

/** A unit as received: decoded, but neither its signature nor its place in the DAG is checked. */
export interface UncheckedUnit extends UnsignedUnit {
  readonly hash: Digest
  readonly signature: Uint8Array
  /** The bytes as received: what is stored and passed on. */
  readonly bytes: Uint8Array
}

declare const admitted: unique symbol

/** A unit of the right view whose signature is its creator's. Only `admitUnit` and `sealUnit` mint it. */
export interface AdmittedUnit extends UncheckedUnit {
  readonly [admitted]: true
}

/** Most payload bytes of one unit. */
export const UNIT_PAYLOAD_BYTES_MAX = 8 * 1024 * 1024
/** Most bytes of one unit: payload, parents, fixed fields. */
export const UNIT_BYTES_MAX = UNIT_PAYLOAD_BYTES_MAX + SEATS_MAX * (DIGEST_BYTES + 5) + 256

/** Canonical bytes of everything that the hash covers. */
export function encodeUnsignedUnit(unit: UnsignedUnit): Uint8Array {
  const writer = new Writer(160 + unit.parents.length * 37 + unit.payload.length)
  writeDigest(writer, unit.view)
  writer.u16(unit.creator).u32(unit.round)
  writer.vector(unit.parents, (w, parent) => {
    w.option(parent, (x, known) => writeDigest(x.u32(known.round), known.hash))
  })
  writer.u64(unit.timestampMs).bytes(unit.payload)
  return writer.finish()
}

/** Hash of a unit from the bytes of `encodeUnsignedUnit`. */
export function unitHash(unsignedBytes: Uint8Array): Digest {
  return hashOf('unit', unsignedBytes)
}

/** Decodes a unit. Its hash is over the received bytes. */
export function decodeUnit(bytes: Uint8Array): Result<UncheckedUnit, DecodeError> {
  return decode(bytes, (reader): UncheckedUnit => {
    const view = readViewId(reader)
    const creator = readSeat(reader)
    const round = readRound(reader)
    const parents = reader.vector(SEATS_MAX, (r) =>
      r.option((x): Parent => ({ round: readRound(x), hash: readDigest(x) })),
    )
    const timestampMs = readMillis(reader)
    const payload = reader.bytes(UNIT_PAYLOAD_BYTES_MAX)
    const hash = unitHash(bytes.subarray(0, reader.at))
    const signature = reader.raw(SIGNATURE_BYTES)
    return { view, creator, round, parents, timestampMs, payload, hash, signature, bytes }
  })
}

/** What a unit's signature is over. */
export function unitSignedBytes(hash: Digest): Uint8Array {
  return signedBytes('unit', hash)
}

/** Why a decoded unit is not admitted. */
export interface UnitRefusal {
  readonly code: 'WRONG_VIEW' | 'NO_SUCH_SEAT' | 'WRONG_PARENT_COUNT' | 'BAD_SIGNATURE'
  readonly message: string
}

/** Why a unit is refused before its signature is worth checking, or undefined. Cheap checks come first. */
export function refuseUnit(unit: UncheckedUnit, committee: Committee): UnitRefusal | undefined {
  if (unit.view !== committee.view)
    return { code: 'WRONG_VIEW', message: `unit of view ${unit.view} in view ${committee.view}` }
  if (!committee.has(unit.creator))
    return { code: 'NO_SUCH_SEAT', message: `seat ${unit.creator} in a committee of ${committee.size}` }
  if (unit.parents.length !== committee.size) {
    return {
      code: 'WRONG_PARENT_COUNT',
      message: `${unit.parents.length} parent slots in a committee of ${committee.size}`,
    }
  }
  return undefined
}

/** Admits a unit whose cheap checks passed and whose signature `valid` was just verified by the shell. */
export function admitUnit(
  unit: UncheckedUnit,
  committee: Committee,
  verify: VerifySignature,
): Result<AdmittedUnit, UnitRefusal> {
  const refusal = refuseUnit(unit, committee)
  if (refusal !== undefined) return { ok: false, error: refusal }
  if (!verify(committee.at(unit.creator).key, unitSignedBytes(unit.hash), unit.signature)) {
    return {
      ok: false,
      error: { code: 'BAD_SIGNATURE', message: `unit ${unit.hash} is not signed by seat ${unit.creator}` },
    }
  }
  return { ok: true, value: unit as AdmittedUnit }
}

/** Joins an own unit with the signature just made for it. */
export function sealUnit(unit: UnsignedUnit, signature: Uint8Array): AdmittedUnit {
  const unsigned = encodeUnsignedUnit(unit)
  const sealed: UncheckedUnit = {
    ...unit,
    hash: unitHash(unsigned),
    signature,
    bytes: concatBytes([unsigned, signature]),
  }
  return sealed as AdmittedUnit
}
