// Blocks between order and certificate: executed, made into a header, voted for, certified; each step strictly in height order.
//
//   ordered --execute--> executed --header, vote--> kept --quorum of votes--> certified
//
// A block fetched from a peer enters at the same place with its certificate in hand; what this replica computes for it must give
// the certified header to the byte, or its state has diverged.

import { assert, must, unwrap } from '@quorate/kernel'
import type { BlockPointer, Body, Certificate, Digest, Header, Height, Millis, ViewId, Vote } from '@quorate/types'
import { blockHash, bodyHash, decodeBody, encodeBody, encodeHeader, height, millis, NO_BLOCK } from '@quorate/types'
import type { ChoamEffect } from './effect.ts'
import type { Executed } from './input.ts'
import type { ChoamLimits } from './limits.ts'
import { seedOf } from './seed.ts'

interface Entry {
  readonly height: Height
  readonly view: ViewId
  readonly timeMs: Millis
  readonly bodyBytes: Uint8Array
  readonly kind: Body['kind']
  readonly body: Digest
  header: Header | undefined
  hash: Digest | undefined
  vote: Vote | undefined
  /** What a quorum certified, where that is known before our own vote. */
  certified: { readonly hash: Digest; readonly certificate: Certificate } | undefined
}

const NOWHERE: BlockPointer = { height: height(0), hash: NO_BLOCK }

/** A block that became final. */
export interface Final {
  readonly header: Header
  readonly hash: Digest
  readonly certificate: Certificate
  /** Of a block that seats a committee. */
  readonly body: SeatingBody | undefined
}

/** What a committee follows from. */
export type SeatingBody = Extract<Body, { readonly kind: 'genesis' | 'reconfigure' }>

/** A block as a peer had it certified. */
export type Certified = Kept & { readonly certificate: Certificate }

/** A block that was executed and kept before. */
export interface Kept {
  readonly header: Header
  readonly body: Body
  readonly bodyBytes: Uint8Array
  readonly hash: Digest
  readonly certificate: Certificate | undefined
}

/** A block that was executed here. */
export interface Made {
  readonly kind: 'made'
  readonly body: Body['kind']
  readonly header: Header
  readonly headerBytes: Uint8Array
  readonly bodyBytes: Uint8Array
  readonly hash: Digest
}

/** What the pipeline found out about an entry. */
export type Diverged = Extract<ChoamEffect, { readonly kind: 'diverged' }>

function seatingBody({ kind, bodyBytes }: Entry): SeatingBody | undefined {
  if (kind !== 'genesis' && kind !== 'reconfigure') return undefined
  return unwrap(decodeBody(bodyBytes), 'a body that was executed') as SeatingBody
}

export class Pipeline {
  readonly #ledger: Digest
  readonly #era: number
  readonly #limits: ChoamLimits
  readonly #entries = new Map<Height, Entry>()
  #ordered = -1
  #asked = -1
  #executed = -1
  #voted = -1
  #certified = -1
  /** Of the last executed block. */
  #previous: { readonly hash: Digest; readonly timeMs: Millis } = { hash: NO_BLOCK, timeMs: millis(0) }
  #lastTimeMs: Millis = millis(0)
  /** What the next header points back to. */
  #lastReconfigure: BlockPointer = NOWHERE
  #lastAssemble: BlockPointer = NOWHERE
  #genesis: BlockPointer = NOWHERE

  constructor(ledger: Digest, era: number, limits: ChoamLimits) {
    this.#ledger = ledger
    this.#era = era
    this.#limits = limits
  }

  /** Highest block in any state; -1 for none. */
  get ordered(): number {
    return this.#ordered
  }

  /** Highest block that is kept here, with our vote where we hold a seat; -1 for none. */
  get voted(): number {
    return this.#voted
  }

  get certified(): number {
    return this.#certified
  }

  /** Too much is on its way: ordering should wait. */
  get isFull(): boolean {
    return this.#ordered - this.#certified >= this.#limits.pipelineMax
  }

  /** Takes the next ordered body. */
  append(view: ViewId, body: Body, timeMs: Millis): void {
    this.#ordered += 1
    // The database's clock never goes back, whatever the creators' clocks say.
    this.#lastTimeMs = millis(Math.max(this.#lastTimeMs, timeMs))
    this.#enter(view, encodeBody(body), body.kind, this.#lastTimeMs)
  }

  /** Takes the next block as a peer had it certified. */
  appendCertified({ header, body, bodyBytes, hash, certificate }: Certified): void {
    this.#ordered += 1
    assert(header.height === this.#ordered, `certified block ${header.height} behind ${this.#ordered - 1}`)
    this.#lastTimeMs = header.timeMs
    const entry = this.#enter(header.view, bodyBytes, body.kind, header.timeMs)
    entry.certified = { hash, certificate }
  }

  /** Takes a block from this replica's own disk: executed and kept before the restart. */
  restore({ header, body, bodyBytes, hash, certificate }: Kept): void {
    this.#ordered = header.height
    this.#asked = header.height
    this.#executed = header.height
    this.#voted = header.height
    this.#lastTimeMs = header.timeMs
    this.#lastReconfigure = header.lastReconfigure
    this.#lastAssemble = header.lastAssemble
    this.#genesis = header.lastCheckpoint
    this.#passed(body.kind, hash, header)
    if (certificate !== undefined && this.#entries.size === 0) {
      this.#certified = header.height
      return
    }
    const entry = this.#enter(header.view, bodyBytes, body.kind, header.timeMs)
    entry.header = header
    entry.hash = hash
    if (certificate !== undefined) entry.certified = { hash, certificate }
  }

  /** Own votes from disk for blocks that are not certified. */
  restoreVote(vote: Vote): void {
    const entry = this.#entries.get(vote.height)
    if (entry !== undefined) entry.vote = vote
  }

  #enter(view: ViewId, bodyBytes: Uint8Array, kind: Body['kind'], timeMs: Millis): Entry {
    const entry: Entry = {
      height: height(this.#ordered),
      view,
      timeMs,
      bodyBytes,
      kind,
      body: bodyHash(bodyBytes),
      header: undefined,
      hash: undefined,
      vote: undefined,
      certified: undefined,
    }
    this.#entries.set(entry.height, entry)
    return entry
  }

  /** The executions to ask for now. */
  executions(): ChoamEffect[] {
    const effects: ChoamEffect[] = []
    while (this.#asked < this.#ordered && this.#asked - this.#executed < this.#limits.executingMax) {
      this.#asked += 1
      const { timeMs, bodyBytes, body } = this.#entry(this.#asked)
      const at = height(this.#asked)
      effects.push({ kind: 'execute', height: at, timeMs, seed: seedOf(this.#ledger, at, body), bodyBytes })
    }
    return effects
  }

  /** The database has executed the next block: gives its header, or the divergence. */
  executed(executed: Executed): Made | Diverged {
    this.#executed += 1
    assert(executed.height === this.#executed, `height ${executed.height} executed, ${this.#executed} expected`)
    const entry = this.#entry(this.#executed)
    const header: Header = {
      era: this.#era,
      height: entry.height,
      view: entry.view,
      previous: this.#previous.hash,
      lastReconfigure: this.#lastReconfigure,
      lastAssemble: this.#lastAssemble,
      lastCheckpoint: this.#genesis,
      timeMs: entry.timeMs,
      transactionsRoot: executed.transactionsRoot,
      resultsRoot: executed.resultsRoot,
      stateRoot: executed.stateRoot,
      body: entry.body,
    }
    const headerBytes = encodeHeader(header)
    const hash = blockHash(headerBytes)
    entry.header = header
    entry.hash = hash
    this.#passed(entry.kind, hash, entry)
    if (entry.certified !== undefined && entry.certified.hash !== hash) {
      return { kind: 'diverged', height: entry.height, ours: hash, certified: entry.certified.hash }
    }
    return { kind: 'made', body: entry.kind, header, headerBytes, bodyBytes: entry.bodyBytes, hash }
  }

  /** What later headers point back to. */
  #passed(kind: Body['kind'], hash: Digest, at: { readonly height: Height; readonly timeMs: Millis }): void {
    this.#previous = { hash, timeMs: at.timeMs }
    const pointer = { height: at.height, hash }
    if (kind === 'genesis') this.#genesis = pointer
    if (kind === 'assemble') this.#lastAssemble = pointer
    if (kind !== 'genesis' && kind !== 'reconfigure') return
    this.#lastReconfigure = pointer
    this.#lastAssemble = NOWHERE
  }

  /** The block, and our vote for it where we have one, are durable. */
  kept(at: Height, vote: Vote | undefined): void {
    this.#voted += 1
    assert(at === this.#voted, `block ${at} is kept, ${this.#voted} expected`)
    this.#entry(this.#voted).vote = vote
  }

  /** A quorum's word on a height that is not final here yet. A contradiction with ours is a divergence. */
  certify(at: Height, hash: Digest, certificate: Certificate): Diverged | undefined {
    const entry = this.#entries.get(at)
    if (entry === undefined) return undefined
    if (entry.hash !== undefined && entry.hash !== hash)
      return { kind: 'diverged', height: at, ours: entry.hash, certified: hash }
    entry.certified = { hash, certificate }
    return undefined
  }

  /** The next block that is both kept here and certified, if it is. */
  next(): Final | undefined {
    const entry = this.#entries.get(height(this.#certified + 1))
    if (entry === undefined || entry.height > this.#voted || entry.certified === undefined) return undefined
    this.#certified = entry.height
    this.#entries.delete(entry.height)
    return { header: must(entry.header, 'a kept block has a header'), ...entry.certified, body: seatingBody(entry) }
  }

  /** Own votes above `above` that are not certified here. */
  openVotes(above: number): readonly Vote[] {
    const votes: Vote[] = []
    for (const entry of this.#entries.values())
      if (entry.vote !== undefined && entry.height > above) votes.push(entry.vote)
    return votes
  }

  /** Whether this block can be taken now, behind the newest. */
  isNext(header: Header): boolean {
    if (header.height !== this.#ordered + 1 || this.isFull) return false
    const newest = this.#entries.get(height(this.#ordered))
    const hash = this.#ordered === this.#executed ? this.#previous.hash : (newest?.hash ?? newest?.certified?.hash)
    return hash === undefined || hash === header.previous
  }

  #entry(at: number): Entry {
    return must(this.#entries.get(height(at)), `no block of height ${at} on its way`)
  }
}
