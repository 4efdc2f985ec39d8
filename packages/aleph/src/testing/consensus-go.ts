// The rules of consensus-go, for its vectors: units that skip levels, candidates in a common random permutation,
// batches in layers. Only tests use this; it drives the same Orderer as everything else.

import { createHash } from 'node:crypto'
import type { Bit, Candidates, OrderRules } from '../order/rules.ts'
import { RoundDag } from '../order/round-dag.ts'
import { sure } from './sure.ts'
import type { UnitIndex } from '../order/round-dag.ts'

export interface VectorUnit {
  readonly i: number
  readonly creator: number
  readonly height: number
  readonly version: number
  readonly level: number
  readonly hash: string
  readonly parents: readonly number[]
  readonly floor?: Readonly<Record<string, readonly number[]>>
}

export interface VectorFile {
  readonly name: string
  readonly nProc: number
  readonly quorum: number
  readonly config: {
    readonly orderStartLevel: number
    readonly crpFixedPrefix: number
    readonly firstDecidingRound: number
    readonly zeroVoteRound: number
    readonly deterministicPrefix: number
  }
  readonly randomSource: { readonly kind: 'test' | 'seeded' | 'coin'; readonly seed: number }
  readonly units: readonly VectorUnit[] | null
  readonly steps: readonly { readonly after: number; readonly rounds: readonly VectorRound[] }[] | null
  readonly linearOrder: readonly number[] | null
  readonly unordered: readonly number[] | null
  readonly decisions: readonly VectorDecision[] | null
  readonly crp: readonly VectorCandidates[] | null
  readonly votes?: readonly VectorVote[] | null
}

export interface VectorDecision {
  readonly uc: number
  readonly decision: string
  readonly decidedOnLevel: number
}

export interface VectorCandidates {
  readonly level: number
  readonly prevTimingUnit: number
  readonly order: readonly number[]
  readonly complete: boolean
}

export interface VectorVote {
  readonly uc: number
  readonly u: number
  readonly round: number
  readonly vote: string
}

export interface VectorRound {
  readonly level: number
  readonly timingUnit: number
  readonly order: readonly number[]
}

function shake128(bytes: Uint8Array): Uint8Array {
  return createHash('shake128', { outputLength: 32 }).update(bytes).digest()
}

function xorHex(a: string, b: string): string {
  let text = ''
  const digit = (hex: string, at: number): number => parseInt(hex[at] ?? '0', 16)
  for (let at = 0; at < a.length; at += 1) text += (digit(a, at) ^ digit(b, at)).toString(16)
  return text
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What a consensus-go DAG derives from parents alone: levels, floors, prime ancestors. */
export class GoUnits {
  readonly levels: number[] = []
  readonly floors: number[][][] = []
  readonly primes: number[][] = []
  readonly #file: VectorFile
  readonly #units: readonly VectorUnit[]

  constructor(file: VectorFile) {
    this.#file = file
    this.#units = file.units ?? []
    for (const unit of this.#units) this.#add(unit)
  }

  #unit(i: number): VectorUnit {
    return sure(this.#units[i])
  }

  #add(unit: VectorUnit): void {
    const parents = unit.parents.filter((parent) => parent >= 0)
    const levels = parents.map((parent) => sure(this.levels[parent]))
    const max = Math.max(-1, ...levels)
    const onMax = levels.filter((level) => level === max).length
    const level = parents.length === 0 ? 0 : onMax >= this.#file.quorum ? max + 1 : max
    this.levels.push(level)
    const floor = unit.parents.map((parent, creator) => {
      if (parent < 0) return []
      const known = new Set([parent, ...parents.flatMap((each) => sure(sure(this.floors[each])[creator]))])
      const covered = (w: number): boolean => [...known].some((other) => other !== w && this.#stands(other, w))
      return [...known].filter((w) => !covered(w)).sort((a, b) => a - b)
    })
    this.floors.push(floor)
    this.primes.push(floor.flat().flatMap((w) => this.#lowestAbove(w, level - 1)))
  }

  #predecessor(i: number): number {
    return sure(this.#unit(i).parents[this.#unit(i).creator])
  }

  /** Whether `upper` reaches `lower` by predecessor links. */
  #stands(upper: number, lower: number): boolean {
    let at = upper
    while (at >= 0 && this.#unit(at).height > this.#unit(lower).height) at = this.#predecessor(at)
    return at === lower
  }

  #lowestAbove(from: number, level: number): number[] {
    let at = from
    let lowest = -1
    while (at >= 0 && sure(this.levels[at]) >= level) {
      lowest = at
      at = this.#predecessor(at)
    }
    return lowest >= 0 && this.levels[lowest] === level ? [lowest] : []
  }
}

/** One file's DAG inside a RoundDag, and consensus-go's rules over it. */
export class GoWorld {
  readonly dag: RoundDag
  readonly rules: OrderRules
  readonly #file: VectorFile
  readonly #derived: GoUnits
  readonly #toIndex = new Map<number, UnitIndex>()
  readonly #toVector = new Map<UnitIndex, number>()

  constructor(file: VectorFile, derived: GoUnits) {
    this.#file = file
    this.#derived = derived
    this.dag = new RoundDag(file.nProc, file.quorum)
    const { config } = file
    this.rules = {
      commonVote: ({ difference, round, creator }): Bit | undefined => {
        if (difference <= config.deterministicPrefix) return difference === config.zeroVoteRound ? 0 : 1
        const random = this.#randomBytes(creator, round + 1)
        return random === undefined ? undefined : sure(random[0]) % 2 === 0 ? 1 : 0
      },
      decisionStart: 2,
      decisionEnd: (candidate, max) => {
        const prefixEnd = candidate + config.deterministicPrefix
        return max - 2 < prefixEnd ? Math.min(prefixEnd, max) : max - 2
      },
      heads: 'one',
      candidates: (_dag, round, previous) => this.candidates(round, previous),
      sortBatch: (_dag, batch) => this.#sortLayers(batch),
      windowRounds: Infinity,
    }
  }

  insert(i: number): UnitIndex {
    const unit = sure(this.#file.units?.[i])
    const index = this.dag.insert({
      round: sure(this.#derived.levels[i]),
      creator: unit.creator,
      hash: unit.hash,
      parents: unit.parents.filter((parent) => parent >= 0).map((parent) => this.indexOf(parent)),
      voters: sure(this.#derived.primes[i]).map((prime) => this.indexOf(prime)),
    })
    this.#toIndex.set(i, index)
    this.#toVector.set(index, i)
    return index
  }

  indexOf(i: number): UnitIndex {
    return sure(this.#toIndex.get(i))
  }

  vectorOf(unit: UnitIndex): number {
    return sure(this.#toVector.get(unit))
  }

  candidates(round: number, previous: UnitIndex | undefined): Candidates {
    const { nProc, config } = this.#file
    const turn = round + (previous === undefined ? 0 : this.dag.creatorOf(previous))
    const pids = Array.from({ length: nProc }, (_, pid) => (pid + turn) % nProc)
    const unitsOf = (some: readonly number[]): UnitIndex[] => some.flatMap((pid) => [...this.dag.at(round, pid)])
    const hash = (unit: UnitIndex): string => this.dag.hashOf(unit)
    const prefix = unitsOf(pids.slice(0, config.crpFixedPrefix)).sort((a, b) => compare(hash(a), hash(b)))
    const keys = new Map<UnitIndex, string>()
    for (const unit of unitsOf(pids.slice(config.crpFixedPrefix))) {
      const random = this.#randomBytes(this.dag.creatorOf(unit), round + 5)
      if (random === undefined) return { slots: prefix.map((each) => [each]), complete: false }
      keys.set(unit, Buffer.from(shake128(Buffer.concat([random, Buffer.from(hash(unit), 'hex')]))).toString('hex'))
    }
    const rest = [...keys.keys()].sort((a, b) => compare(sure(keys.get(a)), sure(keys.get(b))))
    return { slots: [...prefix, ...rest].map((unit) => [unit]), complete: true }
  }

  #randomBytes(pid: number, level: number): Uint8Array | undefined {
    const { kind, seed } = this.#file.randomSource
    if (kind === 'test') return Buffer.concat([Buffer.alloc(32), Buffer.from(String(pid + level))])
    if (kind === 'coin' && this.dag.maxRound < level + 1) return undefined
    const bytes = Buffer.alloc(18)
    bytes.writeBigUInt64LE(BigInt(seed), 0)
    bytes.writeUInt16LE(kind === 'coin' ? 0 : pid, 8)
    bytes.writeBigUInt64LE(BigInt(level), 10)
    return shake128(bytes)
  }

  #sortLayers(batch: readonly UnitIndex[]): UnitIndex[] {
    const layers = new Map<UnitIndex, number>()
    const byInsertion = [...batch].sort((a, b) => a - b)
    for (const unit of byInsertion) {
      const below = this.dag.parentsOf(unit).map((parent) => layers.get(parent) ?? -1)
      layers.set(unit, 1 + Math.max(-1, ...below))
    }
    const all = batch.reduce((sum, unit) => xorHex(sum, this.dag.hashOf(unit)), '0'.repeat(64))
    const key = (unit: UnitIndex): string => xorHex(all, this.dag.hashOf(unit))
    return byInsertion.sort((a, b) => sure(layers.get(a)) - sure(layers.get(b)) || compare(key(a), key(b)))
  }
}
