// The membership as sets: what the tables must say after any history, written down as plainly as can be.

import type { Change, GovernanceAction, MemberId, MemberStatus } from '@quorate/types'

interface Member {
  readonly name: string
  readonly address: string | null
  readonly status: MemberStatus
  readonly since: number
}

interface Proposal {
  readonly change: Change
  readonly proposer: MemberId
  readonly expiresMs: number
  readonly approvals: Set<MemberId>
}

/** Code of the rule that forbids something; undefined where it is done. */
type Verdict = string | undefined

export class MembershipModel {
  readonly members = new Map<MemberId, Member>()
  readonly proposals = new Map<number, Proposal>()
  #last = 0
  #height = 0
  #assembled = 0
  readonly #openMs: number
  readonly #openMax: number

  constructor(
    founders: readonly { readonly id: string; readonly name: string }[],
    rules: { readonly proposalMsMax: number; readonly proposalsMax: number },
  ) {
    for (const { id, name } of founders)
      this.members.set(id as MemberId, { name, address: null, status: 'active', since: 0 })
    this.#openMs = rules.proposalMsMax
    this.#openMax = rules.proposalsMax
  }

  stays(id: MemberId): boolean {
    const status = this.members.get(id)?.status
    return status === 'active' || status === 'joining'
  }

  get staying(): readonly MemberId[] {
    return [...this.members.keys()].filter((id) => this.stays(id))
  }

  block(height: number): void {
    this.#height = height
  }

  turnView(kind: 'assemble' | 'reconfigure', height: number): void {
    if (kind === 'assemble') this.#assembled = height
    else this.#reconfigure()
  }

  #reconfigure(): void {
    for (const [id, member] of this.members) {
      if (member.since > this.#assembled) continue
      if (member.status === 'leaving') this.members.delete(id)
      else this.members.set(id, { ...member, status: 'active' })
    }
  }

  order(author: MemberId, action: GovernanceAction, timeMs: number): Verdict {
    if (!this.stays(author)) return 'NOT_A_MEMBER'
    for (const [number, { expiresMs }] of this.proposals) if (expiresMs < timeMs) this.proposals.delete(number)
    switch (action.kind) {
      case 'address': {
        const member = this.members.get(author)
        if (member !== undefined) this.members.set(author, { ...member, address: action.address })
        return undefined
      }
      case 'propose':
        return this.#propose(author, action.change, timeMs)
      case 'approve': {
        const proposal = this.proposals.get(action.proposal)
        if (proposal === undefined) return 'PROPOSAL_UNKNOWN'
        const approvals = new Set([...proposal.approvals, author])
        if (this.#isEnough(approvals)) return this.#pass(action.proposal, proposal.change)
        if (proposal.approvals.has(author)) return 'ALREADY_APPROVED'
        proposal.approvals.add(author)
        return undefined
      }
      case 'withdraw': {
        const proposal = this.proposals.get(action.proposal)
        if (proposal === undefined) return 'PROPOSAL_UNKNOWN'
        if (proposal.proposer === author) this.proposals.delete(action.proposal)
        else if (!proposal.approvals.delete(author)) return 'NOT_APPROVED'
        return undefined
      }
    }
  }

  #isEnough(approvals: ReadonlySet<MemberId>): boolean {
    return approvals.size * 3 > this.staying.length * 2
  }

  #propose(author: MemberId, change: Change, timeMs: number): Verdict {
    const forbids = this.#forbids(change)
    if (forbids !== undefined) return forbids
    const open = [...this.proposals.values()]
    if (open.some((each) => JSON.stringify(each.change) === JSON.stringify(change))) return 'ALREADY_PROPOSED'
    if (open.filter((each) => each.proposer === author).length >= this.#openMax) return 'TOO_MANY_PROPOSALS'
    this.#last += 1
    const approvals = new Set([author])
    if (this.#isEnough(approvals)) return this.#pass(this.#last, change)
    this.proposals.set(this.#last, { change, proposer: author, expiresMs: timeMs + this.#openMs, approvals })
    return undefined
  }

  #forbids(change: Change): Verdict {
    const names = this.staying.map((id) => this.members.get(id)?.name)
    if (change.kind === 'add') {
      if (this.members.has(change.member)) return 'ALREADY_MEMBER'
      return names.includes(change.name) ? 'NAME_TAKEN' : undefined
    }
    if (!this.stays(change.member)) return 'MEMBER_UNKNOWN'
    if (change.kind === 'remove') return names.length <= 1 ? 'TOO_FEW_WOULD_REMAIN' : undefined
    return this.members.has(change.successor) ? 'ALREADY_MEMBER' : undefined
  }

  #pass(number: number, change: Change): Verdict {
    const forbids = this.#forbids(change)
    if (forbids !== undefined) return forbids
    this.proposals.delete(number)
    const since = this.#height
    const member = this.members.get(change.member)
    if (change.kind === 'add') {
      this.members.set(change.member, { name: change.name, address: change.address, status: 'joining', since })
    } else if (member !== undefined) {
      this.members.set(change.member, { ...member, status: 'leaving', since })
      if (change.kind === 'rekey') this.members.set(change.successor, { ...member, status: 'joining', since })
      for (const [each, { proposer, change: other, approvals }] of this.proposals) {
        approvals.delete(change.member)
        if (proposer === change.member || other.member === change.member) this.proposals.delete(each)
      }
    }
    return undefined
  }
}
