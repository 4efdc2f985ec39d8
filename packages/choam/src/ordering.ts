// The order of one view, as CHOAM sees it: items in, heads out. Behind it stands Aleph; what else the view needs (own units in
// flight, what is asked of which seat) is kept here, so that a view can be left and entered again behind a block.

import type { AlephEffect, AlephInput, Base } from '@quorate/aleph'
import { Aleph, ALEPH_LIMITS, deterministicCoin } from '@quorate/aleph'
import type { AdmittedUnit, Committee, Digest, MemberId, OrderedHead, Seat } from '@quorate/types'
import { decodePayload, encodeItem, encodePayload, TRANSACTION_LIMITS } from '@quorate/types'
import type { Now } from './input.ts'

/** The largest transaction must fit into a unit, and blocks take their time from clocks that were heard within seconds. */
const LIMITS = { ...ALEPH_LIMITS, unitPayloadBytesMax: TRANSACTION_LIMITS.bytesMax + 1024, freshMs: 5_000 }

/** A head as a block holds it. */
export function headOf({ round, slot, head, units }: AlephEffect & { kind: 'ordered' }): OrderedHead {
  const ordered = units.map(({ creator, round: at, hash, timestampMs, payload }) => ({
    creator,
    round: at,
    hash,
    timestampMs,
    payload,
  }))
  return { round, slot, hash: head, units: ordered }
}

/** Transactions as items. */
export function itemsFor(transactions: readonly Uint8Array[]): readonly Uint8Array[] {
  return transactions.map((bytes) => encodeItem({ kind: 'transaction', bytes }))
}

/** A payload's items, encoded one by one again: what a queue takes. */
export function itemsOf(payload: Uint8Array): readonly Uint8Array[] {
  const items = decodePayload(payload)
  return items.ok ? items.value.map(encodeItem) : []
}

/** The transactions among encoded items. */
export function transactionsAmong(items: readonly Uint8Array[]): readonly Uint8Array[] {
  return items.flatMap((item) => {
    const decoded = decodePayload(encodePayload([item]))
    return decoded.ok ? decoded.value.flatMap((each) => (each.kind === 'transaction' ? [each.bytes] : [])) : []
  })
}

export class Ordering {
  readonly committee: Committee
  readonly seat: Seat
  readonly #aleph: Aleph
  /** Payloads of own units that are not ordered yet, by unit. */
  readonly #open = new Map<Digest, Uint8Array>()
  #ownLatest: AdmittedUnit | undefined
  #isCreating = false

  /** @param flags - See AlephConfig; and whether the coin has to be asked for. */
  constructor(
    committee: Committee,
    me: MemberId,
    base: Base | undefined,
    flags: { isUnsure: boolean; isCoinDealt: boolean },
  ) {
    const seat = committee.seatOf(me)
    if (seat === undefined) throw new RangeError(`${me} holds no seat in view ${committee.view}`)
    this.committee = committee
    this.seat = seat
    const coin = flags.isCoinDealt ? 'asked' : deterministicCoin(committee.view)
    this.#aleph = new Aleph({ committee, seat, coin, base, isUnsure: flags.isUnsure, limits: LIMITS })
  }

  get isUnsure(): boolean {
    return this.#aleph.isUnsure
  }

  get room(): { readonly items: number; readonly bytes: number } {
    return this.#aleph.room
  }

  get round(): number {
    return this.#aleph.status.round
  }

  /** See Aleph.rounds. */
  get rounds(): readonly (number | undefined)[] {
    return this.#aleph.rounds
  }

  get floor(): AdmittedUnit['round'] {
    return this.#aleph.floor
  }

  /** The own unit of the highest round: it must outlive this object, or a second one might be signed. */
  get ownLatest(): AdmittedUnit | undefined {
    return this.#ownLatest
  }

  /** An own unit is being signed and stored: until it is, this view can't be left without risking a second one for its round. */
  get isCreating(): boolean {
    return this.#isCreating
  }

  wakeAt(): number | undefined {
    return this.#aleph.wakeAt()
  }

  handle(input: AlephInput, now: Now): readonly AlephEffect[] {
    if (input.kind === 'created') this.#created(input.unit)
    if (input.kind === 'restored') this.#ownLatest = input.own
    const effects = this.#aleph.handle(input, now)
    if (effects.some((effect) => effect.kind === 'create')) this.#isCreating = true
    return effects
  }

  /** See Aleph.unitsOf. */
  unitsOf(hashes: readonly Digest[]): readonly Uint8Array[] {
    return this.#aleph.unitsOf(hashes)
  }

  /** An own unit is in the ledger, by whatever way. */
  ordered(unit: Digest): void {
    this.#open.delete(unit)
  }

  /** Items that this member has accepted and that are not ordered: to be submitted again when the view is entered anew. */
  unordered(): readonly Uint8Array[] {
    return [...[...this.#open.values()].flatMap(itemsOf), ...this.#aleph.queued()]
  }

  #created(unit: AdmittedUnit): void {
    this.#isCreating = false
    this.#ownLatest = unit
    if (unit.payload.length > 0) this.#open.set(unit.hash, unit.payload)
  }
}
