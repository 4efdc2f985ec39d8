// The process that has the database: makes one of so many pages, and lends it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@quorate/session-types'
import { PAGE_BYTES, pageHash, StateTree } from '@quorate/sql-state'
import { hashOf, height } from '@quorate/types'
import { StateFile } from '../../packages/replica/src/sql/state-file.ts'
import { StateLending } from '../../packages/replica/src/sql/state-lending.ts'
import type { StateHeight } from '../../packages/replica/src/sql/state-rows.ts'
import { SqlWriter } from '../../packages/replica/src/sql/threads.ts'
import type { Address } from './endpoint.ts'
import { listen } from './endpoint.ts'

/** Pages of one height, while the database is made. */
const CHUNK = 4096

/** Incompressible and all different, as far as it matters: a xorshift stream. */
function fill(page: Uint32Array, seed: number): void {
  let state = seed * 2_654_435_761 + 1
  for (let at = 0; at < page.length; at += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    page[at] = state
  }
}

function make(folder: string, pageCount: number): StateHeight {
  const file = new StateFile(folder)
  const tree = new StateTree()
  const seed = hashOf('seed')
  for (let first = 1, at = 0; first <= pageCount; first += CHUNK, at += 1) {
    const end = Math.min(pageCount, first + CHUNK - 1)
    const changed = Array.from({ length: end - first + 1 }, (_, i) => {
      const words = new Uint32Array(PAGE_BYTES / 4)
      fill(words, first + i)
      const bytes = new Uint8Array(words.buffer)
      return { number: first + i, bytes, hash: pageHash(first + i, bytes) }
    })
    tree.update(
      end,
      changed.map(({ number, hash }) => [number, hash]),
    )
    file.append({ height: height(at), pageCount: end, timeMs: at, seed, stateRoot: tree.root }, changed)
  }
  const target = file.head
  file.close()
  if (target === undefined) throw new Error('no pages')
  return target
}

const folder = mkdtempSync(join(tmpdir(), 'quorate-lender-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const target = make(folder, Number(process.argv[2]))
const writer = await SqlWriter.open(folder)
const lending = new StateLending({
  folder,
  writer,
  clock: systemClock,
  onTrouble: (message) => console.error(message),
})
await lending.offer([target.height])
const endpoint = await listen((peer, ask) => lending.answer(peer, ask, target.height))
process.on('message', (other: Address | 'end') => {
  if (other !== 'end') {
    void endpoint.meet(other)
    return
  }
  void Promise.all([endpoint.close(), lending.close(), writer.close()]).then(() => process.disconnect())
})
process.send?.({ address: endpoint.address, target })
