// A process that appends numbered records without end and tells each number once it is acknowledged: to be killed.

import { writeSync } from 'node:fs'
import { Store } from '../store.ts'

const [folder, ledgerId] = process.argv.slice(2)
if (folder === undefined || ledgerId === undefined) throw new Error('usage: append-loop FOLDER LEDGER_ID')

const store = await Store.open({ folder, ledgerId })
const first = ((await store.tip())?.height ?? -1) + 1

/** Waits where the pipe is full: its reader may be slow. Lines are shorter than what a pipe takes at once or not at all. */
function tell(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

tell('opened')

async function append(height: number): Promise<void> {
  const bytes = new Uint8Array(2000).fill(height)
  await store.append([
    {
      kind: 'block',
      height,
      header: bytes.subarray(0, 8),
      body: bytes,
      results: bytes,
      transactions: [`tx-${height}`],
    },
    { kind: 'vote', height, bytes: bytes.subarray(0, 4) },
  ])
  tell(String(height))
}

// Eight at a time, so that commits are shared.
for (let height = first; ; height += 8) {
  try {
    await Promise.all(Array.from({ length: 8 }, (_, i) => append(height + i)))
  } catch (error) {
    tell(error instanceof Error && 'code' in error ? String(error.code) : String(error))
    process.exit(3)
  }
}
