// What a replica says of itself, put together from what its core knows and how its links are.

import type { ChoamStatus } from '@quorate/choam'
import { ERA } from '@quorate/sql-state'
import type { Digest, Evidence, Genesis, MemberId, Millis } from '@quorate/types'
import { height, millis, NO_BLOCK } from '@quorate/types'
import type { Status } from '../gateway/ports.ts'
import type { PeerStats } from '../transport/stats.ts'

/** Where a status comes from. */
export interface StatusSources {
  readonly version: string
  readonly ledger: Digest
  readonly genesis: Genesis
  readonly me: MemberId
  readonly core: ChoamStatus
  readonly links: readonly PeerStats[]
  readonly transactions: number
  readonly queued: number
  readonly wallMs: Millis
  /** Free on the disk of the data folder, where that can be told. */
  readonly freeBytes: number | undefined
}

function faultMessage(evidence: Evidence['kind'], at: number): string {
  return evidence === 'fork'
    ? `signed two units for round ${at}`
    : `voted for another block than a quorum certified at height ${at}`
}

/** The status as the gateway shows it. Before genesis, heights are 0 and hashes zeros, and `ready` is false. */
export function statusOf({ genesis, core, me, links, ...rest }: StatusSources): Status {
  const names = new Map(core.members.map(({ member, name }) => [member, name]))
  const nameOf = (member: MemberId): string => names.get(member) ?? member.slice(0, 8)
  const own = core.members.find(({ member }) => member === me)
  const linkOf = new Map(links.map((link) => [link.id, link]))
  return {
    version: rest.version,
    ledger: rest.ledger,
    name: nameOf(me),
    member: me,
    ...(core.seat === undefined ? {} : { seat: core.seat }),
    seats: core.seats,
    quorum: core.quorum,
    era: ERA,
    view: core.view,
    height: height(core.certified ?? 0),
    block: core.tip?.hash ?? NO_BLOCK,
    blockTimeMs: millis(core.tip?.timeMs ?? 0),
    stateRoot: core.tip?.stateRoot ?? NO_BLOCK,
    round: core.round,
    ...(own?.round === undefined ? {} : { ownRound: own.round }),
    voted: height(core.voted ?? 0),
    wallMs: rest.wallMs,
    ...(rest.freeBytes === undefined ? {} : { freeBytes: rest.freeBytes }),
    transactions: rest.transactions,
    queued: rest.queued,
    ready: ['operational', 'following'].includes(core.phase) && core.certified !== undefined,
    phase: core.phase,
    stage: core.stage,
    coin: core.coin,
    peers: core.members.flatMap(({ member, name, seat, voted, round }) => {
      if (member === me) return []
      const link = linkOf.get(member)
      const connected = link !== undefined && link.sending && link.receiving
      const http = genesis.founders.find((founder) => founder.id === member)?.http
      return [
        {
          member,
          name,
          address: link?.address ?? '',
          connected,
          ...(seat === undefined ? {} : { seat }),
          ...(http === undefined ? {} : { http }),
          ...(voted === undefined ? {} : { height: height(voted) }),
          ...(round === undefined ? {} : { round }),
        },
      ]
    }),
    faults: core.faults.map(({ member, kind, at }) => ({
      member,
      name: nameOf(member),
      kind,
      message: faultMessage(kind, at),
    })),
  }
}
