/** Bounds and times of a replica's core. The first two are rules, equal on every replica. */
export interface ChoamLimits {
  /** A block is cut at the latest when its last head is so many rounds above the block before. */
  readonly quietRoundsMax: number
  /** Rounds of order that a block's reader must know to continue it; aleph's window. */
  readonly windowRounds: number
  /** Executions asked for and not answered. */
  readonly executingMax: number
  /** Blocks ordered and not certified; above it, no own units are made. */
  readonly pipelineMax: number
  /** Heights ahead of the certified one for which votes are kept. */
  readonly voteWindow: number
  /** Certified heights remembered to judge late votes, and to send own votes again. */
  readonly decidedMax: number
  /** Bytes of transactions that wait while no view is running. */
  readonly backlogBytesMax: number
  readonly backlogItemsMax: number
  /** How often peers are told how far we are. */
  readonly tipMs: number
  /** Without progress for so long while a peer is ahead, blocks are fetched from it. */
  readonly stallMs: number
  /** An unanswered request for blocks goes to the next peer. */
  readonly requestMs: number
  /** Blocks asked for at once. */
  readonly requestBlocks: number
  /** Behind by more than this, blocks are fetched at once. */
  readonly farBehind: number
  /** How long a member of a committee to come waits for the others once a quorum has joined. */
  readonly joinMs: number
  /** An unanswered question for heights is put again. */
  readonly readMs: number
}

/** The bounds a replica runs with. */
export const CHOAM_LIMITS: ChoamLimits = {
  quietRoundsMax: 24,
  windowRounds: 256,
  executingMax: 8,
  pipelineMax: 64,
  voteWindow: 1024,
  decidedMax: 256,
  backlogBytesMax: 32 * 1024 * 1024,
  backlogItemsMax: 65_536,
  tipMs: 500,
  stallMs: 250,
  requestMs: 1000,
  requestBlocks: 64,
  farBehind: 32,
  joinMs: 1500,
  readMs: 200,
}
