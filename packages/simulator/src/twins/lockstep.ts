// Ordering in lockstep, with twins: two unmodified copies of one member, under one identity. In each step every copy makes at most
// one unit, and hears those on its side of that step's partition; what crosses it arrives after the partitions have ended. With
// steps for rounds and sides for schedules, small cases can be tried all.
//
// After "Twins: BFT systems made robust" (Bano et al., 2021): a twin equivocates, forgets and contradicts itself without a line of
// code for misbehaving.

import { Aleph, deterministicCoin } from '@quorate/aleph'
import type { AlephEffect, AlephInput } from '@quorate/aleph'
import { must } from '@quorate/kernel'
import type { AdmittedUnit, ConsensusKey, Digest, MemberId, Message, Seat, ViewId } from '@quorate/types'
import {
  admitUnit,
  Committee,
  decodeUnit,
  encodeItem,
  hashOf,
  millis,
  seat as toSeat,
  sealUnit,
  viewAfter,
} from '@quorate/types'

const VIEW: ViewId = viewAfter(hashOf('block', Uint8Array.of(1)))
/** A step is long enough for any grace and any request to be due. */
const STEP_MS = 2_000

/** One copy of a member. */
class Copy {
  readonly seat: Seat
  readonly core: Aleph
  /** What it ordered, by hash. */
  readonly log: Digest[] = []
  readonly forkers = new Set<Seat>()
  /** Signed in this step, known to others in the next. */
  made: AdmittedUnit | undefined

  constructor(seat: Seat, committee: Committee) {
    this.seat = seat
    this.core = new Aleph({ committee, seat, coin: deterministicCoin(VIEW), base: undefined })
  }
}

/** Which copies hear each other in a step: a bit for each, equal bits are on one side. */
export type Sides = number

/** What contradicts, if anything does. */
export type Trouble = { readonly kind: 'order' | 'twice' | 'stuck' | 'unnamed'; readonly message: string } | undefined

/** A committee of `members` of which the last has a twin. */
export class Lockstep {
  readonly copies: readonly Copy[]
  readonly #committee: Committee
  #nowMs = 0
  #sides: Sides = 0
  #items = 0
  #held: { readonly from: Copy; readonly to: Copy; readonly message: Message }[] = []
  #forked = false
  readonly #signed = new Map<string, Digest>()

  constructor(members: number) {
    const named = (index: number): Digest => hashOf('join', Uint8Array.of(index))
    this.#committee = new Committee(
      VIEW,
      Array.from({ length: members }, (_, i) => ({
        id: named(i) as string as MemberId,
        key: named(i) as string as ConsensusKey,
      })),
    )
    const seats = [...Array.from({ length: members }, (_, i) => i), members - 1]
    this.copies = seats.map((seat) => new Copy(toSeat(seat), this.#committee))
  }

  /** One step: everybody has something to say, and says it to its side. */
  step(sides: Sides): void {
    this.#sides = sides
    this.#nowMs += STEP_MS
    this.#release()
    for (const copy of this.copies) {
      this.#items += 1
      const item = encodeItem({ kind: 'transaction', bytes: Uint8Array.of(this.#items % 256, this.#items >> 8) })
      this.#feed(copy, { kind: 'submit', items: [item] })
    }
    for (const copy of this.copies) {
      const { made } = copy
      copy.made = undefined
      if (made !== undefined) this.#feed(copy, { kind: 'created', unit: made })
      this.#feed(copy, { kind: 'tick' })
    }
  }

  /** What is wrong now among the honest, of whom all but the last member are. */
  trouble(mayBeStuck: boolean): Trouble {
    const honest = this.copies.slice(0, -2)
    for (const { log, seat } of honest) {
      if (new Set(log).size !== log.length) return { kind: 'twice', message: `seat ${seat} ordered a unit twice` }
    }
    const longest = honest.reduce((a, b) => (b.log.length > a.log.length ? b : a))
    for (const { log, seat } of honest) {
      const at = log.findIndex((hash, i) => hash !== longest.log[i])
      if (at >= 0) return { kind: 'order', message: `seats ${seat} and ${longest.seat} order differently at ${at}` }
    }
    if (mayBeStuck) return undefined
    const behind = honest.find(
      ({ log }) => log.length < longest.log.length - 4 * this.copies.length || log.length === 0,
    )
    if (behind !== undefined) return { kind: 'stuck', message: `seat ${behind.seat} ordered ${behind.log.length}` }
    const twin = toSeat(this.#committee.size - 1)
    const blind = this.#forked ? honest.find(({ forkers }) => !forkers.has(twin)) : undefined
    return blind === undefined ? undefined : { kind: 'unnamed', message: `seat ${blind.seat} saw no fork of ${twin}` }
  }

  #areTogether(a: Copy, b: Copy): boolean {
    const side = (copy: Copy): number => (this.#sides >> this.copies.indexOf(copy)) % 2
    return side(a) === side(b)
  }

  /** What waited for a partition to end, where it has. */
  #release(): void {
    const waiting = this.#held
    this.#held = []
    for (const each of waiting) this.#deliver(each.from, each.to, each.message)
  }

  #feed(copy: Copy, input: AlephInput): void {
    const now = { monotonicMs: millis(this.#nowMs), wallMs: millis(this.#nowMs) }
    for (const effect of copy.core.handle(input, now)) this.#apply(copy, effect)
  }

  #apply(copy: Copy, effect: AlephEffect): void {
    switch (effect.kind) {
      case 'create': {
        copy.made = sealUnit(effect.unit, new Uint8Array(64))
        const slot = `${effect.unit.creator}@${effect.unit.round}`
        const other = this.#signed.get(slot)
        if (other !== undefined && other !== copy.made.hash) this.#forked = true
        this.#signed.set(slot, copy.made.hash)
        return
      }
      case 'send':
        for (const seat of effect.to) this.#toSeat(copy, seat, effect.message)
        return
      case 'ask':
        for (const other of this.copies) {
          if (other === copy || other.seat !== effect.to || !this.#areTogether(copy, other)) continue
          const units = other.core.unitsOf(effect.hashes)
          if (units.length > 0) this.#deliver(other, copy, { kind: 'units', units })
        }
        return
      case 'ordered':
        copy.log.push(...effect.units.map((unit) => unit.hash))
        return
      case 'fork':
        copy.forkers.add(effect.seat)
        return
      case 'dropped':
      case 'refused':
      case 'coin':
      case 'trace':
    }
  }

  #toSeat(from: Copy, seat: Seat, message: Message): void {
    for (const to of this.copies) if (to.seat === seat && to !== from) this.#deliver(from, to, message)
  }

  #deliver(from: Copy, to: Copy, message: Message): void {
    if (!this.#areTogether(from, to)) {
      this.#held.push({ from, to, message })
      return
    }
    if (message.kind === 'frontier')
      return this.#feed(to, { kind: 'frontier', from: from.seat, rounds: message.rounds })
    if (message.kind !== 'units') return
    this.#feed(to, { kind: 'units', from: from.seat, units: message.units.map((bytes) => this.#admit(bytes)) })
  }

  #admit(bytes: Uint8Array): AdmittedUnit {
    const unit = decodeUnit(bytes)
    const admitted = unit.ok ? admitUnit(unit.value, this.#committee, () => true) : unit
    return must(admitted.ok ? admitted.value : undefined, 'a unit that a core made is admitted')
  }
}
