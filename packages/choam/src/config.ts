import type { Genesis, MemberId, SignedJoin } from '@quorate/types'
import type { CoinScheme } from './coin-scheme.ts'
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
  /** What coins are made with; those of ristretto255 where it isn't given. A rule, equal on every replica. */
  readonly coins?: CoinScheme
}
