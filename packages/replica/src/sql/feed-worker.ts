// The thread that makes of blocks what feeds tell. Only it repeats blocks, on an engine of its own, and it runs only
// while somebody follows a feed.

import { parentPort, workerData } from 'node:worker_threads'
import { must, unwrap } from '@quorate/kernel'
import { changesOfBlock, newCatalogMemory, NO_PAGES } from '@quorate/sql-state'
import type { TransactionChanges } from '@quorate/sql-state'
import { height as heightOf } from '@quorate/types'
import type { FeedAnswer } from '../feed/entry.ts'
import { printChanges, printLog } from '../feed/print.ts'
import { contentOf } from './block-content.ts'
import { loadEngine } from './load-engine.ts'
import type { FeedRequest, SqlWorkerOptions } from './messages.ts'
import { decodeOutcomes } from './outcome-list.ts'
import { StateReader } from './state-file.ts'

const port = must(parentPort ?? undefined, 'feeds are made in a thread')
const { folder } = workerData as SqlWorkerOptions
const engine = await loadEngine()
const memory = newCatalogMemory()
let state: StateReader | undefined

/** Undefined where the state before the block isn't retained. */
function changesOf({ height, body, results }: FeedRequest): readonly TransactionChanges[] | undefined {
  state ??= new StateReader(folder)
  const reader = state
  const outcomes = unwrap(decodeOutcomes(results), 'stored outcomes')
  // In one snapshot of the file: a height may go while its pages are read.
  return reader.within(() => {
    const at = reader.at(height)
    const before = height === 0 ? undefined : reader.at(heightOf(height - 1))
    if (at === undefined || (height > 0 && before === undefined)) return undefined
    const base = before === undefined ? NO_PAGES : reader.pages(before)
    return changesOfBlock(engine, base, { height, timeMs: at.timeMs, seed: at.seed }, contentOf(body), outcomes, memory)
  })
}

function answer(request: FeedRequest): FeedAnswer {
  const { topic, header, body, results } = request
  if (topic !== 'changes') {
    const content = contentOf(body)
    const transactions = content.kind === 'executions' ? content.transactions : []
    const outcomes = unwrap(decodeOutcomes(results), 'stored outcomes')
    return { kind: 'told', block: printLog(header, transactions, outcomes, topic === 'log-whole') }
  }
  const changes = changesOf(request)
  return changes === undefined ? { kind: 'gone' } : { kind: 'told', block: printChanges(header, changes) }
}

port.on('message', ({ id, request }: { readonly id: number; readonly request: FeedRequest }) => {
  let reply: FeedAnswer
  try {
    reply = answer(request)
  } catch (error) {
    // The engine is made new for each block: what was wrong with this one says nothing about the next.
    reply = { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
  port.postMessage({ id, reply })
})
