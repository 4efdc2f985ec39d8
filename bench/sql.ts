// The engine by itself: blocks of small INSERTs, changed pages captured and hashed, as a replica does it
// but without disks, threads or consensus.

import { executeBlock, NO_PAGES, pageHash, StateTree } from '@quorate/sql-state'
import type { PageSource } from '@quorate/sql-state'
import { encodeTransaction, hashOf, height, millis } from '@quorate/types'
import { loadEngine } from '../packages/replica/src/sql/load-engine.ts'

const BLOCK = 1000

/** Transactions a second over `seconds`. */
export async function benchSql(seconds: number): Promise<number> {
  const engine = await loadEngine()
  const seed = hashOf('seed', new Uint8Array(0))
  const tree = new StateTree()
  const pages = new Map<number, Uint8Array>()
  let count = 0
  let at = 0
  const run = (content: Parameters<typeof executeBlock>[3]): void => {
    const base: PageSource =
      count === 0 ? NO_PAGES : { pageCount: count, page: (number) => pages.get(number) ?? new Uint8Array(0) }
    const result = executeBlock(engine, base, { height: height(at), timeMs: 1, seed }, content)
    const changed = result.pages.changed()
    for (const [number, bytes] of changed) pages.set(number, bytes)
    count = result.pages.pageCount
    tree.update(
      count,
      changed.map(([number, bytes]) => [number, pageHash(number, bytes)]),
    )
    at += 1
  }
  run({
    kind: 'genesis',
    ledger: seed,
    members: [],
    sql: ['CREATE TABLE bench(id INTEGER PRIMARY KEY, name TEXT, n INTEGER)'],
  })
  let id = 0
  const insert = (): Uint8Array => {
    id += 1
    const statement = {
      sql: 'INSERT INTO bench(name, n) VALUES (?, ?)',
      args: [`name ${id}`, BigInt(id % 1000)],
      namedArgs: [],
      wantRows: true,
    }
    return encodeTransaction({
      id: `bench-${id}`,
      expiresMs: millis(60_000),
      program: { requests: [{ kind: 'execute', statement }] },
    })
  }
  let spentMs = 0
  let done = 0
  while (spentMs < seconds * 1000) {
    const transactions = Array.from({ length: BLOCK }, insert)
    const began = performance.now()
    run({ kind: 'executions', transactions })
    spentMs += performance.now() - began
    done += BLOCK
  }
  return Math.round((done / spentMs) * 1000)
}
