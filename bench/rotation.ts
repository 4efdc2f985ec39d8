// What clients notice of a turn of views: the longest time in which no transaction was answered, around each turn and away from it.

import { Cluster, run, sleep } from '../tests/harness.ts'
import { Connection } from './http-load.ts'

/** What the rotation part measures, by its stable keys. */
export interface RotationFigures {
  /** Longest gap between two answers around any turn. */
  readonly rotation_gap_ms: number
  /** Longest gap away from turns: what the machine itself does. */
  readonly calm_gap_ms: number
  readonly rotations: number
}

const CONNECTIONS = 32
/** A turn is looked for so often, and its gap within so much of it. */
const LOOK_MS = 10
const AROUND_MS = 1000
const VIEW_BLOCKS = 100

/** Runs clients for `seconds` while views turn. */
export async function benchRotation(seconds: number): Promise<RotationFigures> {
  const cluster = await Cluster.start(4, ['--view-blocks', String(VIEW_BLOCKS)])
  try {
    const urls = cluster.replicas.map((replica) => replica.url)
    await run(urls[0] ?? '', 'CREATE TABLE bench(id INTEGER PRIMARY KEY, n INTEGER)')
    const answeredMs: number[] = []
    const turnsMs: number[] = []
    const end = performance.now() + seconds * 1000
    const client = async (index: number): Promise<void> => {
      const connection = await Connection.open(urls[index % urls.length] ?? '')
      while (performance.now() < end) {
        const body = JSON.stringify({ sql: 'INSERT INTO bench(n) VALUES (?)', args: [index] })
        const { status } = await connection.post('/v1/transactions', body)
        if (status === 200) answeredMs.push(performance.now())
      }
      connection.close()
    }
    const watch = async (): Promise<void> => {
      let view: unknown
      while (performance.now() < end) {
        const status = await cluster.at(1).status()
        if (view !== undefined && status['view'] !== view) turnsMs.push(performance.now())
        view = status['view']
        await sleep(LOOK_MS)
      }
    }
    await Promise.all([watch(), ...Array.from({ length: CONNECTIONS }, (_, index) => client(index))])
    const times = answeredMs.sort((a, b) => a - b)
    const gaps = times.slice(1).map((at, i) => ({ at, ms: at - (times[i] ?? at) }))
    const isAround = (at: number): boolean => turnsMs.some((turn) => Math.abs(turn - at) < AROUND_MS)
    const longest = (isWanted: (at: number) => boolean): number =>
      Math.round(gaps.reduce((most, { at, ms }) => (isWanted(at) ? Math.max(most, ms) : most), 0))
    return {
      rotation_gap_ms: longest(isAround),
      calm_gap_ms: longest((at) => !isAround(at)),
      rotations: turnsMs.length,
    }
  } finally {
    await cluster.stop()
  }
}
