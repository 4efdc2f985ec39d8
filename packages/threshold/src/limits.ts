/** Bounds of everything a stranger can make grow. */
export const THRESHOLD_LIMITS = {
  /** Seats that share one key. */
  seatsMax: 128,
  /** Bytes of the name of a coin. */
  nameBytesMax: 256,
  /** Bytes of what a dealing is for. */
  contextBytesMax: 256,
  /** Bytes of a message of the dealing: a dealing among `seatsMax`, or a verdict with a complaint about each of them. */
  messageBytesMax: 16_384,
} as const
