/** Why a connection was refused or cut. Counted under these names. */
export type Refusal =
  /** Too many connections that have not shown who they are. */
  | 'crowded'
  /** Too many connections from one address without showing who it is. */
  | 'too-often'
  /** No TLS 1.3 handshake: other bytes, other versions, hung up. */
  | 'handshake'
  /** No hello in time. */
  | 'hello-timeout'
  /** No ed25519 certificate, or one of a key that is no peer's. */
  | 'unknown-key'
  /** We dialled a peer and another key answered. */
  | 'wrong-key'
  /** Other protocol version or ledger. */
  | 'hello'
  /** The peer misbehaved lately. */
  | 'penalty'
  /** A length above the limit. */
  | 'frame-too-long'
  /** A type that has no place on this connection. */
  | 'frame-type'
  /** A frame that was begun and took too long. */
  | 'frame-timeout'
  /** No sign of life. */
  | 'silent'
  /** The same peer connected anew. */
  | 'replaced'
  /** The stream ended inside a frame. */
  | 'truncated'

/** All of them, for counters that start at 0. */
export const REFUSALS: readonly Refusal[] = [
  'crowded',
  'too-often',
  'handshake',
  'hello-timeout',
  'unknown-key',
  'wrong-key',
  'hello',
  'penalty',
  'frame-too-long',
  'frame-type',
  'frame-timeout',
  'silent',
  'replaced',
  'truncated',
]
