/** Bounds and times of a member's broadcast. */
export interface BroadcastLimits {
  /** Heights above the last delivered one that blocks are taken for. */
  readonly windowHeights: number
  /** Bytes of blocks that wait for their check, or for one before them. The next block to deliver is taken whatever its size. */
  readonly heldBytesMax: number
  readonly blockBytesMax: number
  /** Blocks of one member that are being checked. */
  readonly checksPerMemberMax: number
  /** So many members are told at a time how far we are. */
  readonly tellCount: number
  /** Least time between two tellings. */
  readonly tellMs: number
  /** Time between two tellings when there is nothing new. */
  readonly idleMs: number
  /** A block that is known to exist is asked for when it has not come by itself for so long. */
  readonly waitMs: number
  /** A question that nothing has come of for so long is put to another member. */
  readonly answerMs: number
  /** Blocks asked for, or served, at once. */
  readonly wantBlocksMax: number
  /** Questions answered in a second: to one member, and to all. */
  readonly servesPerMemberMax: number
  readonly servesMax: number
  /** A member that failed is left alone for so long, twice as long each time. */
  readonly penaltyMsMin: number
  readonly penaltyMsMax: number
}

/** What a replica runs with. */
export const BROADCAST_LIMITS: BroadcastLimits = {
  windowHeights: 64,
  heldBytesMax: 32 * 1024 * 1024,
  blockBytesMax: 65 * 1024 * 1024,
  checksPerMemberMax: 16,
  tellCount: 4,
  tellMs: 100,
  idleMs: 500,
  waitMs: 150,
  answerMs: 400,
  wantBlocksMax: 16,
  servesPerMemberMax: 16,
  servesMax: 64,
  penaltyMsMin: 1000,
  penaltyMsMax: 60_000,
}

/** Pushes in a thousand that a replica reckons with losing, members that are down included. */
export const LOSS_PER_MILLE = 50
