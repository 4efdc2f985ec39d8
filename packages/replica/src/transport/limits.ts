/** Bounds of the transport. Each has a test at its edge. */
export const TRANSPORT_LIMITS = {
  /** Frames waiting for one peer. */
  queuedFramesMax: 16_384,
  /** Bytes waiting for one peer; must hold the largest frame. */
  queuedBytesMax: 128 * 1024 * 1024,
  /** Bytes given to a socket and not yet taken by the kernel, about: what lies beyond waits in the queue. */
  socketBytesMax: 512 * 1024,
  /** Connections that have not shown who they are, over all. */
  strangersMax: 64,
  /**
   * Connections that one address may open at once without showing who it is; then `strangerRefillPerS` more each
   * second.
   */
  strangerBurst: 32,
  strangerRefillPerS: 8,
  /** Addresses whose allowance is remembered. */
  addressesMax: 1024,
  /** From TCP accept, or connect, to the other side's hello. */
  helloTimeoutMs: 5_000,
  /** How often a link shows that it lives, and looks whether the other side does. */
  tickMs: 500,
  /** Ticks without a sign of life after which a link is closed: 3 seconds. */
  silentTicksMax: 6,
  /** Ticks that a begun frame may take, and one more for each of its started `frameBytesPerTick`. */
  frameTicksMin: 10,
  frameBytesPerTick: 512 * 1024,
  /**
   * Pause before the next try to reach a peer: doubles from the first to the last, of which a random half to whole is
   * taken.
   */
  retryMsMin: 50,
  retryMsMax: 2_000,
  /** How long a peer that misbehaved is shunned: doubles with each time, up to the last. */
  penaltyMsMin: 1_000,
  penaltyMsMax: 60_000,
} as const
