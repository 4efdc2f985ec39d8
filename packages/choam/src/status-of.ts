import type { LedgerMember, MemberId, Seat } from '@quorate/types'
import type { Phase } from './life.ts'
import type { ChoamStatus, Fault } from './status.ts'
import { heightsOf } from './status.ts'
import type { View } from './view.ts'

/** What a core is asked for its status. */
export interface StatusParts {
  readonly phase: Phase
  readonly me: MemberId
  readonly view: View
  readonly seat: Seat | undefined
  readonly pipeline: Heights
  readonly tip: ChoamStatus['tip']
  readonly members: readonly LedgerMember[]
  readonly tipOf: (member: MemberId) => Heights | undefined
  readonly faults: readonly Fault[]
}

interface Heights {
  readonly certified: number
  readonly voted: number
}

/** Puts a status together. */
export function statusOf(parts: StatusParts): ChoamStatus {
  const { phase, me, view, seat, pipeline, tip, faults } = parts
  const { committee, rotation, ordering, coin } = view
  return {
    phase,
    stage: rotation.stage,
    view: committee.view,
    seat,
    seats: committee.size,
    quorum: committee.quorum,
    coin: coin === undefined ? 'computed' : 'dealt',
    ...heightsOf(pipeline),
    round: ordering?.round ?? -1,
    tip,
    members: parts.members.map(({ id: member, name }) => {
      const heights = member === me ? pipeline : parts.tipOf(member)
      const at = committee.seatOf(member)
      return {
        member,
        name,
        seat: at,
        ...heightsOf(heights),
        round: at === undefined ? undefined : ordering?.rounds[at],
      }
    }),
    faults,
  }
}
