// Where peers are reached. The operator's own word goes first (a private network, a drill), then what the member last said on the
// ledger, then genesis.json. Who is leaving stays connected until it is gone: it may still hold a seat.

import type { Genesis, LedgerMember, MemberId } from '@quorate/types'
import type { Peer } from '../transport/transport.ts'

/** What a peer list is made from. */
export interface PeerSources {
  /** As the ledger lists them: `Execution.members`, or `SqlWriter.members()` at the start. Empty before genesis. */
  readonly members: readonly LedgerMember[]
  readonly genesis: Genesis
  readonly me: MemberId
  /** The operator's `peers`. */
  readonly moved: readonly { readonly name: string; readonly address: string }[]
}

/** Host and port of `host:port`; an IPv6 host loses its brackets. */
export function addressOf(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}

/** Everyone but oneself: give it to `Transport.setPeers`, which moves whoever has another address than before. */
export function peerList({ members, genesis, me, moved }: PeerSources): readonly Peer[] {
  const own = new Map(moved.map(({ name, address }) => [name, address]))
  // By name: a founder that has a new key, and has not said that it moved, is where it was.
  const founded = new Map(genesis.founders.map(({ name, address }) => [name, address]))
  const all = members.length > 0 ? members : genesis.founders
  return all.flatMap(({ id, name, address }) => {
    const reached = own.get(name) ?? address ?? founded.get(name)
    return id === me || reached === undefined ? [] : [{ id, ...addressOf(reached) }]
  })
}
