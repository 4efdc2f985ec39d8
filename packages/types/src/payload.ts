// What a unit carries: a list of items. Transactions stay opaque bytes here, because their hash is over these very bytes.

import type { DecodeError, Result } from '@quorate/kernel'
import { decode, Writer } from '@quorate/kernel'
import type { SignedDeal } from './deal.ts'
import { readDeal, writeDeal } from './deal.ts'
import type { SignedJoin } from './join.ts'
import { readJoin, writeJoin } from './join.ts'
import { TRANSACTION_LIMITS } from './transaction.ts'
import { UNIT_PAYLOAD_BYTES_MAX } from './unit.ts'

/** One thing to be ordered. */
export type Item =
  | { readonly kind: 'transaction'; readonly bytes: Uint8Array }
  /** A founder takes part in genesis; later, a member joins the view that follows. */
  | { readonly kind: 'join'; readonly join: SignedJoin }
  /** The seat that says it asks for the view to end early: the members have changed. */
  | { readonly kind: 'turn' }
  /** A member of the view that follows takes part in dealing its coin. */
  | { readonly kind: 'deal'; readonly deal: SignedDeal }

/** Most items of one payload. */
export const PAYLOAD_ITEMS_MAX = 65_536

/** Canonical bytes of one item; a payload is a counted list of these. */
export function encodeItem(item: Item): Uint8Array {
  const writer = new Writer(item.kind === 'transaction' ? item.bytes.length + 8 : 256)
  switch (item.kind) {
    case 'transaction':
      writer.uleb(0).bytes(item.bytes)
      break
    case 'join':
      writeJoin(writer.uleb(1), item.join)
      break
    case 'turn':
      writer.uleb(2)
      break
    case 'deal':
      writeDeal(writer.uleb(3), item.deal)
  }
  return writer.finish()
}

/** A payload of items that are already encoded. */
export function encodePayload(items: readonly Uint8Array[]): Uint8Array {
  let length = 8
  for (const item of items) length += item.length
  const writer = new Writer(length)
  writer.vector(items, (w, item) => w.raw(item))
  return writer.finish()
}

/** Reads a payload. A unit whose payload doesn't decode never enters the DAG; an empty payload has no items. */
export function decodePayload(bytes: Uint8Array): Result<readonly Item[], DecodeError> {
  if (bytes.length === 0) return { ok: true, value: [] }
  return decode(bytes, (reader) => {
    if (bytes.length > UNIT_PAYLOAD_BYTES_MAX) reader.refuse('LIMIT', `payload of ${bytes.length} bytes`)
    return reader.vector(PAYLOAD_ITEMS_MAX, (r): Item => {
      const tag = r.uleb()
      if (tag === 0) return { kind: 'transaction', bytes: r.bytes(TRANSACTION_LIMITS.bytesMax) }
      if (tag === 1) return { kind: 'join', join: readJoin(r) }
      if (tag === 2) return { kind: 'turn' }
      if (tag === 3) return { kind: 'deal', deal: readDeal(r) }
      return r.refuse('INVALID', `item tag ${tag}`)
    })
  })
}
