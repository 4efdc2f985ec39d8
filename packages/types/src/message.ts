// What replicas of one ledger push to each other, without being asked and without an answer. A frame is a kind (one byte) and a
// body of canonical bytes. Units are decoded one by one by who admits them, so that one bad unit doesn't hide the others. What
// they ask each other is in request.ts.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import { BODY_BYTES_MAX } from './block.ts'
import type { Vote } from './certificate.ts'
import { readVote, writeVote } from './certificate.ts'
import { SEATS_MAX } from './committee.ts'
import type { Height, Round, ViewId } from './ids.ts'
import type { SignedDeal } from './deal.ts'
import { readDeal, writeDeal } from './deal.ts'
import type { SignedJoin } from './join.ts'
import { readJoin, writeJoin } from './join.ts'
import { readHeight, readRound, readViewId, writeDigest } from './ids.ts'
import { UNIT_BYTES_MAX } from './unit.ts'

/** A message between replicas. */
export type Message =
  /** Units, pushed when made, or since a frontier lacks them. */
  | { readonly kind: 'units'; readonly units: readonly Uint8Array[] }
  /** Anti-entropy: the highest round known of each seat; undefined where none is. */
  | { readonly kind: 'frontier'; readonly view: ViewId; readonly rounds: readonly (Round | undefined)[] }
  /** A seat's vote for a block. */
  | { readonly kind: 'vote'; readonly vote: Vote }
  /** How far the sender is: its last certified and its last voted height; undefined before genesis. */
  | { readonly kind: 'tip'; readonly certified: Height | undefined; readonly voted: Height | undefined }
  /** A member of the next committee that holds no seat now: its join, to be ordered by who does. */
  | { readonly kind: 'join'; readonly join: SignedJoin }
  /** The same for what it deals. */
  | { readonly kind: 'deal'; readonly deal: SignedDeal }
  | CoinMessage

/** The sender's share of a round's coin. */
export interface CoinMessage {
  readonly kind: 'coin'
  readonly view: ViewId
  readonly round: Round
  /** Undefined where the sender has no share to give. */
  readonly share: Uint8Array | undefined
  /** Whether the sender lacks the value: who has told its share tells it again. */
  readonly wanted: boolean
}

/** Bytes of a share of a coin. */
export const COIN_SHARE_BYTES = 96

/** The one byte in front of a message's body. */
export const MESSAGE_CODES: Readonly<Record<Message['kind'], number>> = {
  units: 1,
  frontier: 2,
  vote: 3,
  tip: 4,
  join: 5,
  deal: 6,
  coin: 7,
}

/** Bounds of a message, checked when it is decoded. */
export const MESSAGE_LIMITS = {
  unitsMax: 4096,
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
    case 'join':
      writeJoin(writer, message.join)
      break
    case 'deal':
      writeDeal(writer, message.deal)
      break
    case 'coin':
      writeDigest(writer, message.view)
      writer
        .u32(message.round)
        .option(message.share, (w, share) => w.raw(share))
        .bool(message.wanted)
      break
  }
  return writer.finish()
}

const READERS: Readonly<Record<number, (reader: Reader) => Message>> = {
  1: (r) => ({ kind: 'units', units: r.vector(MESSAGE_LIMITS.unitsMax, (x) => x.bytes(UNIT_BYTES_MAX)) }),
  2: (r) => ({ kind: 'frontier', view: readViewId(r), rounds: r.vector(SEATS_MAX, (x) => x.option(readRound)) }),
  3: (r) => ({ kind: 'vote', vote: readVote(r) }),
  4: (r) => ({ kind: 'tip', certified: r.option(readHeight), voted: r.option(readHeight) }),
  5: (r) => ({ kind: 'join', join: readJoin(r) }),
  6: (r) => ({ kind: 'deal', deal: readDeal(r) }),
  7: (r) => ({
    kind: 'coin',
    view: readViewId(r),
    round: readRound(r),
    share: r.option((x) => x.raw(COIN_SHARE_BYTES).slice()),
    wanted: r.bool(),
  }),
}

/** Reads a message from its code and body. Byte fields are views of `body`. */
export function decodeMessage(code: number, body: Uint8Array): Result<Message, DecodeError> {
  return decode(body, (reader) => (READERS[code] ?? reader.refuse('INVALID', `message code ${code}`))(reader))
}
