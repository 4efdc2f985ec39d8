import type { MemberId } from '@quorate/types'
import type { Refusal } from './refusal.ts'

/** How it goes with one peer. Counters run since the peer was added. */
export interface PeerStats {
  readonly id: MemberId
  /** host:port that we dial. */
  readonly address: string
  /** Our connection to it stands. */
  readonly sending: boolean
  /** Its connection to us stands. */
  readonly receiving: boolean
  /** Frames accepted and not yet given to the socket. */
  readonly queuedFrames: number
  /** Bytes accepted and not yet taken by the kernel. */
  readonly queuedBytes: number
  /** Frames refused because it was not connected or its queue was full, or lost with a connection's queue. */
  readonly droppedFrames: number
  readonly sentFrames: number
  readonly sentBytes: number
  readonly receivedFrames: number
  readonly receivedBytes: number
  /** Refusals on either connection. */
  readonly refusals: number
  /** Undefined before the first pong. */
  readonly roundTripMs: number | undefined
  /** Why our connection last broke or failed; undefined while it stands. */
  readonly lastError: string | undefined
}

/** Counters of a transport. */
export interface TransportStats {
  readonly peers: readonly PeerStats[]
  /** Refusals by reason, of peers and strangers, since the start. */
  readonly refusals: Readonly<Record<Refusal, number>>
  /** Connections at the moment that have not shown that they are a peer's. */
  readonly strangers: number
}
