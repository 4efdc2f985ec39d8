import type { FaultStatus, LedgerStatus } from '@quorate/client'
import { pad, visible, widthOf } from './shell/format.ts'

/** Lines of words as aligned columns; the first line is the head. */
export function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => lines.reduce((most, line) => Math.max(most, widthOf(line[i] ?? '')), 0))
  return lines
    .map((line) =>
      line
        .map((word, i) => pad(word, widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Faults of a member, each kind once, with how often. */
export function faultWords(faults: readonly FaultStatus[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} (${count})`)).join(', ')
}

/** A replica's state for people: where it stands, its committee, and who was caught at what. */
export function statusText(status: LedgerStatus): string {
  const head: readonly (readonly [string, string | number])[] = [
    ['ledger', status.ledger],
    ['member', status.member],
    ['phase', status.ready ? status.phase : `${status.phase} (not ready)`],
    ['height', status.height],
    ['round', status.round],
    ['state root', status.stateRoot],
    ['transactions', `${status.transactions} executed, ${status.queued} queued here`],
    ['committee', `${status.seats} seats, quorum ${status.quorum}`],
  ]
  const lines = [columns(head.map(([name, value]) => [name, visible(String(value))])), '']
  const nameOf = (name: string, member: string): string => visible(name === '' ? member.slice(0, 16) : name)
  const peers = status.peers.map((peer) => [
    nameOf(peer.name, peer.member),
    visible(peer.address),
    peer.connected ? 'connected' : 'away',
    peer.height === undefined ? '-' : String(peer.height),
    faultWords(status.faults.filter((fault) => fault.member === peer.member)) || '-',
  ])
  lines.push(columns([['peer', 'address', 'link', 'voted', 'faults'], ...peers]))
  for (const { name, member, kind, message } of status.faults) {
    lines.push(`fault of ${nameOf(name, member)}: ${visible(kind)}${message === '' ? '' : `: ${visible(message)}`}`)
  }
  return lines.join('\n')
}
