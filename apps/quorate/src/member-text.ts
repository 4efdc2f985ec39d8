// Members and proposals for people: who stands where, and what a proposal still needs.

import type { Membership, MemberView, Ordered, ProposalView } from '@quorate/client'
import { awaited } from '@quorate/client'
import type { Change, MemberId } from '@quorate/types'
import { parseMemberId } from '@quorate/types'
import { CliError, usageError } from './errors.ts'
import { visible } from './shell/format.ts'
import { columns } from './status-text.ts'

/** Members named in one line; of more, their number. */
const NAMED_MAX = 6

/** Addresses of founders, by name: for those that have not moved. */
export type FounderAddresses = ReadonlyMap<string, string>

/** `a`, `a or b`, `a, b or c`. */
function either(names: readonly string[], word: string): string {
  const [last = '', ...before] = names.toReversed()
  return before.length === 0 ? last : `${before.toReversed().join(', ')} ${word} ${last}`
}

/** What a proposal has and what it needs: `2 of 3 approvals, member3 or member4 must approve`. */
export function standingText(membership: Membership, proposal: ProposalView): string {
  const { approvals, needed } = proposal
  const names = awaited(membership, proposal).map(({ name }) => name)
  const missing = needed - approvals.length
  const have = `${approvals.length} of ${needed} approvals`
  if (missing <= 0) return `${have}, passes when any member approves it`
  if (names.length > NAMED_MAX) return `${have}, ${missing} of ${names.length} others must approve`
  if (missing >= names.length) return `${have}, ${either(names, 'and')} must approve`
  return missing === 1
    ? `${have}, ${either(names, 'or')} must approve`
    : `${have}, ${missing} of ${names.join(', ')} must approve`
}

function nameOf({ members }: Membership, id: MemberId): string {
  return members.find((member) => member.id === id)?.name ?? id.slice(0, 16)
}

/** What a proposal would change, with names where they are known. */
export function proposedText(membership: Membership, change: Change): string {
  switch (change.kind) {
    case 'add':
      return `add ${change.name} at ${change.address}, key ${change.member}`
    case 'remove':
      return `remove ${nameOf(membership, change.member)}, key ${change.member}`
    case 'rekey':
      return `give ${nameOf(membership, change.member)} the key ${change.successor}, instead of ${change.member}`
  }
}

/** `quorate member list` */
export function membersText({ members, proposals }: Membership, founders: FounderAddresses): string {
  const lines = members.map(({ id, name, address, status }) => {
    const when =
      status === 'joining' ? 'joins at the next view' : status === 'leaving' ? 'leaves at the next view' : status
    return [name, when, address ?? founders.get(name) ?? 'as in genesis.json', id]
  })
  const open = proposals.length === 0 ? '' : `\n\n${proposals.length} open: quorate member proposals`
  return `${columns([['member', 'status', 'address', 'key'], ...lines])}${open}`
}

/** `quorate member proposals` */
export function proposalsText(membership: Membership): string {
  if (membership.proposals.length === 0) return 'nothing is proposed'
  return membership.proposals
    .map((proposal) => {
      const { number, change, proposer, expiresMs } = proposal
      const until = new Date(expiresMs).toISOString()
      const by = `proposed by ${nameOf(membership, proposer)}, open until ${until}`
      return `${number}: ${proposedText(membership, change)}\n   ${by}\n   ${standingText(membership, proposal)}`
    })
    .join('\n')
}

/** What an order came to. @param membership - At the order's height or later. */
export function orderedText({ height, proposal: about }: Ordered, membership: Membership): string {
  if (about === undefined) return `done at height ${height}`
  const { number, state } = about
  if (state === 'passed')
    return `proposal ${number} passed at height ${height}; committees follow from the next view on`
  const open = membership.proposals.find((proposal) => proposal.number === number)
  if (state !== 'open' || open === undefined) return `proposal ${number} is ${visible(state)}, at height ${height}`
  return `proposal ${number}: ${proposedText(membership, open.change)}\n${standingText(membership, open)}`
}

/** The member that `text` names: by its key, or by the name that it has among those who stay. @throws CliError MEMBER_UNKNOWN */
export function memberNamed({ members }: Membership, text: string): MemberView {
  const found = members.filter(({ id, name, status }) => id === text || (name === text && status !== 'leaving'))
  const [member] = found
  if (member !== undefined && found.length === 1) return member
  const known = members.map(({ name }) => name).join(', ')
  throw new CliError('MEMBER_UNKNOWN', `no member is called ${visible(text)}; members: ${known}`)
}

/** A consent as people hand it on: the new key and its signature, in hex. */
export function consentText(successor: MemberId, signature: Uint8Array): string {
  return `${successor}:${Buffer.from(signature).toString('hex')}`
}

/** Reads what `consentText` wrote. @throws CliError USAGE */
export function parseConsent(text: string): { readonly successor: MemberId; readonly signature: Uint8Array } {
  const [, key = '', hex = ''] = /^([0-9a-f]{64}):([0-9a-f]{128})$/.exec(text.trim()) ?? []
  const successor = parseMemberId(key)
  if (successor === undefined) throw usageError('USAGE', '--consent is not what `quorate member consent` printed')
  return { successor, signature: new Uint8Array(Buffer.from(hex, 'hex')) }
}
