// Members deciding who is a member: carries out their orders on the ledger's own tables.
//
// Problem: every replica must come to the same list, and no order may do anything half. So all that an order needs is checked
// before its first write, and what forbids it is a value. What is expired is thrown away first, by the block's time.
//
// A decision holds among the members at once: whoever is leaving neither approves nor is counted, what it had said in open
// proposals goes with it, and whoever joins takes part. That keeps one rule, "more than two thirds of those who stay", and makes a
// key that is given up useless from the block that says so. Only the committee waits, for the next view (`turnView` in
// block-connection.ts).
//
// Proposals are counted when somebody approves, not when the membership shrinks: a proposal that thereby has enough passes when
// anyone approves it, be it for the second time.

import type {
  Change,
  Governance,
  GovernanceAction,
  Height,
  LedgerMember,
  MemberId,
  Reply,
  SqlError,
  SqlValue,
} from '@quorate/types'
import type { MemberStatus, RefusalCode, VerifySignature } from '@quorate/types'
import { approvalsNeeded, changeDigest, isGovernanceSigned, height, MEMBER_LIMITS } from '@quorate/types'
import type { Engine } from './engine.ts'
import { MEMBER_SQL as SQL } from './member-tables.ts'
import type { PageSource } from './pages.ts'
import { Overlay } from './pages.ts'
import { RULES } from './rules.ts'
import { Statements } from './statements.ts'

/** What became of an order: an answer, or the rule that forbids it. */
export type Carried =
  | { readonly kind: 'done'; readonly reply: Reply; readonly changedMembers: boolean }
  | { readonly kind: 'forbidden'; readonly error: SqlError }

/** A proposal as it stands: the state it is in, and how many approvals it has of how many that it needs. */
interface Standing {
  readonly proposal: bigint
  readonly state: 'open' | 'passed' | 'withdrawn'
  readonly approvals: number
  readonly needed: number
}

interface OpenProposal {
  readonly number: bigint
  readonly change: Change
  readonly digest: string
  readonly proposer: string
}

function forbidden(code: string, message: string): Carried {
  return { kind: 'forbidden', error: { code, message } }
}

function answered(rows: readonly Standing[], changedMembers: boolean): Carried {
  const columns = [{ name: 'proposal' }, { name: 'state' }, { name: 'approvals' }, { name: 'needed' }]
  const values = rows.map(({ proposal, state, approvals, needed }) => [
    proposal,
    state,
    BigInt(approvals),
    BigInt(needed),
  ])
  return { kind: 'done', changedMembers, reply: { kind: 'result', result: { columns, rows: values, affectedRows: 0 } } }
}

/** A row of `_quorate_members`. Only the ledger writes there, and it writes what these types say. */
function memberOf([id, name, address, status, since]: readonly SqlValue[]): LedgerMember {
  return {
    id: id as MemberId,
    name: String(name),
    address: address === null ? undefined : String(address),
    status: status as MemberStatus,
    since: height(Number(since)),
  }
}

function changeOf([, kind, member, name, address, successor]: readonly SqlValue[]): Change {
  if (kind === 'add') return { kind, member: member as MemberId, name: String(name), address: String(address) }
  if (kind === 'remove') return { kind, member: member as MemberId }
  return { kind: 'rekey', member: member as MemberId, successor: successor as MemberId }
}

/** All members, in the order of their ids. */
export function listMembers(statements: Statements): readonly LedgerMember[] {
  return statements.ownAll(SQL.members).map(memberOf)
}

/**
 * All members of a database, in the order of their ids; none before genesis. Connections that were open on `engine` are
 * void afterwards. @throws LocalTrouble, or what `base` throws, where the machine is at fault.
 */
export function membersOf(engine: Engine, base: PageSource): readonly LedgerMember[] {
  if (base.pageCount === 0) return []
  engine.renew()
  const { connection, close } = engine.open(new Overlay(base))
  const statements = new Statements(engine, connection)
  const members = listMembers(statements)
  statements.close()
  close()
  engine.vfs.check()
  return members
}

/** The members at one block: takes their orders, in the block's transaction that the caller has begun. */
export class Assembly {
  readonly #statements: Statements
  readonly #block: { readonly height: Height; readonly timeMs: number }

  constructor(statements: Statements, block: { readonly height: Height; readonly timeMs: number }) {
    this.#statements = statements
    this.#block = block
  }

  /** Why an order isn't a member's of this ledger: it is refused, and nothing of it is remembered. */
  refusal(
    governance: Governance,
    transaction: Uint8Array,
    verify: VerifySignature,
  ): { readonly code: RefusalCode; readonly message: string } | undefined {
    const { ledger, author } = governance
    const [own] = this.#own(SQL.ledger) ?? []
    if (ledger !== own)
      return { code: 'WRONG_LEDGER', message: `the order is for ledger ${ledger}, this is ${String(own)}` }
    const member = this.#member(author)
    if (member === undefined) return { code: 'NOT_A_MEMBER', message: `${author} is no member` }
    if (member.status === 'leaving')
      return { code: 'NOT_A_MEMBER', message: `${author} ("${member.name}") is no member any more` }
    if (!isGovernanceSigned(governance, transaction, verify))
      return { code: 'BAD_SIGNATURE', message: `the order is not signed by ${author}, or not by the key it speaks for` }
    return undefined
  }

  /** Does what a member orders, or nothing. */
  carryOut({ author, action }: Governance): Carried {
    this.#close(SQL.expire, BigInt(this.#block.timeMs))
    switch (action.kind) {
      case 'propose':
        return this.#propose(author, action.change)
      case 'approve':
        return this.#approve(author, action)
      case 'withdraw':
        return this.#withdraw(author, BigInt(action.proposal))
      case 'address':
        this.#own(SQL.move, author, action.address)
        return answered([], true)
    }
  }

  #own(...statement: Parameters<Statements['own']>): ReturnType<Statements['own']> {
    return this.#statements.own(...statement)
  }

  #count(...statement: Parameters<Statements['own']>): number {
    return Number(this.#own(...statement)?.[0] ?? 0n)
  }

  #member(id: MemberId): LedgerMember | undefined {
    const row = this.#own(SQL.member, id)
    return row === undefined ? undefined : memberOf(row)
  }

  #propose(author: MemberId, change: Change): Carried {
    const forbids = this.#forbids(change)
    if (forbids !== undefined) return forbids
    const digest = changeDigest(change)
    const same = this.#own(SQL.same, digest)
    if (same !== undefined) return forbidden('ALREADY_PROPOSED', `proposal ${String(same[0])} is the same: approve it`)
    const open = this.#count(SQL.countOpen, author)
    if (open >= RULES.proposalsMax)
      return forbidden('TOO_MANY_PROPOSALS', `${open} of your proposals are open, at most ${RULES.proposalsMax} may be`)
    const needed = approvalsNeeded(this.#count(SQL.countStaying))
    const number = BigInt(this.#count(SQL.lastProposal) + 1)
    this.#own(SQL.countProposal, number)
    if (needed <= 1) {
      this.#apply(change)
      return answered([{ proposal: number, state: 'passed', approvals: 1, needed }], true)
    }
    const { name, address } = change.kind === 'add' ? change : { name: null, address: null }
    const successor = change.kind === 'rekey' ? change.successor : null
    const { height, timeMs } = this.#block
    const expiresMs = BigInt(timeMs + RULES.proposalMsMax)
    this.#own(
      SQL.open,
      number,
      change.kind,
      change.member,
      name,
      address,
      successor,
      digest,
      author,
      BigInt(height),
      expiresMs,
    )
    this.#own(SQL.approve, number, author)
    return answered([{ proposal: number, state: 'open', approvals: 1, needed }], false)
  }

  #approve(author: MemberId, action: GovernanceAction & { readonly kind: 'approve' }): Carried {
    const found = this.#open(BigInt(action.proposal))
    if ('kind' in found) return found
    if (found.digest !== action.change)
      return forbidden(
        'PROPOSAL_DIFFERS',
        `proposal ${found.number} is ${found.digest}, what you approve is ${action.change}`,
      )
    const hasApproved = this.#own(SQL.hasApproved, found.number, author) !== undefined
    const approvals = this.#count(SQL.countApprovals, found.number) + (hasApproved ? 0 : 1)
    const needed = approvalsNeeded(this.#count(SQL.countStaying))
    if (approvals < needed) {
      if (hasApproved)
        return forbidden('ALREADY_APPROVED', `you have approved proposal ${found.number}: ${approvals} of ${needed}`)
      this.#own(SQL.approve, found.number, author)
      return answered([{ proposal: found.number, state: 'open', approvals, needed }], false)
    }
    const forbids = this.#forbids(found.change)
    if (forbids !== undefined) return forbids
    this.#close(SQL.close, found.number)
    this.#apply(found.change)
    return answered([{ proposal: found.number, state: 'passed', approvals, needed }], true)
  }

  #withdraw(author: MemberId, number: bigint): Carried {
    const found = this.#open(number)
    if ('kind' in found) return found
    const needed = approvalsNeeded(this.#count(SQL.countStaying))
    if (found.proposer === author) {
      this.#close(SQL.close, number)
      return answered([{ proposal: number, state: 'withdrawn', approvals: 0, needed }], false)
    }
    if (this.#own(SQL.hasApproved, number, author) === undefined)
      return forbidden('NOT_APPROVED', `you have neither made nor approved proposal ${number}`)
    this.#own(SQL.disapprove, number, author)
    const approvals = this.#count(SQL.countApprovals, number)
    return answered([{ proposal: number, state: 'open', approvals, needed }], false)
  }

  #open(number: bigint): OpenProposal | Extract<Carried, { readonly kind: 'forbidden' }> {
    const row = this.#own(SQL.proposal, number)
    if (row === undefined) {
      const why =
        number > BigInt(this.#count(SQL.lastProposal))
          ? 'there is none yet'
          : 'it has passed, expired or been withdrawn'
      return {
        kind: 'forbidden',
        error: { code: 'PROPOSAL_UNKNOWN', message: `no proposal ${number} is open: ${why}` },
      }
    }
    return { number, change: changeOf(row), digest: String(row[6]), proposer: String(row[7]) }
  }

  /** The rule against a change, as the members stand now. */
  #forbids(change: Change): Carried | undefined {
    const member = this.#member(change.member)
    switch (change.kind) {
      case 'add': {
        if (member !== undefined) return this.#isThere(member)
        const holder = this.#own(SQL.named, change.name)
        if (holder !== undefined) return forbidden('NAME_TAKEN', `"${change.name}" is the name of ${String(holder[0])}`)
        const count = this.#count(SQL.countStaying)
        const { membersMax } = MEMBER_LIMITS
        return count < membersMax
          ? undefined
          : forbidden('TOO_MANY_MEMBERS', `${count} members, at most ${membersMax} may be`)
      }
      case 'remove': {
        if (member === undefined || member.status === 'leaving') return this.#isNotThere(change.member)
        const rest = this.#count(SQL.countStaying) - 1
        return rest >= 1
          ? undefined
          : forbidden('TOO_FEW_WOULD_REMAIN', `${rest} members would remain, at least 1 must`)
      }
      case 'rekey': {
        if (member === undefined || member.status === 'leaving') return this.#isNotThere(change.member)
        const successor = this.#member(change.successor)
        return successor === undefined ? undefined : this.#isThere(successor)
      }
    }
  }

  #isThere({ id, name, status }: LedgerMember): Carried {
    const until = status === 'leaving' ? ', until the next view' : ''
    return forbidden('ALREADY_MEMBER', `${id} is a member, "${name}"${until}`)
  }

  #isNotThere(id: MemberId): Carried {
    return forbidden('MEMBER_UNKNOWN', `${id} is no member`)
  }

  #apply(change: Change): void {
    const since = BigInt(this.#block.height)
    switch (change.kind) {
      case 'add':
        this.#own(SQL.join, change.member, change.name, change.address, since)
        return
      case 'remove':
        this.#leave(change.member, since)
        return
      case 'rekey': {
        const { name = '', address } = this.#member(change.member) ?? {}
        this.#leave(change.member, since)
        this.#own(SQL.join, change.successor, name, address ?? null, since)
      }
    }
  }

  /** What a key has said, and what is open about it, goes with it. */
  #leave(member: MemberId, since: bigint): void {
    this.#own(SQL.leave, member, since)
    this.#close(SQL.closeBy, member)
    this.#close(SQL.closeAbout, member)
    this.#own(SQL.disapproveAll, member)
  }

  #close(which: readonly [string, string], argument: bigint | MemberId): void {
    for (const sql of which) this.#own(sql, argument)
  }
}
