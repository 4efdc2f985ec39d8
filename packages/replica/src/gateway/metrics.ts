// What a monitor wants to know of a gateway and, from the replica's status, of consensus. Names follow Prometheus'
// habits: base units, `_total` for counts; those of consensus are CometBFT's, so that dashboards can be carried over.

import type { Registry } from 'prom-client'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Replica } from './ports.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What is counted elsewhere and read at a scrape. */
export interface GatewayGauges {
  readonly inFlight: () => number
  readonly connections: () => number
  readonly streams: () => number
  readonly transactions: () => number
  readonly feeds: () => number
}

/** The gateway's counters in a registry that other parts of the replica may share. */
export class GatewayMetrics {
  readonly registry: Registry
  readonly #requests: Counter<'route' | 'status'>
  readonly #seconds: Histogram<'route'>
  readonly #transactions: Counter<'result'>
  readonly #reads: Counter<'level' | 'result'>

  constructor(registry: Registry) {
    this.registry = registry
    const registers = [registry]
    this.#requests = new Counter({
      name: 'quorate_http_requests_total',
      help: 'Answers by route and status',
      labelNames: ['route', 'status'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'quorate_http_request_seconds',
      help: 'Time from a request to its answer',
      labelNames: ['route'],
      buckets: SECONDS,
      registers,
    })
    this.#transactions = new Counter({
      name: 'quorate_transactions_submitted_total',
      help: 'Transactions of this replica’s clients by what became of them',
      labelNames: ['result'],
      registers,
    })
    this.#reads = new Counter({
      name: 'quorate_reads_total',
      help: 'Reads by level and result',
      labelNames: ['level', 'result'],
      registers,
    })
  }

  /** A request was answered. */
  request(route: string, status: number, seconds: number): void {
    this.#requests.inc({ route, status })
    this.#seconds.observe({ route }, seconds)
  }

  /** A transaction ended: `executed`, `failed`, `conflict`, `duplicate`, or a refusal's code. */
  transaction(result: string): void {
    this.#transactions.inc({ result })
  }

  /** A read ended: `read`, `writes`, or a refusal's code. */
  read(level: string, result: string): void {
    this.#reads.inc({ level, result })
  }

  /** Adds what is read at each scrape. */
  watch(replica: Replica, gauges: GatewayGauges): void {
    const status = (): ReturnType<Replica['status']> => replica.status()
    const read: Readonly<Record<string, readonly [string, () => number]>> = {
      quorate_http_in_flight: ['Requests under way', gauges.inFlight],
      quorate_http_connections: ['Open connections', gauges.connections],
      quorate_streams: ['Streams that clients may come back to', gauges.streams],
      quorate_interactive_transactions: ['Open interactive transactions', gauges.transactions],
      quorate_feeds: ['Feeds that are followed', gauges.feeds],
      quorate_consensus_height: ['Height of the newest certified block', () => status().height],
      quorate_consensus_round: ['Newest round of the DAG', () => status().round],
      quorate_consensus_block_time_seconds: [
        'Time of the newest certified block, since 1970',
        () => status().blockTimeMs / 1000,
      ],
      quorate_consensus_total_txs: ['Transactions executed since this replica started', () => status().transactions],
      quorate_consensus_validators: ['Seats of the committee', () => status().seats],
      quorate_consensus_missing_validators: [
        'Peers not connected',
        () => status().peers.filter((peer) => !peer.connected).length,
      ],
      quorate_consensus_byzantine_validators: [
        'Members with evidence against them',
        () => new Set(status().faults.map((fault) => fault.member)).size,
      ],
      quorate_mempool_size: ['Transactions waiting to be ordered', () => status().queued],
      quorate_p2p_peers: ['Peers connected', () => status().peers.filter((peer) => peer.connected).length],
      quorate_ready: ['1 when clients are served', () => (status().ready ? 1 : 0)],
    }
    for (const [name, [help, value]] of Object.entries(read)) {
      const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(value()) })
    }
  }
}
