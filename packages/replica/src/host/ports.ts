// What the main loop asks of the world. The real shells stand behind these in a replica, simulated ones in a simulation.

import type {
  Ask,
  Certificate,
  ConsensusKey,
  Digest,
  Evidence,
  Height,
  LedgerMember,
  MemberId,
  Millis,
  ReceiverKey,
  Round,
  ViewId,
  Vote,
} from '@quorate/types'
import type { AdmittedUnit, CertifiedBlock } from '@quorate/types'

/** A key for the view to come. */
export interface PublishedKey {
  readonly key: ConsensusKey
  /** What a share of that view's coin is sealed for, and the 32 secret bytes that it was made from. */
  readonly receiver: ReceiverKey
  readonly secret: Uint8Array
}

/** Signs. Synchronous: one ed25519 signature costs less than a hop to another thread. */
export interface Signer {
  readonly id: MemberId
  /** With the member's identity key, unless another is told. */
  sign(message: Uint8Array, key?: ConsensusKey): Uint8Array
  readonly viewKeys: {
    /** What to publish in this view: made and durable, or what was made before. Throws where the disk fails. */
    publishedIn(view: ViewId): PublishedKey
    /** Keeps a share of a coin's key for as long as `key`. Throws where the disk fails. */
    keepShare(key: ConsensusKey, share: Uint8Array): void
    /** `view` has begun: erases the keys of views before. `key` is the one that signs in it. Throws where the disk fails. */
    begun(view: ViewId, key: ConsensusKey | undefined): void
  }
}

/** One signature to be checked. */
export interface SignatureCheck {
  readonly key: ConsensusKey | MemberId
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Checks signatures in batches, in any thread. Answers in the order asked. */
export interface Verifier {
  verify(checks: readonly SignatureCheck[]): Promise<readonly boolean[]>
}

/** A block's body to be executed. */
export interface Job {
  readonly height: Height
  readonly timeMs: Millis
  readonly seed: Digest
  readonly bodyBytes: Uint8Array
}

/** What executing a body gave: roots for the header, and per transaction its hash, id and outcome, by position. */
export interface Execution {
  readonly height: Height
  readonly transactionsRoot: Digest
  readonly resultsRoot: Digest
  readonly stateRoot: Digest
  readonly hashes: readonly Digest[]
  /** Empty where the transaction was refused. */
  readonly ids: readonly string[]
  /** The outcomes' bytes, as `encodeOutcomes` lists them. */
  readonly results: Uint8Array
  readonly gas: number
  /** All members after the block, by id, where it changed anything about them: also where one of them is reached. */
  readonly members?: readonly LedgerMember[]
}

/** Runs blocks on the database, one after the other, in height order. Rejects only for local trouble, which stops the replica. */
export interface Executor {
  execute(job: Job): Promise<Execution>
}

/** A block on its way to disk, with everything that restart and receipts need. */
export interface BlockRecord {
  readonly height: Height
  readonly hash: Digest
  readonly view: ViewId
  readonly headerBytes: Uint8Array
  readonly bodyBytes: Uint8Array
  readonly ids: readonly string[]
  readonly results: Uint8Array
  /** Undefined where we hold no seat in the view. */
  readonly vote: Vote | undefined
}

/** The durable ledger of this replica. A promise resolves after fsync; a rejection stops the replica. */
export interface Ledger {
  putUnits(own: AdmittedUnit, alongside: readonly AdmittedUnit[]): Promise<void>
  putBlock(record: BlockRecord): Promise<void>
  putCertificate(height: Height, certificate: Certificate): Promise<void>
  putEvidence(member: MemberId, evidence: Evidence): Promise<void>
  pruneUnits(view: ViewId, below: Round): Promise<void>
  /** Certified blocks from `from` on, as many as fit into `bytesMax`, at most `count`. */
  certifiedBlocks(from: Height, count: number, bytesMax: number): Promise<readonly CertifiedBlock[]>
}

/** Reaches peers. What gets lost, or goes unanswered, the core says or asks again. */
export interface Network {
  /** Pushes a frame to each; a full queue drops and counts it. */
  send(to: readonly MemberId[], code: number, body: Uint8Array): void
  /** Asks each; what comes back goes to the inbox. */
  ask(to: readonly MemberId[], ask: Ask): void
}

/** Two clocks and one alarm. */
export interface Clock {
  /** Never goes back; for waiting. */
  monotonicMs(): Millis
  /** Milliseconds since 1970; only for the timestamps that blocks take the median of. */
  wallMs(): Millis
  /** Calls `ring` once at `atMs` of the monotonic clock; a new alarm replaces the old one, undefined clears it. */
  alarm(atMs: Millis | undefined, ring: () => void): void
}
