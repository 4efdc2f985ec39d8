// What is final: votes against blocks, one height after the other, and what contradicting votes prove.

import type { Committee, Digest, Height, MemberId, ViewId, Vote } from '@quorate/types'
import { height } from '@quorate/types'
import { must } from '@quorate/kernel'
import type { ChoamEffect } from './effect.ts'
import type { Faults } from './faults.ts'
import type { ChoamLimits } from './limits.ts'
import type { Diverged, Final, Pipeline } from './pipeline.ts'
import type { ChoamStatus } from './status.ts'
import type { WrongVote } from './vote-book.ts'
import { VoteBook } from './vote-book.ts'

/** Open own votes sent to a peer that is behind, at once. */
const VOTES_RESENT_MAX = 64

export class Certification {
  readonly #pipeline: Pipeline
  readonly #faults: Faults
  readonly #votes: VoteBook
  readonly #committeeOf: (view: ViewId) => Committee | undefined
  #tip: ChoamStatus['tip']

  /** @param committeeOf - The committee of any view whose votes are admitted. */
  constructor(
    pipeline: Pipeline,
    faults: Faults,
    committeeOf: (view: ViewId) => Committee | undefined,
    limits: ChoamLimits,
  ) {
    this.#pipeline = pipeline
    this.#faults = faults
    this.#committeeOf = committeeOf
    this.#votes = new VoteBook(limits.voteWindow, limits.decidedMax)
  }

  /** The newest certified block. */
  get tip(): ChoamStatus['tip'] {
    return this.#tip
  }

  /** A block from our own disk, if it was certified before. */
  restore({ header, hash }: Pick<Final, 'header' | 'hash'>): void {
    if (header.height <= this.#pipeline.certified)
      this.#tip = { hash, timeMs: header.timeMs, stateRoot: header.stateRoot }
  }

  /** Takes a vote while `committee` certifies. Gives the evidence that it completes. */
  vote(vote: Vote, committee: Committee): readonly ChoamEffect[] {
    const { certified } = this.#pipeline
    if (vote.view !== committee.view && vote.height > certified) return []
    const wrong = this.#votes.add(vote, certified)
    return wrong === undefined ? [] : this.#accuse(wrong)
  }

  /** The next block that is kept here and certified by `committee`, with what is to be done; or the divergence. */
  next(
    committee: Committee,
  ): { readonly final: Final; readonly effects: readonly ChoamEffect[] } | Diverged | undefined {
    const at = height(this.#pipeline.certified + 1)
    const decided = this.#votes.quorumAt(at, committee)
    const diverged = decided === undefined ? undefined : this.certified(at, decided.hash, decided.certificate)
    if (diverged !== undefined) return diverged
    const final = this.#pipeline.next()
    if (final === undefined) return undefined
    const { header, hash, certificate } = final
    this.#tip = { hash, timeMs: header.timeMs, stateRoot: header.stateRoot }
    const wrong = this.#votes.decide(at, header.view, { hash, certificate }).flatMap((each) => this.#accuse(each))
    return { final, effects: [...wrong, { kind: 'certified', header, hash, certificate }] }
  }

  /** A quorum certified this block, whoever says so. */
  certified(at: Height, hash: Digest, certificate: Final['certificate']): Diverged | undefined {
    return this.#pipeline.certify(at, hash, certificate)
  }

  /** Own votes that a seat may lack that has certified up to `certified`. */
  votesFor(certified: Height | undefined): readonly Vote[] {
    return this.#pipeline.openVotes(certified ?? -1).slice(0, VOTES_RESENT_MAX)
  }

  #accuse(wrong: WrongVote): readonly ChoamEffect[] {
    const { view, seat, height: at } = wrong.vote
    const { hash, certificate } = wrong.decided
    const member: MemberId = must(this.#committeeOf(view), 'the committee of a vote that was admitted').at(seat).id
    return this.#faults.add(member, { kind: 'wrong-vote', vote: wrong.vote, block: hash, certificate }, at)
  }
}
