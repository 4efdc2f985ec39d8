// How long a replica with nothing takes to have a database of 1 GB, from a peer over mutual TLS on loopback: pages fetched, proved,
// written, and the root checked as a whole. Two processes. What a whole replica does besides (finding the
// checkpoint, verifying the chain of views, executing what came after) is not in it.
// Run alone: node --conditions=source bench/bootstrap/main.ts [GIGABYTES]

import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@quorate/session-types'
import { PAGE_BYTES } from '@quorate/sql-state'
import { StateFetch } from '../../packages/replica/src/peers/state-fetch.ts'
import type { StateHeight } from '../../packages/replica/src/sql/state-rows.ts'
import { SqlWriter } from '../../packages/replica/src/sql/threads.ts'
import type { Address } from './endpoint.ts'
import { listen } from './endpoint.ts'

interface Lender {
  readonly address: Address
  readonly target: StateHeight
}

/** Seconds that the database of a peer takes to be here. */
export async function benchBootstrap(bytes: number, say: (line: string) => void): Promise<number> {
  const child = fork(fileURLToPath(new URL('./lender.ts', import.meta.url)), [String(Math.ceil(bytes / PAGE_BYTES))], {
    execArgv: ['--conditions=source'],
  })
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bootstrap-'))
  try {
    const { address, target } = await new Promise<Lender>((resolve, reject) => {
      child.once('message', (lender) => resolve(lender as Lender))
      child.once('exit', (code) => reject(new Error(`the lender ended with ${code}`)))
    })
    const endpoint = await listen(async () => ({ kind: 'refused', code: 'NOT_YET', retryAfterMs: 1000 }))
    const met = endpoint.meet(address)
    child.send(endpoint.address)
    await met
    const began = performance.now()
    const cpuBefore = process.cpuUsage()
    const database = await SqlWriter.open(folder)
    const fetch = new StateFetch({
      target,
      faultyMax: 0,
      database,
      fetch: (to, ask) => endpoint.conversations.fetchState(to, ask),
      clock: systemClock,
      onFault: (_member, fault, why) => say(`${fault}: ${why}`),
      onStale: () => say('the target is gone'),
    })
    fetch.reachable([address.id])
    const telling = setInterval(() => {
      const progress = fetch.progress()
      if (progress === undefined) return
      const { pagesDone, pagesTotal, pagesPerSecond, etaMs } = progress
      say(
        `${pagesDone} of ${pagesTotal} pages, ${pagesPerSecond}/s, ${etaMs === undefined ? '?' : etaMs / 1000} s left`,
      )
    }, 5_000)
    await fetch.run()
    clearInterval(telling)
    const seconds = (performance.now() - began) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    const cpuSeconds = ((cpu.user + cpu.system) / 1e6).toFixed(1)
    const rssMb = Math.round(process.memoryUsage().rss / 2 ** 20)
    const rate = `${Math.round(bytes / 1e6 / seconds)} MB/s`
    say(`${target.pageCount} pages in ${seconds.toFixed(1)} s, ${rate}; here ${cpuSeconds} s of CPU, RSS ${rssMb} MB`)
    await Promise.all([endpoint.close(), database.close()])
    return Number(seconds.toFixed(1))
  } finally {
    if (child.connected) child.send('end')
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const gigabytes = Number(process.argv[2] ?? 1)
  const seconds = await benchBootstrap(gigabytes * 1e9, (line) => console.log(`  ${line}`))
  console.log(`bootstrap_${gigabytes}gb_s  ${seconds}`)
}
