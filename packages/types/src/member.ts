// Members as the ledger lists them. The list is state: seeded by the founders, changed by governance alone, and read by replicas
// to know whom the next view's committee is drawn from and where everyone is reached.

import type { Height, MemberId } from './ids.ts'

/**
 * Where a member stands. What the members decide holds among them at once: who joins approves, who leaves doesn't any more.
 * For ordering it holds from the next view on.
 */
export type MemberStatus = 'active' | 'joining' | 'leaving'

/** A row of `_quorate_members`. */
export interface LedgerMember {
  readonly id: MemberId
  /** For people. Two that stay never share one. */
  readonly name: string
  /** host:port of its replica; undefined for a founder that has not moved: genesis.json has it. */
  readonly address: string | undefined
  readonly status: MemberStatus
  /** Height of the block that decided the status. */
  readonly since: Height
}

/** Bounds of the membership. */
export const MEMBER_LIMITS = {
  /** Members that a ledger may have. */
  membersMax: 1000,
  nameCharsMax: 64,
  addressCharsMax: 261,
} as const

/** Whether `text` can be a member's name. */
export function isMemberName(text: string): boolean {
  return /^[\w.-]{1,64}$/.test(text)
}

/** Whether `text` is host:port; IPv6 hosts stand in brackets. */
export function isMemberAddress(text: string): boolean {
  const port = /^(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})$/.exec(text)?.[1]
  return (
    port !== undefined && text.length <= MEMBER_LIMITS.addressCharsMax && Number(port) >= 1 && Number(port) <= 65_535
  )
}

/** How many approvals make more than two thirds of `members`. */
export function approvalsNeeded(members: number): number {
  return Math.floor((members * 2) / 3) + 1
}

/** The members from the next view on, in the order of the list. */
export function membersOfNextView(members: readonly LedgerMember[]): readonly LedgerMember[] {
  return members.filter((member) => member.status !== 'leaving')
}

/** Who may sit in the view that an assemble block of height `by` seats: later decisions wait for the view after. */
export function membersDecidedBy(members: readonly LedgerMember[], by: Height): readonly LedgerMember[] {
  return members.filter(({ status, since }) => (status === 'leaving' ? since > by : since <= by))
}
