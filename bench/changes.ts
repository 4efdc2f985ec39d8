// `npm run bench:changes`: what it costs to tell which rows changed. Blocks of 1000 transactions are executed, then
// repeated with every change of a row watched, on another engine: the difference is what watching would cost where blocks
// are executed. And what would be stored: the changes as feeds tell them, against the versions of pages that state.db
// keeps for a block anyway.

import { parseArgs } from 'node:util'
import { changesOfBlock, executeBlock, NO_PAGES, PAGE_BYTES } from '@quorate/sql-state'
import type { BlockContent, PageSource } from '@quorate/sql-state'
import { encodeHeader, encodeTransaction, hashOf, height, millis, NO_BLOCK } from '@quorate/types'
import type { SqlValue, ViewId } from '@quorate/types'
import { printChanges } from '../packages/replica/src/feed/print.ts'
import { loadEngine } from '../packages/replica/src/sql/load-engine.ts'

const BLOCK = 1000
const SEED = hashOf('seed', new Uint8Array(0))

/** A kind of transaction, made by its number. */
type Make = (n: number) => { readonly sql: string; readonly args: readonly SqlValue[] }

const KINDS: Readonly<Record<string, Make>> = {
  insert: (n) => ({ sql: 'INSERT INTO bench(name, n) VALUES (?, ?)', args: [`name ${n}`, BigInt(n % 1000)] }),
  update: (n) => ({ sql: 'UPDATE bench SET n = n + 1 WHERE id = ?', args: [BigInt(1 + (n % 5000))] }),
}

/** A transaction's bytes. */
function transaction(id: string, { sql, args }: ReturnType<Make>): Uint8Array {
  const program = { requests: [{ kind: 'execute', statement: { sql, args, namedArgs: [], wantRows: true } }] } as const
  return encodeTransaction({ id, expiresMs: millis(60_000), program })
}

function headerAt(at: number): Uint8Array {
  const pointer = { height: height(0), hash: NO_BLOCK }
  const roots = {
    previous: NO_BLOCK,
    transactionsRoot: NO_BLOCK,
    resultsRoot: NO_BLOCK,
    stateRoot: NO_BLOCK,
    body: NO_BLOCK,
  }
  const view = NO_BLOCK as string as ViewId
  return encodeHeader({
    era: 1,
    height: height(at),
    view,
    lastReconfigure: pointer,
    lastCheckpoint: pointer,
    lastAssemble: pointer,
    timeMs: millis(1),
    ...roots,
  })
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } })
const [engine, other] = [await loadEngine(), await loadEngine()]
let base: PageSource = NO_PAGES
let at = 0
const spent = { executeMs: 0, repeatMs: 0, done: 0, told: 0, pages: 0 }

function run(content: BlockContent): void {
  const context = { height: height(at), timeMs: 1, seed: SEED }
  const before = base
  const began = performance.now()
  const { outcomes, pages } = executeBlock(engine, before, context, content)
  const executed = performance.now()
  const block = printChanges(headerAt(at), changesOfBlock(other, before, context, content, outcomes))
  spent.repeatMs += performance.now() - executed
  spent.executeMs += executed - began
  spent.done += outcomes.length
  spent.told += block.entries.reduce((sum, entry) => sum + entry.json.length, 0)
  spent.pages += pages.changed().length
  const all = new Map<number, Uint8Array>()
  for (let number = 1; number <= pages.pageCount; number += 1) all.set(number, pages.page(number))
  base = { pageCount: pages.pageCount, page: (number) => all.get(number) ?? new Uint8Array(0) }
  at += 1
}

run({
  kind: 'genesis',
  ledger: SEED,
  members: [],
  sql: ['CREATE TABLE bench(id INTEGER PRIMARY KEY, name TEXT, n INTEGER)'],
})
let number = 0
for (const [name, make] of Object.entries(KINDS)) {
  for (let i = 0; i < 5; i += 1) runOf(make)
  Object.assign(spent, { executeMs: 0, repeatMs: 0, done: 0, told: 0, pages: 0 })
  while (spent.executeMs + spent.repeatMs < Number(values.seconds) * 1000) runOf(make)
  const { executeMs, repeatMs, done, told, pages } = spent
  const blocks = done / BLOCK
  console.log(`${name}_executed_tx_per_s        ${Math.round((done / executeMs) * 1000)}`)
  console.log(`${name}_repeated_tx_per_s        ${Math.round((done / repeatMs) * 1000)}`)
  console.log(`${name}_told_bytes_per_block     ${Math.round(told / blocks)}`)
  console.log(`${name}_page_bytes_per_block     ${Math.round((pages * PAGE_BYTES) / blocks)}`)
}

function runOf(make: Make): void {
  const transactions = Array.from({ length: BLOCK }, () => {
    number += 1
    return transaction(`bench-${number}`, make(number))
  })
  run({ kind: 'executions', transactions })
}
