// Goal: a ledger is archived while it is written to and its views rotate; an archiver that is killed goes on; the archive verifies
// from genesis.json alone; and a replica restored from it has the same database and takes part again. Method: four real
// processes, views of few blocks, small segments, and the command line.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, quorate, run, sleep, spawnQuorate, until } from '../harness.ts'

let cluster: Cluster
let folder: string
let printed = ''

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(printed)
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

function segmentsIn(archive: string): readonly string[] {
  return existsSync(archive) ? readdirSync(archive).filter((name) => name.endsWith('.segment')) : []
}

/** An archiver that is left running; what it prints is shown where the test fails. */
function archiver(archive: string, flags: readonly string[]): ChildProcess {
  const child = spawnQuorate(['archive', archive, ...flags])
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  return child
}

test('archive under load and rotation, kill, resume, verify, restore, and take part again', async () => {
  cluster = await Cluster.start(4, ['--view-blocks', '10'])
  folder = mkdtempSync(join(tmpdir(), 'quorate-archive-'))
  const archive = join(folder, 'archive')
  const genesis = ['--genesis', cluster.genesisPath]
  const from = ['--from-replica', `${cluster.at(1).url},${cluster.at(2).url}`]
  await run(cluster.at(1).url, 'CREATE TABLE t(id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, r)')
  let isOver = false
  let written = 0
  const writer = async (name: number): Promise<void> => {
    for (let i = 0; !isOver; i += 1) {
      const id = name * 1_000_000 + i
      await run(cluster.at(name).url, 'INSERT INTO t(id, r) VALUES (?, random())', [id]).then(
        () => (written += 1),
        // It may be too late, or the test over.
        () => sleep(50),
      )
    }
  }
  const writers = [1, 2, 3].map(writer)

  // Killed in the middle, at no point of its choosing.
  const follow = [...genesis, ...from, '--follow', '--segment-blocks', '7', '--every-seconds', '1']
  const first = archiver(archive, follow)
  await until('five segments', 60_000, () => (segmentsIn(archive).length >= 5 ? true : undefined))
  const ended = once(first, 'exit')
  first.kill('SIGKILL')
  await ended
  const before = segmentsIn(archive).map((name) => [name, readFileSync(join(archive, name))] as const)

  // Two at once go on, and end in order.
  const pair = [archiver(archive, follow), archiver(archive, follow)]
  await until('more segments', 60_000, () => (segmentsIn(archive).length >= before.length + 8 ? true : undefined))
  isOver = true
  await Promise.all(writers)
  expect(written).toBeGreaterThan(50)
  const ends = pair.map((each) => once(each, 'exit'))
  for (const each of pair) each.kill('SIGTERM')
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0])
  for (const [name, bytes] of before) expect(readFileSync(join(archive, name)).equals(bytes), name).toBe(true)

  // A last run, out of the data folder of a running replica, takes what is left.
  const height = await cluster.converged()
  const data = join(cluster.at(3).directory, 'data')
  const last = quorate(['archive', archive, ...genesis, '--data-dir', data])
  expect([last.status, last.stderr]).toMatchObject([0, expect.any(String)])
  const proof = quorate(['archive', 'verify', archive, ...genesis])
  expect([proof.status, proof.stdout + proof.stderr]).toEqual([0, expect.stringContaining('OK')])
  const archived = Number(/^height +(\d+)$/m.exec(proof.stdout)?.[1])
  expect(archived).toBeGreaterThanOrEqual(height)
  expect(Number(/^views +(\d+)$/m.exec(proof.stdout)?.[1])).toBeGreaterThanOrEqual(3)

  // Restored in two steps into a new folder, which becomes a member's that has lost its own.
  await cluster.at(4).signal('SIGTERM')
  const restored = join(folder, 'restored')
  const half = quorate(['restore', archive, '--data-dir', restored, ...genesis, '--to-height', '20'])
  expect([half.status, half.stdout + half.stderr]).toEqual([0, expect.stringMatching(/^height +20$/m)])
  const whole = quorate(['restore', archive, '--data-dir', restored, ...genesis])
  expect([whole.status, whole.stdout + whole.stderr]).toEqual([0, expect.stringContaining('OK')])
  const at = (await (await fetch(`${cluster.at(1).url}/v1/blocks/${archived}`)).json()) as { stateRoot: string }
  expect(whole.stdout).toContain(at.stateRoot)

  cluster.at(4).start(['--data-dir', restored])
  await cluster.at(4).ready()
  await run(cluster.at(4).url, 'INSERT INTO t(id, r) VALUES (1, 1)')
  await cluster.converged()
  expect((await cluster.at(4).status()).faults).toEqual([])

  // Not into the folder of another ledger.
  const other = await Cluster.init(1)
  const refused = quorate(['restore', archive, '--data-dir', restored, '--genesis', other.genesisPath])
  rmSync(other.directory, { recursive: true })
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('ARCHIVE_LEDGER')])

  // One byte of one block in the middle.
  const name = segmentsIn(archive)[3] ?? ''
  const bytes = readFileSync(join(archive, name))
  bytes[200] = (bytes[200] ?? 0) ^ 1
  writeFileSync(join(archive, name), bytes)
  const bad = quorate(['archive', 'verify', archive, ...genesis])
  expect([bad.status, bad.stderr]).toEqual([1, expect.stringContaining(`${name}, record 0`)])
})
