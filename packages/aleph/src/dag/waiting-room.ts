// Units that came before their parents, and the parents they wait for.
//
// Everything here is charged to a seat that signed for it: units and bytes to their creator, missing parents to the
// creator of the unit that named them first. So a member that invents parents fills its own quota and nobody else's.

import type { AdmittedUnit, Digest, Parent, Round, Seat } from '@quorate/types'
import { SEATS_MAX } from '@quorate/types'
import type { AlephLimits } from '../limits.ts'

/** A parent that is missing. */
export interface Want {
  readonly hash: Digest
  readonly round: Round
  /** Seat whose quota it takes. */
  readonly charged: Seat
  /** Whoever showed us a unit that stands on it has it. */
  readonly from: Seat
  tries: number
  askAtMs: number
}

/** A unit that waits, or that no longer has to. */
export interface Held {
  readonly unit: AdmittedUnit
  readonly from: Seat
  readonly durable: boolean
}

interface HeldEntry extends Held {
  missing: number
}

interface Quota {
  units: number
  bytes: number
  wants: number
}

function placeOf(unit: AdmittedUnit): number {
  return unit.round * SEATS_MAX + unit.creator
}

/** Bounded buffer between the network and the DAG. */
export class WaitingRoom {
  readonly #limits: AlephLimits
  readonly #held = new Map<Digest, HeldEntry>()
  readonly #wants = new Map<Digest, Want>()
  readonly #waiters = new Map<Digest, HeldEntry[]>()
  readonly #quotas: Quota[]
  /** The first held unit of each seat and round. */
  readonly #byPlace = new Map<number, HeldEntry>()

  constructor(size: number, limits: AlephLimits) {
    this.#limits = limits
    this.#quotas = Array.from({ length: size }, () => ({ units: 0, bytes: 0, wants: 0 }))
  }

  /** Units that wait. */
  get heldCount(): number {
    return this.#held.size
  }

  /** Parents that are missing. */
  get wantCount(): number {
    return this.#wants.size
  }

  has(hash: Digest): boolean {
    return this.#held.has(hash)
  }

  /** Whether some other unit waits for this one. */
  isWanted(hash: Digest): boolean {
    return this.#waiters.has(hash)
  }

  /** Another unit of the same seat and round that waits. */
  rival(unit: AdmittedUnit): AdmittedUnit | undefined {
    const other = this.#byPlace.get(placeOf(unit))?.unit
    return other === undefined || other.hash === unit.hash ? undefined : other
  }

  /** Takes a unit whose parents `missing` aren't in the DAG. False where its creator's quota is used up. */
  hold(held: Held, missing: readonly Parent[], askAtMs: number): boolean {
    const { unit } = held
    const quota = this.#quotaOf(unit.creator)
    const wanted = missing.filter(({ hash }) => !this.#held.has(hash) && !this.#wants.has(hash))
    const { heldUnitsPerSeatMax, heldBytesPerSeatMax, wantsPerSeatMax } = this.#limits
    if (quota.units >= heldUnitsPerSeatMax || quota.bytes + unit.bytes.length > heldBytesPerSeatMax) return false
    if (quota.wants + wanted.length > wantsPerSeatMax) return false
    quota.units += 1
    quota.bytes += unit.bytes.length
    const entry: HeldEntry = { ...held, missing: missing.length }
    this.#held.set(unit.hash, entry)
    if (!this.#byPlace.has(placeOf(unit))) this.#byPlace.set(placeOf(unit), entry)
    this.#forgetWant(unit.hash)
    for (const { hash } of missing) this.#waitersOf(hash).push(entry)
    for (const { hash, round } of wanted) {
      quota.wants += 1
      this.#wants.set(hash, { hash, round, charged: unit.creator, from: held.from, tries: 0, askAtMs })
    }
    return true
  }

  /** A unit entered the DAG (or turned out not to matter): returns those that have nothing left to wait for. */
  arrived(hash: Digest): Held[] {
    this.#forgetWant(hash)
    const waiters = this.#waiters.get(hash)
    if (waiters === undefined) return []
    this.#waiters.delete(hash)
    const ready: Held[] = []
    for (const entry of waiters) {
      entry.missing -= 1
      if (entry.missing > 0 || !this.#held.has(entry.unit.hash)) continue
      this.#drop(entry)
      ready.push(entry)
    }
    return ready
  }

  /** The floor rose: what is below it no longer counts. Returns units that have nothing left to wait for. */
  raiseFloor(floor: Round): Held[] {
    for (const entry of this.#held.values()) if (entry.unit.round < floor) this.#drop(entry)
    const ready: Held[] = []
    const passed = [...this.#waiters.keys()].filter((hash) => {
      const want = this.#wants.get(hash)
      return want === undefined ? !this.#held.has(hash) : want.round < floor
    })
    for (const hash of passed) ready.push(...this.arrived(hash))
    return ready
  }

  /** Missing parents, in the order in which they were first missed. */
  wants(): Iterable<Want> {
    return this.#wants.values()
  }

  #drop(entry: HeldEntry): void {
    const { unit } = entry
    if (!this.#held.delete(unit.hash)) return
    if (this.#byPlace.get(placeOf(unit)) === entry) this.#byPlace.delete(placeOf(unit))
    const quota = this.#quotaOf(unit.creator)
    quota.units -= 1
    quota.bytes -= unit.bytes.length
  }

  #forgetWant(hash: Digest): void {
    const want = this.#wants.get(hash)
    if (want === undefined) return
    this.#wants.delete(hash)
    this.#quotaOf(want.charged).wants -= 1
  }

  #quotaOf(seat: Seat): Quota {
    const quota = this.#quotas[seat]
    if (quota === undefined) throw new RangeError(`no seat ${seat}`)
    return quota
  }

  #waitersOf(hash: Digest): HeldEntry[] {
    let waiters = this.#waiters.get(hash)
    if (waiters === undefined) {
      waiters = []
      this.#waiters.set(hash, waiters)
    }
    return waiters
  }
}
