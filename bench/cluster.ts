// Four replicas as four processes on loopback, mutual TLS between them, fsync on, clients over HTTP to all four.

import { readFileSync } from 'node:fs'
import { Cluster, run, sleep } from '../tests/harness.ts'
import { load, percentile } from './http-load.ts'

const TICKS_PER_SECOND = 100

/** CPU seconds that a process has used, user and system, all threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

/** What the cluster part measures, by its stable keys. */
export interface ClusterFigures {
  readonly pipelined_tx_per_s: number
  readonly http_tx_per_s: number
  readonly latency_p50_ms: number
  readonly latency_p99_ms: number
  readonly rss_mb_max: number
  readonly cpu_us_per_tx: number
}

/** Transactions of one pipelined request: each is a ledger transaction of its own. */
const PIPELINE = 250

/** Runs the cluster part. `seconds` is the length of each measurement. */
export async function benchCluster(seconds: number, say: (line: string) => void): Promise<ClusterFigures> {
  const cluster = await Cluster.start(4)
  try {
    const urls = cluster.replicas.map((replica) => replica.url)
    const pids = cluster.replicas.flatMap((replica) => (replica.pid === undefined ? [] : [replica.pid]))
    const cpu = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
    await run(urls[0] ?? '', 'CREATE TABLE bench(id INTEGER PRIMARY KEY, name TEXT, n INTEGER)')
    let id = 0
    const insert = (): string => {
      id += 1
      return JSON.stringify({ sql: 'INSERT INTO bench(name, n) VALUES (?, ?)', args: [`name ${id}`, id % 1000] })
    }
    const pipeline = (): string => `[${Array.from({ length: PIPELINE }, insert).join(',')}]`
    const one = { path: '/v1/transactions', next: insert }

    await load(urls, { ...one, connections: 32, seconds: 2 })
    const light = await load(urls, { ...one, connections: 1, seconds })
    say(`lightly loaded, 1 connection: ${light.done} transactions`)
    await sleep(500)
    const many = await load(urls, { ...one, connections: 256, seconds })
    say(`one INSERT per request, 256 connections: ${many.done} transactions, ${many.failed} refused`)
    await sleep(500)
    const cpuBefore = cpu()
    const piped = await load(urls, { path: '/v1/transactions', next: pipeline, connections: 16, seconds })
    const cpuUsed = cpu() - cpuBefore
    say(
      `pipelined, 16 connections of ${PIPELINE}: ${piped.done * PIPELINE} transactions, ${piped.failed} requests refused`,
    )
    const rss = Math.max(...pids.map(rssMb))
    await cluster.converged()
    return {
      pipelined_tx_per_s: Math.round((piped.done * PIPELINE) / piped.seconds),
      http_tx_per_s: Math.round(many.done / many.seconds),
      latency_p50_ms: Number(percentile(light.latenciesMs, 0.5).toFixed(2)),
      latency_p99_ms: Number(percentile(light.latenciesMs, 0.99).toFixed(2)),
      rss_mb_max: Math.round(rss),
      cpu_us_per_tx: Math.round((cpuUsed * 1e6) / (piped.done * PIPELINE)),
    }
  } finally {
    await cluster.stop()
  }
}
