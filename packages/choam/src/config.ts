import type { Genesis, MemberId, SignedJoin } from '@quorate/types'
import type { ChoamLimits } from './limits.ts'

/** What a replica's core is made from. */
export interface ChoamConfig {
  readonly genesis: Genesis
  readonly me: MemberId
  /** Our own join of the genesis view, signed by our identity. */
  readonly join: SignedJoin
  /** Number of the rule set that this software executes. */
  readonly era: number
  readonly limits?: ChoamLimits
}
