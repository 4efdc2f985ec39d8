// What a session stands on: whole messages, in order, both ways. A pipe bounds what it buffers; a session adds no buffer of
// its own beyond one message that waits for room.

/** Why a pipe is no more. `LIMIT` and `VIOLATION`: the other side broke the pipe's own rules. */
export interface PipeEnd {
  readonly code: 'DISCONNECTED' | 'LIMIT' | 'VIOLATION'
  readonly what: string
}

/** What a pipe tells its user, possibly from inside `start` or `send`. Nothing comes after `closed`. */
export interface PipeEvents {
  /** One whole message, which may be kept: not a small view of a large buffer, and nobody changes it afterwards. */
  message(bytes: Uint8Array): void
  /** There is room again after `send` said `wait`. */
  drain(): void
  /** No more messages in either direction. Those delivered before are good. */
  closed(end: PipeEnd): void
}

/** `ok`: sent, or as good as. `wait`: taken, but send no more before `drain`. `lost`: not taken, and never will be. */
export type SendOutcome = 'ok' | 'wait' | 'lost'

/** A connection for one session, or for a multiplexer. */
export interface Pipe {
  /** Bytes that `send` wants free in front of the message, for a header: saves a copy of each message. */
  readonly headroom: number
  /** Begins to deliver. Called once. */
  start(events: PipeEvents): void
  /**
   * Sends `buffer` from `headroom` on, and owns all of it from then on.
   * A user that doesn't heed `wait` may lose the connection.
   */
  send(buffer: Uint8Array): SendOutcome
  /** The user is done with a message of `bytes` bytes: as many more may come. */
  consumed(bytes: number): void
  /** Ends both directions, after what was sent has left. No events follow. Harmless where it ended before. */
  close(): void
}

/** What a message counts for in a window beyond its bytes, so that a flood of tiny messages is bounded as well. */
export const MESSAGE_OVERHEAD = 64

/** What a message of so many bytes counts for in a window. */
export function costOf(bytes: number): number {
  return bytes + MESSAGE_OVERHEAD
}
