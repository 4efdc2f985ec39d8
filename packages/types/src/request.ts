// What replicas of one ledger ask each other. Each kind of question is a protocol of its own, spoken in sessions; here are the
// canonical bytes of its words. As with messages, units and blocks are decoded one by one by who admits them.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { BODY_BYTES_MAX } from './block.ts'
import { SEATS_MAX } from './committee.ts'
import type { Digest, Height, ViewId } from './ids.ts'
import { readDigest, readHeight, readViewId, writeDigest } from './ids.ts'
import { TRANSACTION_LIMITS } from './transaction.ts'
import { UNIT_BYTES_MAX } from './unit.ts'

/** A block with everything that proves it, as its parts' canonical bytes. */
export interface CertifiedBlock {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly certificate: Uint8Array
}

/** Asks for units of a view by hash. */
export interface UnitsAsk {
  readonly kind: 'units'
  readonly view: ViewId
  readonly hashes: readonly Digest[]
}

/** Asks for certified blocks from a height on. */
export interface BlocksAsk {
  readonly kind: 'blocks'
  readonly from: Height
  readonly count: number
}

/** Read index: asks for the highest height that the other side has voted for. `question` comes back in the answer. */
export interface VotedAsk {
  readonly kind: 'voted'
  readonly question: number
}

/** A question to another replica. */
export type Ask = UnitsAsk | BlocksAsk | VotedAsk

/** The units that are known there; none where none is. */
export interface UnitsAnswer {
  readonly kind: 'units'
  readonly units: readonly Uint8Array[]
}

/** Certified blocks in a row; none where the first is not there. */
export interface BlocksAnswer {
  readonly kind: 'blocks'
  readonly blocks: readonly CertifiedBlock[]
}

/** How far the other side has voted; undefined before genesis. */
export interface VotedAnswer {
  readonly kind: 'voted'
  readonly question: number
  readonly voted: Height | undefined
}

/** An answer to the question of the same kind. */
export type Answer = UnitsAnswer | BlocksAnswer | VotedAnswer

/** A client's transactions, handed to a replica that can order them. */
export interface Forward {
  readonly transactions: readonly Uint8Array[]
}

/** Bounds of questions and answers, checked when they are decoded. */
export const REQUEST_LIMITS = {
  hashesMax: 1024,
  unitsMax: 4096,
  blocksMax: 1024,
  /** Transactions forwarded at once, and their bytes. */
  forwardMax: 256,
  forwardBytesMax: TRANSACTION_LIMITS.bytesMax + 64 * 1024,
  headerBytesMax: 1024,
  answerBytesMax: BODY_BYTES_MAX + UNIT_BYTES_MAX,
} as const

/** Canonical bytes both ways. `decode` gives views of its argument. */
export interface Words<T> {
  readonly encode: (value: T) => Uint8Array
  readonly decode: (bytes: Uint8Array) => Result<T, DecodeError>
}

function words<T>(write: (writer: Writer, value: T) => unknown, read: (reader: Reader) => T): Words<T> {
  return {
    encode: (value) => {
      const writer = new Writer(256)
      write(writer, value)
      return writer.finish()
    },
    decode: (bytes) => decode(bytes, read),
  }
}

export const UNITS_ASK: Words<UnitsAsk> = words(
  (writer, { view, hashes }) => {
    writeDigest(writer, view)
    writer.vector(hashes, writeDigest)
  },
  (reader) => ({
    kind: 'units',
    view: readViewId(reader),
    hashes: reader.vector(REQUEST_LIMITS.hashesMax, readDigest),
  }),
)

export const UNITS_ANSWER: Words<UnitsAnswer> = words(
  (writer, { units }) => writer.vector(units, (w, unit) => w.bytes(unit)),
  (reader) => ({
    kind: 'units',
    units: reader.vector(REQUEST_LIMITS.unitsMax, (each) => each.bytes(UNIT_BYTES_MAX)),
  }),
)

export const BLOCKS_ASK: Words<BlocksAsk> = words(
  (writer, { from, count }) => writer.u64(from).u32(count),
  (reader) => ({ kind: 'blocks', from: readHeight(reader), count: reader.u32() }),
)

export const BLOCKS_ANSWER: Words<BlocksAnswer> = words(
  (writer, { blocks }) =>
    writer.vector(blocks, (w, { header, body, certificate }) => w.bytes(header).bytes(body).bytes(certificate)),
  (reader) => ({
    kind: 'blocks',
    blocks: reader.vector(REQUEST_LIMITS.blocksMax, (each) => ({
      header: each.bytes(REQUEST_LIMITS.headerBytesMax),
      body: each.bytes(BODY_BYTES_MAX),
      certificate: each.bytes(SEATS_MAX * 80),
    })),
  }),
)

export const VOTED_ASK: Words<VotedAsk> = words(
  (writer, { question }) => writer.u32(question),
  (reader) => ({ kind: 'voted', question: reader.u32() }),
)

export const VOTED_ANSWER: Words<VotedAnswer> = words(
  (writer, { question, voted }) => writer.u32(question).option(voted, (w, at) => w.u64(at)),
  (reader) => ({ kind: 'voted', question: reader.u32(), voted: reader.option(readHeight) }),
)

export const FORWARD: Words<Forward> = words(
  (writer, { transactions }) => writer.vector(transactions, (w, each) => w.bytes(each)),
  (reader) => ({
    transactions: reader.vector(REQUEST_LIMITS.forwardMax, (each) => each.bytes(TRANSACTION_LIMITS.bytesMax)),
  }),
)
