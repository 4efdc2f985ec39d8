// `npm run bench`: every figure that the project claims, printed by a command. `-- --json FILE` writes the same under stable keys.

import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { benchCluster } from './cluster.ts'
import { benchOrdering } from './ordering.ts'
import { benchRotation } from './rotation.ts'
import { benchSql } from './sql.ts'

const { values } = parseArgs({ options: { json: { type: 'string' }, seconds: { type: 'string', default: '10' } } })
const seconds = Number(values.seconds)
const say = (line: string): void => console.log(`  ${line}`)

const processors = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}`
const machine = `${processors}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`
console.log(`machine: ${machine}`)

console.log('SQL alone: one engine, small INSERTs, 1000 a block, each committed, pages hashed')
const sql = await benchSql(Math.min(seconds, 5))
say(`${sql} transactions/s`)

console.log('ordering alone: all cores of a committee in one thread, no signatures, disks or sockets')
const ordering: Record<string, number> = {}
for (const members of [4, 16, 64]) {
  ordering[`ordering_tx_per_s_n${members}`] = benchOrdering(members, Math.min(seconds, 5))
  say(`n = ${members}: ${ordering[`ordering_tx_per_s_n${members}`]} transactions/s`)
}

console.log('four replicas, four processes, loopback, mutual TLS, fsync on')
const cluster = await benchCluster(seconds, say)

console.log('the same, with short views: what clients notice of a turn')
const rotation = await benchRotation(seconds * 2)
say(
  `longest gap ${rotation.rotation_gap_ms} ms around ${rotation.rotations} turns, ${rotation.calm_gap_ms} ms elsewhere`,
)

const figures = { ...cluster, ...rotation, sql_tx_per_s: sql, ...ordering }
console.log('')
for (const [key, value] of Object.entries(figures)) console.log(`${key.padEnd(26)} ${value}`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, ...figures }, undefined, 2)}\n`)
