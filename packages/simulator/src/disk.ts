// A replica's ledger.db: what its store promises, without its file. Appends are gathered while one commit is under way and become
// durable together, in order, or not at all; SQLite's log drops a commit whose frames are torn, so torn is the same as lost. The
// disk is kept as the list of its commits, so that it can be put back to any of them: an older disk, a lying one, an empty one.
//
// Limits: bytes are not simulated. That SQLite keeps its word on a real file system is for tests with real files to show.

import type { ConsensusKey, ViewId } from '@quorate/types'
import { bytesEqual, sha256Of } from '@quorate/kernel'
import type {
  StoredBlock,
  StoredEvidence,
  StoredHeader,
  StoredLedger,
  StoredUnit,
  StoreRecord,
  TransactionPlace,
  UnitCursor,
  UnitPage,
} from '@quorate/replica/host'
import { EVIDENCE_PER_MEMBER_MAX, StoreError } from '@quorate/replica/host'
import type { Random } from './random.ts'
import type { Speed } from './plan.ts'
import type { World } from './world.ts'

type Block = Extract<StoreRecord, { readonly kind: 'block' }>

/** What the commits up to now come to. */
class Shelf {
  readonly units = new Map<string, StoredUnit & { readonly view: string; readonly row: number }>()
  readonly ownRounds = new Map<string, string>()
  readonly blocks = new Map<number, Block>()
  readonly certificates = new Map<number, Uint8Array>()
  readonly votes = new Map<number, Uint8Array>()
  readonly evidence: StoredEvidence[] = []
  readonly places = new Map<string, TransactionPlace>()
  readonly kept = new Set<number>()
  prunedBelow = 0
  tip = -1
  certified = -1
  #row = 0

  /** Takes one record. @throws StoreError STORE_CONFLICT */
  put(record: StoreRecord): void {
    switch (record.kind) {
      case 'unit': {
        const { view, hash, creator, round, own, bytes } = record
        const key = `${view}${hash}`
        if (this.units.has(key)) return
        if (own) {
          const slot = `${view}${round}`
          if (this.ownRounds.has(slot)) throw new StoreError('STORE_CONFLICT', `a second own unit in round ${round}`)
          this.ownRounds.set(slot, hash)
        }
        this.#row += 1
        this.units.set(key, { hash, creator, round, own, bytes, view, row: this.#row })
        return
      }
      case 'block':
        return this.#putBlock(record)
      case 'certificate':
        if (!this.certificates.has(record.height)) this.certificates.set(record.height, record.bytes)
        if (this.blocks.has(record.height)) this.certified = Math.max(this.certified, record.height)
        return
      case 'vote':
        return this.#same(this.votes.get(record.height), record.bytes, `vote at height ${record.height}`, () =>
          this.votes.set(record.height, record.bytes),
        )
      case 'evidence': {
        const { member, bytes } = record
        const known = this.evidence.filter((each) => each.member === member)
        if (known.length < EVIDENCE_PER_MEMBER_MAX && !known.some((each) => bytesEqual(each.bytes, bytes)))
          this.evidence.push({ member, bytes })
        return
      }
      case 'meta':
        return
      case 'prune-units':
        for (const [key, unit] of this.units) {
          if (unit.view !== record.view || unit.round >= record.belowRound) continue
          this.units.delete(key)
          this.ownRounds.delete(`${unit.view}${unit.round}`)
        }
        return
      case 'prune-view':
        for (const [key, unit] of this.units) if (unit.view === record.view) this.units.delete(key)
        return
      case 'prune-blocks':
        return this.#prune(record)
    }
  }

  #prune({ below, keep }: Extract<StoreRecord, { kind: 'prune-blocks' }>): void {
    for (const height of keep) this.kept.add(height)
    this.prunedBelow = Math.max(this.prunedBelow, below)
    for (const height of this.blocks.keys()) {
      if (height >= this.prunedBelow || this.kept.has(height)) continue
      this.blocks.delete(height)
      this.certificates.delete(height)
      this.votes.delete(height)
    }
    for (const [id, { height }] of this.places)
      if (height < this.prunedBelow && !this.kept.has(height)) this.places.delete(id)
  }

  #putBlock(record: Block): void {
    const { height } = record
    this.#same(this.blocks.get(height)?.header, record.header, `block at height ${height}`, () => {
      this.blocks.set(height, record)
      this.tip = Math.max(this.tip, height)
      record.transactions.forEach((id, position) => {
        if (!this.places.has(id)) this.places.set(id, { height, position })
      })
    })
  }

  #same(known: Uint8Array | undefined, given: Uint8Array, what: string, put: () => void): void {
    if (known === undefined) put()
    else if (!bytesEqual(known, given))
      throw new StoreError('STORE_CONFLICT', `${what}: durable is ${sha256Of([known])}, given was ${sha256Of([given])}`)
  }

  block(height: number): StoredBlock | undefined {
    const block = this.blocks.get(height)
    if (block === undefined) return undefined
    const { header, body, results } = block
    return { height, header, body, results, certificate: this.certificates.get(height) }
  }
}

interface Waiting {
  readonly records: readonly StoreRecord[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/** A disk. It outlives its replica's processes. */
export class SimDisk implements StoredLedger {
  readonly #world: World
  readonly #random: Random
  readonly #speed: Speed
  #shelf = new Shelf()
  #commits: { readonly atMs: number; readonly records: readonly StoreRecord[] }[] = []
  #waiting: Waiting[] = []
  #underWay: readonly Waiting[] = []
  /** Changes when the process on it ends: what was under way is nobody's any more. */
  #life = 0
  /** Commits before this one are really written; undefined where the disk doesn't lie. */
  #honestCommits: number | undefined
  isFull = false
  /** The block that can't be read any more. */
  rotten: number | undefined
  /** Keys made for views, by the view they were published in: a file beside the ledger. */
  readonly viewKeys = new Map<ViewId, { readonly key: ConsensusKey; readonly share?: Uint8Array }>()
  /** Hash of every own unit that ever was durable here. */
  readonly ownUnits = new Set<string>()

  constructor(world: World, random: Random, speed: Speed) {
    this.#world = world
    this.#random = random
    this.#speed = speed
  }

  /** Records that are not durable yet. */
  get backlog(): number {
    return this.#waiting.length + this.#underWay.length
  }

  get tipHeight(): number {
    return this.#shelf.tip
  }

  get certifiedHeight(): number {
    return this.#shelf.certified
  }

  get unitCount(): number {
    return this.#shelf.units.size
  }

  append(records: readonly StoreRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject })
      if (this.#underWay.length === 0) this.#begin()
    })
  }

  #begin(): void {
    this.#underWay = this.#waiting
    this.#waiting = []
    const life = this.#life
    const [least, most] = this.#speed.syncMs
    this.#world.after(this.#random.between(least, most), () => {
      if (life !== this.#life) return
      const done = this.#underWay
      this.#underWay = []
      this.#commit(done)
      if (this.#waiting.length > 0) this.#begin()
    })
  }

  #commit(group: readonly Waiting[]): void {
    const records = group.flatMap((each) => each.records)
    try {
      if (this.isFull) throw new StoreError('STORE_IO', 'the disk is full')
      this.#put(records)
    } catch (error) {
      const failure = error instanceof StoreError ? error : new StoreError('STORE_IO', String(error))
      for (const each of group) each.reject(failure)
      return
    }
    for (const each of group) each.resolve()
  }

  #put(records: readonly StoreRecord[]): void {
    for (const record of records) {
      this.#shelf.put(record)
      if (record.kind === 'unit' && record.own) this.ownUnits.add(record.hash)
    }
    this.#commits.push({ atMs: this.#world.nowMs, records })
  }

  /** The process ends. Of what is under way the disk keeps a part, in order, by chance `keep` each. */
  crash(keep: number): void {
    this.#life += 1
    const open = [...this.#underWay, ...this.#waiting]
    this.#underWay = []
    this.#waiting = []
    if (this.#honestCommits !== undefined) {
      this.#truncate(this.#random.whole(this.#honestCommits, this.#commits.length))
      this.#honestCommits = undefined
      return
    }
    for (const each of open) {
      if (this.isFull || !this.#random.chance(keep)) return
      this.#put(each.records)
    }
  }

  /** From now on nothing is written that is said to be. */
  lie(): void {
    this.#honestCommits ??= this.#commits.length
  }

  /** Puts the disk back to what it was at `atMs`; everything is gone where that is before the beginning. */
  restoreTo(atMs: number): void {
    this.#truncate(this.#commits.filter((commit) => commit.atMs <= atMs).length)
    this.rotten = undefined
  }

  #truncate(count: number): void {
    this.#commits = this.#commits.slice(0, count)
    this.#shelf = new Shelf()
    for (const { records } of this.#commits) for (const record of records) this.#shelf.put(record)
  }

  // ---- reading: what is durable

  tip(): Promise<StoredHeader | undefined> {
    return Promise.resolve(this.#shelf.block(this.#shelf.tip))
  }

  certifiedTip(): Promise<StoredHeader | undefined> {
    return Promise.resolve(this.#shelf.block(this.#shelf.certified))
  }

  block(height: number): Promise<StoredBlock | undefined> {
    if (height === this.rotten) return Promise.reject(this.#rot(height))
    return Promise.resolve(this.#shelf.block(height))
  }

  /** A block without a promise, for the observer. */
  peek(height: number): StoredBlock | undefined {
    return this.#shelf.block(height)
  }

  blocks(from: number, countMax: number, bytesMax: number): Promise<readonly StoredBlock[]> {
    const found: StoredBlock[] = []
    let size = 0
    for (let at = from; at < from + countMax; at += 1) {
      if (at === this.rotten) return Promise.reject(this.#rot(at))
      const block = this.#shelf.block(at)
      if (block === undefined) break
      size += block.header.length + block.body.length + block.results.length + (block.certificate?.length ?? 0)
      if (found.length > 0 && size > bytesMax) break
      found.push(block)
    }
    return Promise.resolve(found)
  }

  units(view: string, bytesMax: number, after: UnitCursor = { round: -1, row: -1 }): Promise<UnitPage> {
    const all = [...this.#shelf.units.values()]
      .filter((unit) => unit.view === view)
      .filter((unit) => unit.round > after.round || (unit.round === after.round && unit.row > after.row))
      .sort((a, b) => a.round - b.round || a.row - b.row)
    let size = 0
    const fit = all.findIndex((unit, at) => {
      size += unit.bytes.length
      return at > 0 && size > bytesMax
    })
    const last = all[fit - 1]
    return Promise.resolve({
      units: fit < 0 ? all : all.slice(0, fit),
      next: fit < 0 || last === undefined ? undefined : { round: last.round, row: last.row },
    })
  }

  vote(height: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#shelf.votes.get(height))
  }

  evidence(): Promise<readonly StoredEvidence[]> {
    return Promise.resolve([...this.#shelf.evidence])
  }

  prunedBelow(): Promise<number> {
    return Promise.resolve(this.#shelf.prunedBelow)
  }

  transaction(id: string): Promise<TransactionPlace | undefined> {
    return Promise.resolve(this.#shelf.places.get(id))
  }

  #rot(height: number): StoreError {
    return new StoreError('STORE_CORRUPT', `block ${height} does not hash to what was written`)
  }
}
