export type { AdmissionError, Check, CommitteeOf, Prepared } from './admission.ts'
export { prepare, prepareAnswer } from './admission.ts'
export type {
  BootstrapConfig,
  BootstrapEffect,
  BootstrapInput,
  BootstrapLimits,
  BootstrapProgress,
  BootstrapTarget,
  Verdict,
} from './bootstrap.ts'
export { Bootstrap, BOOTSTRAP_LIMITS } from './bootstrap.ts'
export type { MemberFault, MemberReport } from './bootstrap-bench.ts'
export type { ChoamEffect } from './effect.ts'
export type { CoinKey, CoinScheme, CoinToss, DealingEffect, DealingRun, DealingTerms } from './coin-scheme.ts'
export type { ChoamConfig } from './config.ts'
export { Choam } from './handler.ts'
export type { OwnSeat } from './committees.ts'
export type {
  AdmittedAnswer,
  AdmittedBlock,
  AdmittedMessage,
  AdmittedVote,
  ChoamInput,
  Executed,
  Now,
  OwnShare,
  Restored,
  StoredBlock,
} from './input.ts'
export type { LifeEvent, Phase } from './life.ts'
export { LIFE } from './life.ts'
export type { ChoamLimits } from './limits.ts'
export { CHOAM_LIMITS } from './limits.ts'
export type { ProvenBlock } from './receipts.ts'
export { receiptFor } from './receipts.ts'
export { RISTRETTO_COINS } from './ristretto-coins.ts'
export { TURN_BLOCKS } from './rotation.ts'
export { seedOf } from './seed.ts'
export type { ChoamStatus, Fault } from './status.ts'
