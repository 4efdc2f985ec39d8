export { Signer } from '../crypto/signer.ts'
export { verifyNow } from '../crypto/verify-now.ts'
export type { ReadReply, Status, Submission, SubmitReply } from '../gateway/ports.ts'
export { loadEngine } from '../sql/load-engine.ts'
export type { ReaderReply, ReaderRequest } from '../sql/messages.ts'
export { decodeOutcomes, encodeOutcomes } from '../sql/outcome-list.ts'
export type {
  StoredBlock,
  StoredEvidence,
  StoredHeader,
  StoredUnit,
  StoreRecord,
  TransactionPlace,
  UnitCursor,
  UnitPage,
} from '../store/record.ts'
export { EVIDENCE_PER_MEMBER_MAX } from '../store/record.ts'
export { StoreError } from '../store/store-error.ts'
export { Answers } from './answers.ts'
export type { FrontParts, ReadersOfFront } from './front.ts'
export { Front } from './front.ts'
export type { InboxStats } from './inbox.ts'
export { Inbox } from './inbox.ts'
export type { Bend, FinalBlock, Listener, Ports } from './main-loop.ts'
export { DivergedError, MainLoop } from './main-loop.ts'
export type {
  BlockRecord,
  Clock,
  Execution,
  Executor,
  Job,
  Ledger,
  Network,
  SignatureCheck,
  Verifier,
} from './ports.ts'
export type { ReadLevel } from './reads.ts'
export { Reads } from './reads.ts'
export type { RecoverableDatabase, StoredLedger } from './recovery.ts'
export { catchUpDatabase, RecoveryError, restore } from './recovery.ts'
export { statusOf } from './status.ts'
export { StoreLedger } from './store-ledger.ts'
export { Submissions } from './submissions.ts'
