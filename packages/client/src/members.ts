// The membership as a replica shows it, read from its JSON; and what follows from it. A replica may lie: what a member signs is
// bound to the change itself (see order.ts), so that a lie leads to a refusal and not to another change.

import type { Change, MemberStatus } from '@quorate/types'
import { isMemberAddress, isMemberName, parseMemberId } from '@quorate/types'
import type { MemberId } from '@quorate/types'
import { asObject } from './http.ts'

/** A member. */
export interface MemberView {
  readonly id: MemberId
  readonly name: string
  /** Undefined for a founder that has not moved: genesis.json has it. */
  readonly address: string | undefined
  readonly status: MemberStatus
  /** Height that decided the status. */
  readonly since: number
}

/** An open proposal. */
export interface ProposalView {
  readonly number: number
  readonly change: Change
  readonly proposer: MemberId
  readonly height: number
  readonly expiresMs: number
  readonly approvals: readonly MemberId[]
  readonly needed: number
}

/** Answer of `GET /v1/members`. */
export interface Membership {
  readonly ledger: string
  readonly height: number
  /** Of the block at `height`. */
  readonly timeMs: number
  readonly members: readonly MemberView[]
  readonly proposals: readonly ProposalView[]
}

const STATUSES: readonly MemberStatus[] = ['active', 'joining', 'leaving']

function idIn(value: unknown): MemberId | undefined {
  return typeof value === 'string' ? parseMemberId(value) : undefined
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function parseMember(value: unknown): MemberView | undefined {
  const { id, name, address, status, since } = asObject(value) ?? {}
  const member = idIn(id)
  const known = STATUSES.find((each) => each === status)
  const at = numberIn(since)
  if (member === undefined || known === undefined || at === undefined) return undefined
  if (typeof name !== 'string' || !isMemberName(name)) return undefined
  if (address !== undefined && (typeof address !== 'string' || !isMemberAddress(address))) return undefined
  return { id: member, name, address, status: known, since: at }
}

function parseChange(fields: Readonly<Record<string, unknown>>): Change | undefined {
  const { kind, name, address } = fields
  const member = idIn(fields['member'])
  if (member === undefined) return undefined
  if (kind === 'remove') return { kind, member }
  if (kind === 'rekey') {
    const successor = idIn(fields['successor'])
    return successor === undefined ? undefined : { kind, member, successor }
  }
  if (kind !== 'add' || typeof name !== 'string' || typeof address !== 'string') return undefined
  return isMemberName(name) && isMemberAddress(address) ? { kind, member, name, address } : undefined
}

function parseProposal(value: unknown): ProposalView | undefined {
  const fields = asObject(value) ?? {}
  const change = parseChange(fields)
  const number = numberIn(fields['number'])
  const proposer = idIn(fields['proposer'])
  const height = numberIn(fields['height'])
  const expiresMs = numberIn(fields['expiresMs'])
  const needed = numberIn(fields['needed'])
  const approvals = allOf(fields['approvals'], idIn)
  if (change === undefined || number === undefined || proposer === undefined || height === undefined) return undefined
  if (expiresMs === undefined || needed === undefined || approvals === undefined) return undefined
  return { number, change, proposer, height, expiresMs, approvals, needed }
}

function allOf<T>(value: unknown, parse: (each: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const parsed = value.map(parse).filter((each) => each !== undefined)
  return parsed.length === value.length ? parsed : undefined
}

/** Reads the answer of `GET /v1/members`; undefined where it isn't one. Unknown fields are ignored. */
export function parseMembership(value: unknown): Membership | undefined {
  const { ledger, height, timeMs, members, proposals } = asObject(value) ?? {}
  const at = numberIn(height)
  const time = numberIn(timeMs)
  const all = allOf(members, parseMember)
  const open = allOf(proposals, parseProposal)
  if (typeof ledger !== 'string' || at === undefined || time === undefined) return undefined
  return all === undefined || open === undefined
    ? undefined
    : { ledger, height: at, timeMs: time, members: all, proposals: open }
}

/** The members that could approve a proposal and have not, in the order of their names. */
export function awaited({ members }: Membership, { approvals }: ProposalView): readonly MemberView[] {
  return members.filter(({ id, status }) => status !== 'leaving' && !approvals.includes(id))
}
