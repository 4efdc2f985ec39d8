import type { LedgerStatus } from '@quorate/client'
import { visible } from '../shell/format.ts'
import { columns, faultWords } from '../status-text.ts'
import type { ChildState } from './child.ts'

/** What is known of one replica at one moment. */
export interface Sample {
  readonly name: string
  readonly state: ChildState
  /** How it was told to lie, if it was. */
  readonly misbehave: string | undefined
  /** Undefined where it didn't answer. */
  readonly status: LedgerStatus | undefined
  readonly perSecond: number
}

/** Faults that any replica that answers knows of `member`; the one who knows most tells. */
function faultsOf(samples: readonly Sample[], member: string | undefined): string {
  if (member === undefined) return ''
  let words = ''
  let most = 0
  for (const { status } of samples) {
    const faults = status?.faults.filter((fault) => fault.member === member) ?? []
    if (faults.length <= most) continue
    most = faults.length
    words = faultWords(faults)
  }
  return words
}

function stateWords({ state, status, misbehave }: Sample): string {
  switch (state.kind) {
    case 'died':
      return `died (${state.how})`
    case 'killed':
    case 'stopped':
      return state.kind
    case 'running': {
      const phase = status === undefined ? 'starting' : visible(status.phase)
      return misbehave === undefined ? phase : `${phase}, told to lie: ${misbehave}`
    }
  }
}

/** Remembers who is which member, so that a dead replica's faults are still shown. */
export type MemberIds = ReadonlyMap<string, string>

/** The cluster as aligned lines: a head and a line for each replica. */
export function clusterTable(samples: readonly Sample[], members: MemberIds): string {
  const lines = samples.map((sample) => {
    const { status, name, perSecond } = sample
    const known = sample.state.kind === 'running' ? status : undefined
    const faults = faultsOf(samples, members.get(name))
    return [
      name,
      known === undefined ? '-' : String(known.height),
      known === undefined || known.round < 0 ? '-' : String(known.round),
      known === undefined ? '-' : perSecond.toFixed(0),
      known === undefined ? '-' : known.stateRoot.slice(0, 12),
      faults === '' ? stateWords(sample) : `${stateWords(sample)}; FAULTY: ${visible(faults)}`,
    ]
  })
  return columns([['replica', 'height', 'round', 'tx/s', 'state root', 'status'], ...lines])
}
