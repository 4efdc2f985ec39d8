// What replicas of one ledger say to each other. A frame is a kind (one byte) and a body of canonical bytes. Units are decoded
// one by one by who admits them, so that one bad unit doesn't hide the others.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { BODY_BYTES_MAX } from './block.ts'
import type { Vote } from './certificate.ts'
import { readVote, writeVote } from './certificate.ts'
import { SEATS_MAX } from './committee.ts'
import type { Digest, Height, Round, ViewId } from './ids.ts'
import { readDigest, readHeight, readRound, readViewId, writeDigest } from './ids.ts'
import { UNIT_BYTES_MAX } from './unit.ts'

/** A block with everything that proves it, as its parts' canonical bytes. */
export interface CertifiedBlock {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly certificate: Uint8Array
}

/** A message between replicas. */
export type Message =
  /** Units, pushed when made or answered on request. */
  | { readonly kind: 'units'; readonly units: readonly Uint8Array[] }
  /** Asks for units by hash. */
  | { readonly kind: 'unit-request'; readonly view: ViewId; readonly hashes: readonly Digest[] }
  /** Anti-entropy: the highest round known of each seat; undefined where none is. */
  | { readonly kind: 'frontier'; readonly view: ViewId; readonly rounds: readonly (Round | undefined)[] }
  /** A seat's vote for a block. */
  | { readonly kind: 'vote'; readonly vote: Vote }
  /** How far the sender is: its last certified and its last voted height; undefined before genesis. */
  | { readonly kind: 'tip'; readonly certified: Height | undefined; readonly voted: Height | undefined }
  /** Asks for certified blocks from a height on. */
  | { readonly kind: 'block-request'; readonly from: Height; readonly count: number }
  | { readonly kind: 'blocks'; readonly blocks: readonly CertifiedBlock[] }
  /** Read index: asks for the highest height the receiver has voted for. */
  | { readonly kind: 'height-request'; readonly request: number }
  | { readonly kind: 'height-reply'; readonly request: number; readonly voted: Height | undefined }

/** The one byte in front of a message's body. */
export const MESSAGE_CODES: Readonly<Record<Message['kind'], number>> = {
  units: 1,
  'unit-request': 2,
  frontier: 3,
  vote: 4,
  tip: 5,
  'block-request': 6,
  blocks: 7,
  'height-request': 8,
  'height-reply': 9,
}

/** Bounds of a message, checked when it is decoded. */
export const MESSAGE_LIMITS = {
  unitsMax: 4096,
  hashesMax: 1024,
  blocksMax: 1024,
  bytesMax: BODY_BYTES_MAX + UNIT_BYTES_MAX,
} as const

const writeHeight = (writer: Writer, height: Height): unknown => writer.u64(height)

/** Canonical bytes of a message's body, without its code. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new Writer(256)
  switch (message.kind) {
    case 'units':
      writer.vector(message.units, (w, unit) => w.bytes(unit))
      break
    case 'unit-request':
      writeDigest(writer, message.view)
      writer.vector(message.hashes, writeDigest)
      break
    case 'frontier':
      writeDigest(writer, message.view)
      writer.vector(message.rounds, (w, round) => w.option(round, (x, known) => x.u32(known)))
      break
    case 'vote':
      writeVote(writer, message.vote)
      break
    case 'tip':
      writer.option(message.certified, writeHeight).option(message.voted, writeHeight)
      break
    case 'block-request':
      writer.u64(message.from).u32(message.count)
      break
    case 'blocks':
      writer.vector(message.blocks, (w, block) => w.bytes(block.header).bytes(block.body).bytes(block.certificate))
      break
    case 'height-request':
      writer.u32(message.request)
      break
    case 'height-reply':
      writer.u32(message.request).option(message.voted, writeHeight)
      break
  }
  return writer.finish()
}

const READERS: Readonly<Record<number, (reader: Reader) => Message>> = {
  1: (r) => ({ kind: 'units', units: r.vector(MESSAGE_LIMITS.unitsMax, (x) => x.bytes(UNIT_BYTES_MAX)) }),
  2: (r) => ({ kind: 'unit-request', view: readViewId(r), hashes: r.vector(MESSAGE_LIMITS.hashesMax, readDigest) }),
  3: (r) => ({ kind: 'frontier', view: readViewId(r), rounds: r.vector(SEATS_MAX, (x) => x.option(readRound)) }),
  4: (r) => ({ kind: 'vote', vote: readVote(r) }),
  5: (r) => ({ kind: 'tip', certified: r.option(readHeight), voted: r.option(readHeight) }),
  6: (r) => ({ kind: 'block-request', from: readHeight(r), count: r.u32() }),
  7: (r) => ({
    kind: 'blocks',
    blocks: r.vector(MESSAGE_LIMITS.blocksMax, (x) => ({
      header: x.bytes(1024),
      body: x.bytes(BODY_BYTES_MAX),
      certificate: x.bytes(SEATS_MAX * 80),
    })),
  }),
  8: (r) => ({ kind: 'height-request', request: r.u32() }),
  9: (r) => ({ kind: 'height-reply', request: r.u32(), voted: r.option(readHeight) }),
}

/** Reads a message from its code and body. Byte fields are views of `body`. */
export function decodeMessage(code: number, body: Uint8Array): Result<Message, DecodeError> {
  return decode(body, (reader) => (READERS[code] ?? reader.refuse('INVALID', `message code ${code}`))(reader))
}
