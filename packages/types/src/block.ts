// Blocks: what the committee agreed on, in a chain. The header is what is signed; its `body` binds every byte of the body, its
// roots bind each transaction and result by itself, so that a receipt needs neither the body nor the other transactions.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { SEATS_MAX } from './committee.ts'
import { hashOf } from './domain.ts'
import type { Digest, Height, MemberId, Millis, Round, Seat, ViewId } from './ids.ts'
import {
  DIGEST_BYTES,
  readDigest,
  readHeight,
  readMillis,
  readRound,
  readSeat,
  readViewId,
  writeDigest,
} from './ids.ts'
import type { SignedJoin } from './join.ts'
import { readJoin, writeJoin } from './join.ts'
import { UNIT_PAYLOAD_BYTES_MAX } from './unit.ts'

/** Points back to a block by height and hash. */
export interface BlockPointer {
  readonly height: Height
  readonly hash: Digest
}

/** What a committee signs. */
export interface Header {
  /** Number of the rule set: engine, limits, gas table, encodings. */
  readonly era: number
  readonly height: Height
  /** View of the committee that certifies this block. */
  readonly view: ViewId
  /** Hash of the header before; all zeros at height 0. */
  readonly previous: Digest
  /** The block that seated this view's committee: genesis, later the last reconfigure block. */
  readonly lastReconfigure: BlockPointer
  /** The view's newest assemble block, this one included: its hash cuts the rings for the next view. Height 0 while there is none. */
  readonly lastAssemble: BlockPointer
  /** The last checkpoint; genesis until there is one. */
  readonly lastCheckpoint: BlockPointer
  /** Median of the ordered units' clocks, never before the previous block's. The database's notion of now. */
  readonly timeMs: Millis
  readonly transactionsRoot: Digest
  readonly resultsRoot: Digest
  /** Merkle root over the database's pages after this block. */
  readonly stateRoot: Digest
  /** Hash of the body's bytes. */
  readonly body: Digest
}

/** A unit that a head put into the ledger. */
export interface OrderedUnit {
  readonly creator: Seat
  readonly round: Round
  readonly hash: Digest
  readonly timestampMs: Millis
  readonly payload: Uint8Array
}

/** A decided head and the units it ordered, itself included, in their order. */
export interface OrderedHead {
  readonly round: Round
  /** Position among the round's candidates. */
  readonly slot: number
  readonly hash: Digest
  readonly units: readonly OrderedUnit[]
}

/** A block's content. Tag 4 is reserved for checkpoints. */
export type Body =
  /** The founding: canonical bytes of genesis.json and the founders' joins, ordered by the founders themselves. */
  | { readonly kind: 'genesis'; readonly genesis: Uint8Array; readonly joins: readonly SignedJoin[] }
  /** Every head decided since the block before, so that a reader of blocks alone knows what is ordered. */
  | { readonly kind: 'executions'; readonly heads: readonly OrderedHead[] }
  /** From here on the members that this block's hash seats publish their joins. */
  | { readonly kind: 'assemble' }
  | Reconfigure

/** The last block of a view: seats the committee of the next. */
export interface Reconfigure {
  readonly kind: 'reconfigure'
  /** The view that begins. */
  readonly next: ViewId
  /** Who holds its seats, by seat. */
  readonly seats: readonly MemberId[]
  /** Joins of those who published one, by member: the keys they sign with. The others sign with their identity keys. */
  readonly joins: readonly SignedJoin[]
  /** The public side of the key dealt for the next view's coin, opaque here; undefined where its coin is the computed one. */
  readonly coin?: Uint8Array | undefined
}

/** The 32 zero bytes before genesis. */
export const NO_BLOCK: Digest = '0'.repeat(64) as Digest
/** Most heads of one block. */
export const BLOCK_HEADS_MAX = 4096
/** Most units of one head. */
export const HEAD_UNITS_MAX = 65_536
/** Most bytes of the public side of a coin's key. */
export const COIN_BYTES_MAX = 8192
/** Most bytes of a body. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024

function writePointer(writer: Writer, pointer: BlockPointer): void {
  writeDigest(writer.u64(pointer.height), pointer.hash)
}

function readPointer(reader: Reader): BlockPointer {
  return { height: readHeight(reader), hash: readDigest(reader) }
}

/** Canonical bytes of a header. */
export function encodeHeader(header: Header): Uint8Array {
  const writer = new Writer(400)
  writer.u32(header.era).u64(header.height)
  writeDigest(writer, header.view)
  writeDigest(writer, header.previous)
  writePointer(writer, header.lastReconfigure)
  writePointer(writer, header.lastAssemble)
  writePointer(writer, header.lastCheckpoint)
  writer.u64(header.timeMs)
  writeDigest(writer, header.transactionsRoot)
  writeDigest(writer, header.resultsRoot)
  writeDigest(writer, header.stateRoot)
  writeDigest(writer, header.body)
  return writer.finish()
}

/** Reads a header. */
export function decodeHeader(bytes: Uint8Array): Result<Header, DecodeError> {
  return decode(bytes, (reader): Header => ({
    era: reader.u32(),
    height: readHeight(reader),
    view: readViewId(reader),
    previous: readDigest(reader),
    lastReconfigure: readPointer(reader),
    lastAssemble: readPointer(reader),
    lastCheckpoint: readPointer(reader),
    timeMs: readMillis(reader),
    transactionsRoot: readDigest(reader),
    resultsRoot: readDigest(reader),
    stateRoot: readDigest(reader),
    body: readDigest(reader),
  }))
}

/** The block's hash: over its header's bytes as received. */
export function blockHash(headerBytes: Uint8Array): Digest {
  return hashOf('block', headerBytes)
}

function writeOrderedUnit(writer: Writer, unit: OrderedUnit): void {
  writer.u16(unit.creator).u32(unit.round)
  writeDigest(writer, unit.hash)
  writer.u64(unit.timestampMs).bytes(unit.payload)
}

function readOrderedUnit(reader: Reader): OrderedUnit {
  return {
    creator: readSeat(reader),
    round: readRound(reader),
    hash: readDigest(reader),
    timestampMs: readMillis(reader),
    payload: reader.bytes(UNIT_PAYLOAD_BYTES_MAX),
  }
}

/** Canonical bytes of a body. */
export function encodeBody(body: Body): Uint8Array {
  const writer = new Writer(4096)
  switch (body.kind) {
    case 'genesis':
      writer.uleb(0).bytes(body.genesis).vector(body.joins, writeJoin)
      break
    case 'executions':
      writer.uleb(1).vector(body.heads, (w, head) => {
        writeDigest(w.u32(head.round).u16(head.slot), head.hash)
        w.vector(head.units, writeOrderedUnit)
      })
      break
    case 'assemble':
      writer.uleb(2)
      break
    case 'reconfigure':
      writeDigest(writer.uleb(3), body.next)
      writer.vector(body.seats, (w, member) => w.hex(member, DIGEST_BYTES)).vector(body.joins, writeJoin)
      writer.option(body.coin, (w, coin) => w.bytes(coin))
      break
  }
  return writer.finish()
}

/** Reads a body. */
export function decodeBody(bytes: Uint8Array): Result<Body, DecodeError> {
  return decode(bytes, (reader): Body => {
    const tag = reader.uleb()
    if (tag === 0)
      return { kind: 'genesis', genesis: reader.bytes(BODY_BYTES_MAX), joins: reader.vector(SEATS_MAX, readJoin) }
    if (tag === 1) {
      const heads = reader.vector(BLOCK_HEADS_MAX, (r) => ({
        round: readRound(r),
        slot: r.u16(),
        hash: readDigest(r),
        units: r.vector(HEAD_UNITS_MAX, readOrderedUnit),
      }))
      return { kind: 'executions', heads }
    }
    if (tag === 2) return { kind: 'assemble' }
    if (tag === 3) {
      const next = readViewId(reader)
      const seats = reader.vector(SEATS_MAX, (r) => r.hex(DIGEST_BYTES) as MemberId)
      if (seats.length === 0 || new Set(seats).size < seats.length) reader.refuse('INVALID', 'seats are not distinct')
      const joins = reader.vector(SEATS_MAX, readJoin)
      const coin = reader.option((r) => r.bytes(COIN_BYTES_MAX).slice())
      return { kind: 'reconfigure', next, seats, joins, ...(coin === undefined ? {} : { coin }) }
    }
    return reader.refuse('INVALID', `body tag ${tag}`)
  })
}

/** Hash of a body's bytes, as its header holds it. */
export function bodyHash(bodyBytes: Uint8Array): Digest {
  return hashOf('body', bodyBytes)
}
