export type { BackOff } from './back-off.ts'
export type { ChangesOptions, ClientOptions, LogOptions, Queried, Submitted } from './client.ts'
export { Client } from './client.ts'
export { ClientError } from './client-error.ts'
export type {
  BlockEntry,
  ChangeEntry,
  Image,
  LogEntry,
  ResetEntry,
  RowEntry,
  SchemaEntry,
  TransactionEntry,
} from './feed/entry.ts'
export type { FollowOptions } from './feed/follow.ts'
export type { Fetch } from './http.ts'
export type { Membership, MemberView, ProposalView } from './members.ts'
export { awaited, parseMembership } from './members.ts'
export type { Order, Ordered } from './order.ts'
export { ORDER_MS_MAX, signOrder } from './order.ts'
export { newTransactionId } from './new-id.ts'
export type { ReadLevel } from './read-level.ts'
export { parseReadLevel, printReadLevel } from './read-level.ts'
export type { ReceiptFile } from './receipt-file.ts'
export { parseReceiptFile, printReceiptFile, RECEIPT_FILE_CHARS_MAX } from './receipt-file.ts'
export type {
  ClientSessionOptions,
  Prepared,
  SessionClock,
  SessionMetrics,
  SubmitOptions,
} from './session/client-session.ts'
export { ClientSession, UNKNOWN_KEPT_MAX } from './session/client-session.ts'
export type { SessionLimits } from './session/core.ts'
export { SESSION_LIMITS } from './session/core.ts'
export { SESSION_MEMBERS_MAX } from './session/learn.ts'
export type { Executed, Overloaded, Rejected, SubmitOutcome, Unknown } from './session/outcome.ts'
export { verifySignature } from './sodium.ts'
export type { Argument, Rows, Statement } from './statement.ts'
export { stmtOf } from './statement.ts'
export type { FaultStatus, LedgerStatus, PeerStatus } from './status.ts'
export { parseStatus } from './status.ts'
export type { StreamOptions, StreamRows } from './stream.ts'
export { Stream } from './stream.ts'
export { verifyReceiptFile } from './verify-receipt-file.ts'
