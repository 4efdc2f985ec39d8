// Blocks between order and certificate: executed, made into a header, voted for, certified; each step strictly in height order.
//
//   ordered --execute--> executed --header, vote--> voted --quorum of votes--> certified
//
// A block fetched from a peer enters at the same place with its certificate in hand; what this replica computes for it must give
// the certified header to the byte, or its state has diverged.

import { assert, must } from '@quorate/kernel'
import type { BlockPointer, Certificate, Digest, Header, Height, Millis, ViewId, Vote } from '@quorate/types'
import { blockHash, bodyHash, encodeHeader, height, millis, NO_BLOCK } from '@quorate/types'
import type { ChoamEffect } from './effect.ts'
import type { Executed } from './input.ts'
import type { ChoamLimits } from './limits.ts'
import { seedOf } from './seed.ts'

interface Entry {
  readonly height: Height
  readonly view: ViewId
  readonly timeMs: Millis
  readonly bodyBytes: Uint8Array
  readonly body: Digest
  header: Header | undefined
  hash: Digest | undefined
  vote: Vote | undefined
  /** What a quorum certified, where that is known before our own vote. */
  certified: { readonly hash: Digest; readonly certificate: Certificate } | undefined
}

/** A block that became final. */
export interface Final {
  readonly header: Header
  readonly hash: Digest
  readonly certificate: Certificate
}

/** What the pipeline found out about an entry. */
export type Diverged = Extract<ChoamEffect, { readonly kind: 'diverged' }>

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
  #genesis: BlockPointer = { height: height(0), hash: NO_BLOCK }

  constructor(ledger: Digest, era: number, limits: ChoamLimits) {
    this.#ledger = ledger
    this.#era = era
    this.#limits = limits
  }

  /** Highest block in any state; -1 for none. */
  get ordered(): number {
    return this.#ordered
  }

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

  /** The block of height 0, once it is executed. */
  get genesis(): BlockPointer {
    return this.#genesis
  }

  /** Takes the next ordered body. */
  append(view: ViewId, bodyBytes: Uint8Array, timeMs: Millis): void {
    this.#ordered += 1
    // The database's clock never goes back, whatever the creators' clocks say.
    this.#lastTimeMs = millis(Math.max(this.#lastTimeMs, timeMs))
    this.#enter(view, bodyBytes, this.#lastTimeMs)
  }

  /** Takes the next block as a peer had it certified. */
  appendCertified(header: Header, bodyBytes: Uint8Array, hash: Digest, certificate: Certificate): void {
    this.#ordered += 1
    assert(header.height === this.#ordered, `certified block ${header.height} behind ${this.#ordered - 1}`)
    this.#lastTimeMs = header.timeMs
    const entry = this.#enter(header.view, bodyBytes, header.timeMs)
    entry.certified = { hash, certificate }
  }

  /** Takes a block from this replica's own disk: executed and voted for before the restart. */
  restore(
    block: { readonly header: Header; readonly headerBytes: Uint8Array; readonly bodyBytes: Uint8Array },
    certificate: Certificate | undefined,
  ): void {
    const { header, headerBytes, bodyBytes } = block
    const hash = blockHash(headerBytes)
    this.#ordered = header.height
    this.#asked = header.height
    this.#executed = header.height
    this.#voted = header.height
    this.#lastTimeMs = header.timeMs
    this.#previous = { hash, timeMs: header.timeMs }
    if (header.height === 0) this.#genesis = { height: header.height, hash }
    if (certificate !== undefined && this.#entries.size === 0) {
      this.#certified = header.height
      return
    }
    const entry = this.#enter(header.view, bodyBytes, header.timeMs)
    entry.header = header
    entry.hash = hash
    if (certificate !== undefined) entry.certified = { hash, certificate }
  }

  /** Own votes from disk for blocks that are not certified. */
  restoreVote(vote: Vote): void {
    const entry = this.#entries.get(vote.height)
    if (entry !== undefined) entry.vote = vote
  }

  #enter(view: ViewId, bodyBytes: Uint8Array, timeMs: Millis): Entry {
    const entry: Entry = {
      height: height(this.#ordered),
      view,
      timeMs,
      bodyBytes,
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

  /** The database has executed the next block: gives the vote to be made, or the divergence. */
  executed(executed: Executed): ChoamEffect {
    this.#executed += 1
    assert(executed.height === this.#executed, `height ${executed.height} executed, ${this.#executed} expected`)
    const entry = this.#entry(this.#executed)
    const isGenesis = entry.height === 0
    const header: Header = {
      era: this.#era,
      height: entry.height,
      view: entry.view,
      previous: this.#previous.hash,
      lastReconfigure: this.#genesis,
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
    this.#previous = { hash, timeMs: entry.timeMs }
    if (isGenesis) this.#genesis = { height: entry.height, hash }
    if (entry.certified !== undefined && entry.certified.hash !== hash) {
      return { kind: 'diverged', height: entry.height, ours: hash, certified: entry.certified.hash }
    }
    return { kind: 'vote', view: entry.view, header, headerBytes, bodyBytes: entry.bodyBytes, hash }
  }

  /** Block and vote are durable. */
  votedFor(vote: Vote): void {
    this.#voted += 1
    assert(vote.height === this.#voted, `voted at height ${vote.height}, ${this.#voted} expected`)
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

  /** The next block that is both voted for here and certified, if it is. */
  next(): Final | undefined {
    const entry = this.#entries.get(height(this.#certified + 1))
    if (entry === undefined || entry.height > this.#voted || entry.certified === undefined) return undefined
    this.#certified = entry.height
    this.#entries.delete(entry.height)
    return { header: must(entry.header, 'a voted block has a header'), ...entry.certified }
  }

  /** Own votes above `above` that are not certified here. */
  openVotes(above: number): readonly Vote[] {
    const votes: Vote[] = []
    for (const entry of this.#entries.values())
      if (entry.vote !== undefined && entry.height > above) votes.push(entry.vote)
    return votes
  }

  /** Hash of a block that is not final yet, as far as it is known: executed here, or certified elsewhere. */
  hashAt(at: number): Digest | undefined {
    if (at === this.#executed) return this.#previous.hash
    const entry = this.#entries.get(height(at))
    return entry?.hash ?? entry?.certified?.hash
  }

  #entry(at: number): Entry {
    return must(this.#entries.get(height(at)), `no block of height ${at} on its way`)
  }
}
