import { asObject } from './http.ts'

/** A peer as the asked replica sees it. */
export interface PeerStatus {
  readonly member: string
  readonly name: string
  readonly address: string
  /** URL where it serves clients; empty where it isn't known. */
  readonly http: string
  readonly connected: boolean
  /** Its seat in the view's committee; undefined where it has none. */
  readonly seat: number | undefined
  /** Highest height that it is known to have voted for. */
  readonly height: number | undefined
  /** Round of its newest unit that the asked replica has. */
  readonly round: number | undefined
}

/** A member caught at what only a faulty member does. */
export interface FaultStatus {
  readonly member: string
  readonly name: string
  readonly kind: string
  readonly message: string
}

/** A replica's state: `GET /v1/status`, as far as this client reads it. */
export interface LedgerStatus {
  readonly ledger: string
  readonly member: string
  readonly name: string
  readonly phase: string
  readonly ready: boolean
  /** The reign of one committee. */
  readonly view: string
  /** How far the view is from its end. */
  readonly stage: string
  /** Its seat in the view's committee; undefined where it has none. */
  readonly seat: number | undefined
  readonly seats: number
  readonly quorum: number
  readonly height: number
  readonly round: number
  /** Round of its own newest unit. */
  readonly ownRound: number | undefined
  /** Highest height that it has executed and voted for. */
  readonly voted: number | undefined
  /** Its clock, in milliseconds since 1970. */
  readonly wallMs: number | undefined
  /** Time of its newest block. */
  readonly blockTimeMs: number
  /** Free on its disk, in bytes. */
  readonly freeBytes: number | undefined
  readonly stateRoot: string
  readonly transactions: number
  readonly queued: number
  readonly peers: readonly PeerStatus[]
  readonly faults: readonly FaultStatus[]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const count = (value: unknown): number => (typeof value === 'number' ? value : 0)
const known = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return []
  return value.map(asObject).filter((each) => each !== undefined)
}

/**
 * Reads the answer of `GET /v1/status`. Undefined where it isn't one; unknown fields are ignored, as a newer replica
 * may have them.
 */
export function parseStatus(value: unknown): LedgerStatus | undefined {
  const status = asObject(value)
  if (status === undefined || typeof status['height'] !== 'number' || typeof status['stateRoot'] !== 'string')
    return undefined
  return {
    ledger: text(status['ledger']),
    member: text(status['member']),
    name: text(status['name']),
    phase: text(status['phase']),
    ready: status['ready'] === true,
    view: text(status['view']),
    stage: text(status['stage']),
    seat: known(status['seat']),
    seats: count(status['seats']),
    quorum: count(status['quorum']),
    height: status['height'],
    round: count(status['round']),
    ownRound: known(status['ownRound']),
    voted: known(status['voted']),
    wallMs: known(status['wallMs']),
    blockTimeMs: count(status['blockTimeMs']),
    freeBytes: known(status['freeBytes']),
    stateRoot: status['stateRoot'],
    transactions: count(status['transactions']),
    queued: count(status['queued']),
    peers: list(status['peers']).map((peer) => ({
      member: text(peer['member']),
      name: text(peer['name']),
      address: text(peer['address']),
      http: text(peer['http']),
      connected: peer['connected'] === true,
      seat: known(peer['seat']),
      height: known(peer['height']),
      round: known(peer['round']),
    })),
    faults: list(status['faults']).map((fault) => ({
      member: text(fault['member']),
      name: text(fault['name']),
      kind: text(fault['kind']),
      message: text(fault['message']),
    })),
  }
}
