// Random DAGs that obey Quorate's rules, for properties of the orderer.

import { createHash } from 'node:crypto'
import type { UnitIndex } from '../order/round-dag.ts'
import { RoundDag } from '../order/round-dag.ts'
import type { Random } from './random.ts'
import { sure } from './sure.ts'

/** A unit by name, before it is in any RoundDag. */
export interface PlainUnit {
  readonly round: number
  readonly creator: number
  readonly hash: string
  /** Indexes into the list of plain units. */
  readonly parents: readonly number[]
}

export interface DagShape {
  readonly size: number
  readonly rounds: number
  /** Seats that never make a unit. */
  readonly silent?: number
  /** Seats, from 0, that make two units in some rounds. */
  readonly forking?: number
  /** Chance in percent that a unit takes more parents than it must. */
  readonly dense?: number
  /** Chance in percent that a seat skips a round. */
  readonly skips?: number
}

export function faultyMax(size: number): number {
  return Math.floor((size - 1) / 3)
}

export function quorumOf(size: number): number {
  return size - faultyMax(size)
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items]
  for (let at = result.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1)
    const held = sure(result[at])
    result[at] = sure(result[other])
    result[other] = held
  }
  return result
}

/** Units in a topological order (by round). Every unit stands on a quorum of the round below. */
export function randomUnits(shape: DagShape, random: Random): PlainUnit[] {
  const { size, rounds, silent = 0, forking = 0, dense = 50, skips = 0 } = shape
  const units: PlainUnit[] = []
  let below: number[] = []
  const latest: number[][] = Array.from({ length: size }, () => [])
  for (let round = 0; round < rounds; round += 1) {
    const made: number[] = []
    const seats = shuffled(
      Array.from({ length: size - silent }, (_, seat) => seat),
      random,
    )
    const present = seats.filter((_, at) => at < quorumOf(size) || !random.percent(skips))
    for (const creator of present) {
      const versions = creator < forking && random.percent(50) ? 2 : 1
      for (let version = 0; version < versions; version += 1) {
        const parents = round === 0 ? [] : chooseParents({ size, dense, units, below, latest, creator }, random)
        const hash = createHash('sha256')
          .update(`${round}/${creator}/${version}/${random.below(1e9)}`)
          .digest('hex')
        made.push(units.push({ round, creator, hash, parents }) - 1)
      }
    }
    for (const unit of made) sure(latest[sure(units[unit]).creator]).push(unit)
    below = made
  }
  return units
}

interface Choice {
  readonly size: number
  readonly dense: number
  readonly units: readonly PlainUnit[]
  readonly below: readonly number[]
  readonly latest: readonly (readonly number[])[]
  readonly creator: number
}

function chooseParents(choice: Choice, random: Random): number[] {
  const { size, dense, units, below, latest, creator } = choice
  const bySeat = new Map<number, number>()
  const ownFirst = (unit: number): number => (sure(units[unit]).creator === creator ? 0 : 1)
  const order = shuffled(below, random).sort((a, b) => ownFirst(a) - ownFirst(b))
  for (const unit of order) {
    const seat = sure(units[unit]).creator
    if (bySeat.has(seat)) continue
    if (bySeat.size < quorumOf(size) || random.percent(dense)) bySeat.set(seat, unit)
  }
  const top = sure(units[sure(below[0])]).round
  for (let seat = 0; seat < size; seat += 1) {
    if (bySeat.has(seat)) continue
    const older = sure(latest[seat]).filter((unit) => sure(units[unit]).round < top || seat === creator)
    const last = older[older.length - 1]
    if (last !== undefined) bySeat.set(seat, last)
  }
  return [...bySeat.values()]
}

/** Inserts plain units and maps both ways. */
export class PlainWorld {
  readonly dag: RoundDag
  readonly #units: readonly PlainUnit[]
  readonly #toIndex = new Map<number, UnitIndex>()

  constructor(size: number, units: readonly PlainUnit[]) {
    this.dag = new RoundDag(size, quorumOf(size))
    this.#units = units
  }

  /** Inserts a unit unless it is below the floor. */
  insert(plain: number): UnitIndex | undefined {
    const unit = sure(this.#units[plain])
    if (unit.round < this.dag.floor) return undefined
    const parents = unit.parents.flatMap((parent) => this.#toIndex.get(parent) ?? [])
    const index = this.dag.insert({ ...unit, parents })
    this.#toIndex.set(plain, index)
    return index
  }
}

/** A random topological order of the units. */
export function randomTopological(units: readonly PlainUnit[], random: Random): number[] {
  const waiting = units.map((unit) => unit.parents.length)
  const children: number[][] = units.map(() => [])
  units.forEach((unit, plain) => unit.parents.forEach((parent) => sure(children[parent]).push(plain)))
  const ready = units.flatMap((_, plain) => (waiting[plain] === 0 ? [plain] : []))
  const order: number[] = []
  while (ready.length > 0) {
    const at = random.below(ready.length)
    const next = sure(ready[at])
    ready[at] = sure(ready[ready.length - 1])
    ready.pop()
    order.push(next)
    for (const child of sure(children[next])) {
      waiting[child] = sure(waiting[child]) - 1
      if (waiting[child] === 0) ready.push(child)
    }
  }
  return order
}
