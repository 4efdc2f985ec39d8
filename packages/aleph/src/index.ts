export type { AlephConfig, AlephStatus } from './config.ts'
export { ABSENT_ROUNDS_MAX, GRACE_MAX_MS, GRACE_MIN_MS } from './create/pacing.ts'
export type { AlephEffect } from './effect.ts'
export { Aleph } from './handler.ts'
export type { AlephInput, Base, Now, OrderedRef } from './input.ts'
export type { AlephLimits } from './limits.ts'
export { ALEPH_LIMITS } from './limits.ts'
export { deterministicCoin } from './order/coin.ts'
export type { Commit, ForgottenUnit, OrderPosition } from './order/orderer.ts'
export { Orderer } from './order/orderer.ts'
export type { DagUnit, UnitIndex } from './order/round-dag.ts'
export { RoundDag } from './order/round-dag.ts'
export type { Bit, Candidates, Coin, CommonVoteInput, OrderRules } from './order/rules.ts'
export {
  alternatingVote,
  DETERMINISTIC_PREFIX,
  quorateRules,
  rotatedCandidates,
  sortByRound,
  WINDOW_ROUNDS,
} from './order/rules.ts'
