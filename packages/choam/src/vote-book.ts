// Votes, and what they prove. A vote counts for the block it names and no other; one seat counts once. When a height is certified,
// a vote for another block is proof that its seat signed a result that isn't: wrong order, outcome or state.

import type { Certificate, Committee, Digest, Height, ViewId, Vote } from '@quorate/types'

/** Two contradicting votes of a seat are kept; a third adds nothing. */
const VOTES_PER_SEAT_MAX = 2

/** A certified height. */
export interface Decided {
  readonly hash: Digest
  readonly certificate: Certificate
}

/** A vote against a certified block. */
export interface WrongVote {
  readonly vote: Vote
  readonly decided: Decided
}

export class VoteBook {
  readonly #window: number
  readonly #decidedMax: number
  /** By height, then by view and seat: a seat of another view must not stand in an honest one's place. */
  readonly #open = new Map<Height, Map<string, Vote[]>>()
  readonly #decided = new Map<Height, Decided & { readonly view: ViewId }>()

  constructor(window: number, decidedMax: number) {
    this.#window = window
    this.#decidedMax = decidedMax
  }

  /** Takes a vote; `certified` is the newest certified height. Gives what it proves, if anything. */
  add(vote: Vote, certified: number): WrongVote | undefined {
    const decided = this.#decided.get(vote.height)
    if (decided !== undefined)
      return vote.block === decided.hash || vote.view !== decided.view ? undefined : { vote, decided }
    if (vote.height <= certified || vote.height > certified + this.#window) return undefined
    let bySeat = this.#open.get(vote.height)
    if (bySeat === undefined) {
      bySeat = new Map()
      this.#open.set(vote.height, bySeat)
    }
    const seat = `${vote.view} ${vote.seat}`
    const votes = bySeat.get(seat) ?? []
    if (votes.length < VOTES_PER_SEAT_MAX && votes.every((known) => known.block !== vote.block)) {
      bySeat.set(seat, [...votes, vote])
    }
    return undefined
  }

  /** The block that a quorum of the height's committee votes for, with its certificate. */
  quorumAt(height: Height, committee: Committee): Decided | undefined {
    const byBlock = new Map<Digest, Vote[]>()
    for (const votes of this.#open.get(height)?.values() ?? []) {
      for (const vote of votes)
        if (vote.view === committee.view) byBlock.set(vote.block, [...(byBlock.get(vote.block) ?? []), vote])
    }
    for (const [hash, votes] of byBlock) {
      if (votes.length < committee.quorum) continue
      const signatures = votes.sort((a, b) => a.seat - b.seat).map(({ seat, signature }) => ({ seat, signature }))
      return { hash, certificate: { signatures } }
    }
    return undefined
  }

  /** The height is certified by `view`'s committee. Gives its votes that named another block. */
  decide(height: Height, view: ViewId, decided: Decided): readonly WrongVote[] {
    this.#decided.set(height, { ...decided, view })
    for (const oldest of this.#decided.keys()) {
      if (this.#decided.size <= this.#decidedMax) break
      this.#decided.delete(oldest)
    }
    const votes = [...(this.#open.get(height)?.values() ?? [])].flat()
    this.#open.delete(height)
    return votes.filter((vote) => vote.block !== decided.hash && vote.view === view).map((vote) => ({ vote, decided }))
  }

  /** What was certified at a height, if it is remembered. */
  decidedAt(height: Height): Decided | undefined {
    return this.#decided.get(height)
  }
}
