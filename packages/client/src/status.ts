import { asObject } from './http.ts'

/** A peer as the asked replica sees it. */
export interface PeerStatus {
  readonly member: string
  readonly name: string
  readonly address: string
  /** URL where it serves clients; empty where it isn't known. */
  readonly http: string
  readonly connected: boolean
  readonly height: number | undefined
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
  readonly phase: string
  readonly ready: boolean
  readonly seats: number
  readonly quorum: number
  readonly height: number
  readonly round: number
  readonly stateRoot: string
  readonly transactions: number
  readonly queued: number
  readonly peers: readonly PeerStatus[]
  readonly faults: readonly FaultStatus[]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const count = (value: unknown): number => (typeof value === 'number' ? value : 0)

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
    phase: text(status['phase']),
    ready: status['ready'] === true,
    seats: count(status['seats']),
    quorum: count(status['quorum']),
    height: status['height'],
    round: count(status['round']),
    stateRoot: text(status['stateRoot']),
    transactions: count(status['transactions']),
    queued: count(status['queued']),
    peers: list(status['peers']).map((peer) => ({
      member: text(peer['member']),
      name: text(peer['name']),
      address: text(peer['address']),
      http: text(peer['http']),
      connected: peer['connected'] === true,
      height: typeof peer['height'] === 'number' ? peer['height'] : undefined,
    })),
    faults: list(status['faults']).map((fault) => ({
      member: text(fault['member']),
      name: text(fault['name']),
      kind: text(fault['kind']),
      message: text(fault['message']),
    })),
  }
}
