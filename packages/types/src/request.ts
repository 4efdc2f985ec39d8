// What replicas of one ledger ask each other. Each kind of question is a protocol of its own, spoken in sessions; here are the
// canonical bytes of its words. As with messages, units and blocks are decoded one by one by who admits them.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { BODY_BYTES_MAX } from './block.ts'
import { SEATS_MAX } from './committee.ts'
import type { Digest, Height, ViewId } from './ids.ts'
import { DIGEST_BYTES, readDigest, readHeight, readViewId, writeDigest } from './ids.ts'
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

/** Neighbouring places, ascending: `count` of them from `from` on. */
export interface Run {
  readonly from: number
  readonly count: number
}

/**
 * Asks for part of the database as it was at a height: pages by number (the first is 1), or nodes of the tree over them by level
 * (0 holds the pages' hashes) and index (from 0).
 */
export type StateAsk =
  | { readonly kind: 'pages'; readonly height: Height; readonly runs: readonly Run[] }
  | { readonly kind: 'hashes'; readonly height: Height; readonly level: number; readonly run: Run }

/** Why no part of the database was given. */
export type StateRefusal =
  /** The height is not held any more, or never was there. */
  | 'GONE'
  /** The other side is not there yet. */
  | 'NOT_YET'
  /** Too much is asked of it already. */
  | 'BUSY'
  /** There are no such pages or nodes at that height. */
  | 'RANGE'

/** Pages or hashes, one after the other, with their proof against the height's state root; or why not, and when to ask again. */
export type StateAnswer =
  | { readonly kind: 'pages'; readonly pages: Uint8Array; readonly proof: Uint8Array }
  | { readonly kind: 'hashes'; readonly hashes: Uint8Array; readonly proof: Uint8Array }
  | { readonly kind: 'refused'; readonly code: StateRefusal; readonly retryAfterMs: number }

/** Bounds of questions for state and of their answers: an answer has less than 1 MiB. */
export const STATE_LIMITS = {
  /** Pages of one answer, and their bytes. */
  pagesMax: 128,
  pagesBytesMax: 512 * 1024,
  /** Hashes of one answer. */
  hashesMax: 8192,
  /** A proof for 128 pages that lie far apart in a tree of 2^32 has less. */
  proofBytesMax: 128 * 1024,
  levelMax: 32,
} as const

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

function writeRun(writer: Writer, { from, count }: Run): void {
  writer.u32(from).u32(count)
}

function readRun(reader: Reader): Run {
  return { from: reader.u32(), count: reader.u32() }
}

/** Runs in their one form: none empty, ascending, never two that touch, not more places than an answer may have. */
function readRuns(reader: Reader): readonly Run[] {
  const runs = reader.vector(STATE_LIMITS.pagesMax, readRun)
  let free = 0
  let places = 0
  for (const { from, count } of runs) {
    if (count === 0 || from < free) reader.refuse('NOT_CANONICAL', `a run of ${count} at ${from}`)
    free = from + count + 1
    places += count
  }
  if (places === 0 || places > STATE_LIMITS.pagesMax) reader.refuse('LIMIT', `${places} pages`)
  return runs
}

function readHashesAsk(reader: Reader): StateAsk {
  const [height, level, run] = [readHeight(reader), reader.u8(), readRun(reader)]
  if (level > STATE_LIMITS.levelMax) reader.refuse('LIMIT', `level ${level}`)
  if (run.count === 0 || run.count > STATE_LIMITS.hashesMax) reader.refuse('LIMIT', `${run.count} hashes`)
  return { kind: 'hashes', height, level, run }
}

export const STATE_ASK: Words<StateAsk> = words(
  (writer, ask) => {
    if (ask.kind === 'pages') writer.uleb(0).u64(ask.height).vector(ask.runs, writeRun)
    else writeRun(writer.uleb(1).u64(ask.height).u8(ask.level), ask.run)
  },
  (reader): StateAsk => {
    const tag = reader.uleb()
    if (tag === 0) return { kind: 'pages', height: readHeight(reader), runs: readRuns(reader) }
    return tag === 1 ? readHashesAsk(reader) : reader.refuse('INVALID', `state ask tag ${tag}`)
  },
)

const STATE_REFUSALS: readonly StateRefusal[] = ['GONE', 'NOT_YET', 'BUSY', 'RANGE']

export const STATE_ANSWER: Words<StateAnswer> = words(
  (writer, answer) => {
    switch (answer.kind) {
      case 'pages':
        return writer.uleb(0).bytes(answer.pages).bytes(answer.proof)
      case 'hashes':
        return writer.uleb(1).bytes(answer.hashes).bytes(answer.proof)
      case 'refused':
        return writer.uleb(2).u8(STATE_REFUSALS.indexOf(answer.code)).u32(answer.retryAfterMs)
    }
  },
  (reader): StateAnswer => {
    const tag = reader.uleb()
    if (tag === 0) {
      const pages = reader.bytes(STATE_LIMITS.pagesBytesMax)
      return { kind: 'pages', pages, proof: reader.bytes(STATE_LIMITS.proofBytesMax) }
    }
    if (tag === 1) {
      const hashes = reader.bytes(STATE_LIMITS.hashesMax * DIGEST_BYTES)
      return { kind: 'hashes', hashes, proof: reader.bytes(STATE_LIMITS.proofBytesMax) }
    }
    if (tag !== 2) return reader.refuse('INVALID', `state answer tag ${tag}`)
    const at = reader.u8()
    const code = STATE_REFUSALS[at] ?? reader.refuse('INVALID', `state refusal ${at}`)
    return { kind: 'refused', code, retryAfterMs: reader.u32() }
  },
)
