import type {
  AdmittedUnit,
  Body,
  Certificate,
  ConsensusKey,
  Digest,
  Header,
  Height,
  LedgerMember,
  MemberId,
  Message,
  Millis,
  SignedDeal,
  SignedJoin,
  Vote,
  VotedAnswer,
} from '@quorate/types'
import type { Fault } from './status.ts'

declare const admitted: unique symbol

/** A vote whose signature is its seat's. Minted by admission. */
export type AdmittedVote = Vote & { readonly [admitted]: true }

/** A join whose signature is its member's. Minted by admission. */
export type AdmittedJoin = SignedJoin & { readonly [admitted]: true }

/** A deal whose signature is its member's. Minted by admission. */
export type AdmittedDeal = SignedDeal & { readonly [admitted]: true }

/** A block whose certificate is a quorum's of the committee of its view, and whose body hashes to its header's. Minted by admission. */
export interface AdmittedBlock {
  readonly [admitted]: true
  readonly header: Header
  readonly hash: Digest
  readonly headerBytes: Uint8Array
  readonly bodyBytes: Uint8Array
  readonly body: Body
  readonly certificate: Certificate
}

/** A peer's message after admission: every signature in it checked, every part decoded. */
export type AdmittedMessage =
  | { readonly kind: 'units'; readonly units: readonly AdmittedUnit[] }
  | { readonly kind: 'vote'; readonly vote: AdmittedVote }
  | { readonly kind: 'join'; readonly join: AdmittedJoin }
  | { readonly kind: 'deal'; readonly deal: AdmittedDeal }
  | Exclude<Message, { readonly kind: 'units' | 'vote' | 'join' | 'deal' }>

/** A peer's answer to what it was asked, after admission. */
export type AdmittedAnswer =
  | { readonly kind: 'units'; readonly units: readonly AdmittedUnit[] }
  | { readonly kind: 'blocks'; readonly blocks: readonly AdmittedBlock[] }
  | VotedAnswer

/** A block as the store holds it. `certificate` is undefined where the crash came between vote and certificate. */
export interface StoredBlock {
  readonly headerBytes: Uint8Array
  readonly bodyBytes: Uint8Array
  readonly certificate: Certificate | undefined
}

/** A share of a coin's key, kept beside the key that signs in the coin's view. */
export interface OwnShare {
  readonly key: ConsensusKey
  readonly share: Uint8Array
}

/** What a restarted replica finds on its own disk. */
export interface Restored {
  /**
   * The block that seats the current view (genesis, or the newest certified reconfigure block), then the newest of the view's own,
   * ascending: as far back as `recentRounds` of the config asks, 64 blocks at least, and to the last assemble block; empty before
   * genesis.
   */
  readonly blocks: readonly StoredBlock[]
  /** Units of the current view that are on disk, in any order, own ones included. */
  readonly units: readonly AdmittedUnit[]
  /** Own votes for blocks that have no certificate yet. */
  readonly votes: readonly Vote[]
  /** Keys made for views that are still here. */
  readonly keys: readonly ConsensusKey[]
  /** Shares of coins' keys that are still here, by the key they were kept with. */
  readonly shares: readonly OwnShare[]
  /** All members after the newest block; undefined before genesis. */
  readonly members: readonly LedgerMember[] | undefined
  /** Faults that evidence on disk proves. */
  readonly faults: readonly Fault[]
}

/** What executing a body gave. */
export interface Executed {
  readonly height: Height
  readonly transactionsRoot: Digest
  readonly resultsRoot: Digest
  readonly stateRoot: Digest
  /** All members after the block, where it changed anything about them. */
  readonly members?: readonly LedgerMember[]
}

/** Everything that can happen to a replica's core. */
export type ChoamInput =
  /** First input after construction, once. */
  | { readonly kind: 'start'; readonly restored: Restored }
  /** Encoded transactions of this replica's clients. The host asks `room` first. */
  | { readonly kind: 'submit'; readonly transactions: readonly Uint8Array[] }
  | { readonly kind: 'message'; readonly from: MemberId; readonly message: AdmittedMessage }
  /** What a peer answered to an `ask`. */
  | { readonly kind: 'answer'; readonly from: MemberId; readonly answer: AdmittedAnswer }
  /** A peer's connection came up (or down): it is told how far we are. */
  | { readonly kind: 'peer'; readonly member: MemberId; readonly up: boolean }
  /** Answer to `create`: the unit is signed and durable. */
  | { readonly kind: 'created'; readonly unit: AdmittedUnit }
  /** Answer to `execute`. */
  | { readonly kind: 'executed'; readonly executed: Executed }
  /** Answer to `keep`: block and vote are durable. `vote` is undefined where we hold no seat. */
  | { readonly kind: 'kept'; readonly height: Height; readonly vote: Vote | undefined }
  /** Answer to `join`: our join, with the signature of our identity, and the 32 bytes that its receiver key was made from. */
  | { readonly kind: 'joined'; readonly join: SignedJoin; readonly secret: Uint8Array }
  /** Answer to `deal`. */
  | { readonly kind: 'dealt'; readonly deal: SignedDeal }
  /** A linearizable read wants a height. `request` is the host's number for it. */
  | { readonly kind: 'read'; readonly request: number }
  /** Time has reached `wakeAt`. */
  | { readonly kind: 'tick' }

/** Time is an input too: the host's monotonic clock for waiting, its wall clock only for the timestamps that blocks take the median of. */
export interface Now {
  readonly monotonicMs: Millis
  readonly wallMs: Millis
}
