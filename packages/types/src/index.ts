export type { BlockPointer, Body, Header, OrderedHead, OrderedUnit, Reconfigure } from './block.ts'
export {
  BLOCK_HEADS_MAX,
  blockHash,
  BODY_BYTES_MAX,
  bodyHash,
  COIN_BYTES_MAX,
  decodeBody,
  decodeHeader,
  encodeBody,
  encodeHeader,
  HEAD_UNITS_MAX,
  NO_BLOCK,
} from './block.ts'
export type { Certificate, CertificateError, Placed, Vote } from './certificate.ts'
export {
  checkCertificate,
  decodeCertificate,
  decodeVote,
  encodeCertificate,
  encodeVote,
  voteSignedBytes,
} from './certificate.ts'
export type { CommitteeMember } from './committee.ts'
export { Committee, SEATS_MAX } from './committee.ts'
export type { Deal, SignedDeal } from './deal.ts'
export { DEAL_BYTES_MAX, dealSignedBytes } from './deal.ts'
export type { Domain, VerifySignature } from './domain.ts'
export { hashOf, signedBytes } from './domain.ts'
export type { Evidence } from './evidence.ts'
export { decodeEvidence, encodeEvidence } from './evidence.ts'
export type { FoundedGenesis, Founder, Genesis, GenesisError } from './genesis.ts'
export {
  decodeGenesis,
  encodeGenesis,
  genesisView,
  identityKey,
  ledgerId,
  parseGenesis,
  seatsOf,
  VIEW_BLOCKS_MAX,
  viewAfter,
  viewBlocksOf,
} from './genesis.ts'
export type { Change, Governance, GovernanceAction } from './governance.ts'
export {
  changeDigest,
  governanceHash,
  governanceSignedBytes,
  isGovernanceSigned,
  rekeySignedBytes,
} from './governance.ts'
export type { ConsensusKey, Digest, Height, MemberId, Millis, ReceiverKey, Round, Seat, ViewId } from './ids.ts'
export { DIGEST_BYTES, height, millis, parseDigest, parseMemberId, rawOf, round, seat, SIGNATURE_BYTES } from './ids.ts'
export type { Join, SignedJoin } from './join.ts'
export { isJoinSigned, joinSignedBytes } from './join.ts'
export type { LedgerMember, MemberStatus } from './member.ts'
export {
  approvalsNeeded,
  isMemberAddress,
  isMemberName,
  MEMBER_LIMITS,
  membersDecidedBy,
  membersOfNextView,
} from './member.ts'
export { merklePath, merkleRoot, merkleRootFrom } from './merkle.ts'
export type { CoinMessage, Message } from './message.ts'
export { COIN_SHARE_BYTES, decodeMessage, encodeMessage, MESSAGE_CODES, MESSAGE_LIMITS } from './message.ts'
export {
  BLOCKS_ANSWER,
  BLOCKS_ASK,
  FORWARD,
  REQUEST_LIMITS,
  STATE_ANSWER,
  STATE_ASK,
  STATE_LIMITS,
  UNITS_ANSWER,
  UNITS_ASK,
  VOTED_ANSWER,
  VOTED_ASK,
} from './request.ts'
export type {
  Answer,
  Ask,
  BlocksAnswer,
  BlocksAsk,
  CertifiedBlock,
  Forward,
  Run,
  StateAnswer,
  StateAsk,
  StateRefusal,
  UnitsAnswer,
  UnitsAsk,
  VotedAnswer,
  VotedAsk,
  Words,
} from './request.ts'
export type {
  Column,
  Description,
  Outcome,
  RefusalCode,
  Reply,
  SqlError,
  StatementResult,
  StepReply,
} from './outcome.ts'
export { decodeOutcome, encodeOutcome, OUTCOME_LIMITS, outcomeHash, writeStatementResult } from './outcome.ts'
export type { Item } from './payload.ts'
export { decodePayload, encodeItem, encodePayload, PAYLOAD_ITEMS_MAX } from './payload.ts'
export type { Proven, Receipt, ReceiptError } from './receipt.ts'
export { decodeReceipt, encodeReceipt, verifyReceipt } from './receipt.ts'
export type {
  Condition,
  GovernanceTransaction,
  Program,
  ProgramRequest,
  ProgramTransaction,
  Replay,
  Statement,
  Step,
  Transaction,
} from './transaction.ts'
export {
  contentHash,
  decodeTransaction,
  encodeProgram,
  encodeTransaction,
  isTransactionId,
  readProgram,
  TRANSACTION_LIMITS,
  transactionHash,
  writeProgram,
} from './transaction.ts'
export { transactionsOf } from './transactions-of.ts'
export type { AdmittedUnit, Parent, UncheckedUnit, UnitRefusal, UnsignedUnit } from './unit.ts'
export {
  admitUnit,
  decodeUnit,
  encodeUnsignedUnit,
  refuseUnit,
  sealUnit,
  UNIT_BYTES_MAX,
  UNIT_PAYLOAD_BYTES_MAX,
  unitHash,
  unitSignedBytes,
} from './unit.ts'
export type { SqlValue } from './value.ts'
export { readValue, writeValue } from './value.ts'
export type { SeatCommittee, Seated, ViewChainError, ViewChainRules } from './view-chain.ts'
export {
  checkGenesisBlock,
  checkReconfigureBlock,
  checkViewChain,
  committeeAfter,
  committeeWith,
  foundersCommittee,
  VIEW_CHAIN_MAX,
} from './view-chain.ts'
export type { WholeBlock } from './whole-block.ts'
export {
  decodeWholeBlock,
  decodeWholeBlocks,
  encodeWholeBlock,
  encodeWholeBlocks,
  WHOLE_BLOCK_LIMITS,
} from './whole-block.ts'
