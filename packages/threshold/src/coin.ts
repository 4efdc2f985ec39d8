// A common coin (Cachin, Kursawe, Shoup: "Random Oracles in Constantinople", PODC 2000, section 4.3).
//
// Problem: members must draw the same random value for a name, and nobody may know it before enough of them wanted it
// known. A hash of the name is common, but everybody knows it beforehand. Values that members draw and publish can be
// chosen last. Instead the value is fixed by a key that nobody has: with secret x shared among the seats, the value of a name is
// a hash of x P, P being the name hashed into the group. Seat i says x_i P, and proves with its public key that it is that. Any
// t + 1 such shares interpolate to x P, whichever they are; t of them say nothing (under the Diffie-Hellman assumption
// in the random oracle model).
//
// Limits: with t + 1 seats in one hand every value can be foreseen, for ever. Keys are for as long as a committee sits.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { assert, bytesEqual, decode, err, fromHex, must, ok, sha256Of, utf8, Writer } from '@quorate/kernel'
import type { Proof } from './equality-proof.ts'
import { holdsEquality, proveEquality, readProof, writeProof } from './equality-proof.ts'
import { THRESHOLD_LIMITS } from './limits.ts'
import { weightsOf } from './polynomial.ts'
import type { Point, Scalar } from './ristretto.ts'
import {
  BASE,
  ENCODED_BYTES,
  hashToPoint,
  readPoint,
  readScalar,
  scalarBytes,
  sum,
  timesPublic,
  timesSecret,
} from './ristretto.ts'

/** The public side of a shared key. */
export interface CoinGroup {
  /** t: so many seats together can't foresee a coin, one more can make it. */
  readonly threshold: number
  /** The secret times the generator. */
  readonly key: Point
  /** Each seat's share of the secret times the generator. */
  readonly keys: readonly Point[]
}

/** One seat's share of the secret. Never leaves the machine. */
export interface KeyShare {
  readonly seat: number
  readonly secret: Scalar
}

/** A share of a coin whose proof holds. */
export interface CoinShare {
  readonly seat: number
  readonly name: Uint8Array
  readonly point: Point
}

/** Why a share was refused. */
export type ShareError =
  | DecodeError
  | { readonly code: 'SEAT'; readonly seat: number; readonly seats: number; readonly message: string }
  | { readonly code: 'PROOF'; readonly seat: number; readonly message: string }

/** Why shares make no coin. */
export interface CombineError {
  /** Fewer than t + 1 distinct seats, or a share of another name. */
  readonly code: 'TOO_FEW' | 'NAME'
  readonly have: number
  readonly need: number
  readonly message: string
}

const SHARE_CONTEXT = utf8('quorate/threshold/share/1')
const VALUE_TAG = utf8('quorate/threshold/value/1')

/** This seat's share of the coin `name` (at most `nameBytesMax` bytes): 96 bytes, the same each time. */
export function makeCoinShare(own: KeyShare, name: Uint8Array): Uint8Array {
  assert(name.length <= THRESHOLD_LIMITS.nameBytesMax, `a name of ${name.length} bytes`)
  const other = hashToPoint('coin', name)
  const result = timesSecret(other, own.secret)
  const key = timesSecret(BASE, own.secret)
  const writer = new Writer(3 * ENCODED_BYTES).raw(result.toBytes())
  writeProof(writer, proveEquality({ context: SHARE_CONTEXT, key, other, result }, own.secret))
  return writer.finish()
}

/** Checks a share of the coin `name` that `seat` sent. */
export function verifyCoinShare(
  group: CoinGroup,
  name: Uint8Array,
  seat: number,
  bytes: Uint8Array,
): Result<CoinShare, ShareError> {
  assert(name.length <= THRESHOLD_LIMITS.nameBytesMax, `a name of ${name.length} bytes`)
  const key = group.keys[seat]
  const seats = group.keys.length
  if (key === undefined) return err({ code: 'SEAT', seat, seats, message: `seat ${seat} of ${seats}` })
  const decoded = decode(bytes, readShare)
  if (!decoded.ok) return decoded
  const { point, proof } = decoded.value
  const statement = { context: SHARE_CONTEXT, key, other: hashToPoint('coin', name), result: point }
  if (!holdsEquality(statement, proof)) return err({ code: 'PROOF', seat, message: `seat ${seat} proves nothing` })
  return ok({ seat, name: name.slice(), point })
}

function readShare(reader: Reader): { readonly point: Point; readonly proof: Proof } {
  return { point: readPoint(reader), proof: readProof(reader) }
}

/** The value of the coin `name`, 32 bytes, from shares of at least t + 1 seats; which ones makes no difference. */
export function combineCoin(
  group: CoinGroup,
  name: Uint8Array,
  shares: readonly CoinShare[],
): Result<Uint8Array, CombineError> {
  const need = group.threshold + 1
  const bySeat = new Map(shares.map((share) => [share.seat, share]))
  const chosen = [...bySeat.values()].slice(0, need)
  const have = bySeat.size
  if (have < need) return err({ code: 'TOO_FEW', have, need, message: `${have} seats, ${need} needed` })
  if (shares.some((share) => !bytesEqual(share.name, name)))
    return err({ code: 'NAME', have, need, message: 'a share of another coin' })
  const weights = weightsOf(chosen.map(({ seat }) => seat))
  const point = sum(chosen.map((share, at) => timesPublic(share.point, must(weights[at], 'a weight for each'))))
  const named = new Writer().bytes(name).raw(point.toBytes()).finish()
  return ok(must(fromHex(sha256Of([VALUE_TAG, named])), 'a digest is hex'))
}

/** The first bit of a coin's value. */
export function coinBit(value: Uint8Array): 0 | 1 {
  return (must(value[0], 'a value has 32 bytes') & 1) === 0 ? 0 : 1
}

/** Canonical bytes of the public side. */
export function encodeCoinGroup({ threshold, key, keys }: CoinGroup): Uint8Array {
  const writer = new Writer((keys.length + 2) * ENCODED_BYTES).u16(threshold).raw(key.toBytes())
  return writer.vector(keys, (to, each) => to.raw(each.toBytes())).finish()
}

/** Reads what `encodeCoinGroup` wrote. Whether the keys belong together is not checked: take them from who may say so. */
export function decodeCoinGroup(bytes: Uint8Array): Result<CoinGroup, DecodeError> {
  return decode(bytes, (reader) => {
    const threshold = reader.u16()
    const key = readPoint(reader)
    const keys = reader.vector(THRESHOLD_LIMITS.seatsMax, readPoint)
    if (keys.length < threshold + 1) reader.refuse('INVALID', `${keys.length} seats for a threshold of ${threshold}`)
    return { threshold, key, keys }
  })
}

/** Canonical bytes of a share of the secret, for the own disk. */
export function encodeKeyShare({ seat, secret }: KeyShare): Uint8Array {
  return new Writer(34).u16(seat).raw(scalarBytes(secret)).finish()
}

/** Reads what `encodeKeyShare` wrote. INVALID where it doesn't fit the group. */
export function decodeKeyShare(group: CoinGroup, bytes: Uint8Array): Result<KeyShare, DecodeError> {
  return decode(bytes, (reader) => {
    const seat = reader.u16()
    const secret = readScalar(reader)
    const fits = group.keys[seat]?.equals(timesSecret(BASE, secret)) ?? false
    return fits ? { seat, secret } : reader.refuse('INVALID', `not the share of seat ${seat}`)
  })
}
