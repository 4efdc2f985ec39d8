// The writer's thread: executes blocks one after the other and keeps state.db. Whatever it throws is local trouble: the
// answer says so, and the replica stops.

import { parentPort, workerData } from 'node:worker_threads'
import { assert, must } from '@quorate/kernel'
import { executeBlock, membersOf, pageHash, StateTree } from '@quorate/sql-state'
import type { Height } from '@quorate/types'
import { merkleRoot, outcomeHash, transactionHash } from '@quorate/types'
import type { Execution } from '../host/ports.ts'
import { contentOf } from './block-content.ts'
import { loadEngine } from './load-engine.ts'
import type { SqlWorkerOptions, WriterReply, WriterRequest } from './messages.ts'
import { encodeOutcomes } from './outcome-list.ts'
import { StateFile } from './state-file.ts'
import type { StateSink } from './state-sink.ts'

const port = must(parentPort ?? undefined, 'the SQL writer runs as a thread')
const { folder } = workerData as SqlWorkerOptions
const state = new StateFile(folder)
const engine = await loadEngine()
let tree = plant()
let sink: StateSink | undefined

function plant(): StateTree {
  const fresh = new StateTree()
  fresh.update(state.head?.pageCount ?? 0, state.hashes())
  assert(
    state.head === undefined || fresh.root === state.head.stateRoot,
    `state.db hashes to ${fresh.root}, it says ${state.head?.stateRoot}`,
  )
  return fresh
}

/** The height that was received is where execution goes on. */
function finish(): Height {
  tree = must(sink, 'a reception has begun').finish()
  sink = undefined
  state.received()
  return must(state.head, 'a height was received').height
}

function execute({ height, timeMs, seed, body }: WriterRequest & { kind: 'execute' }): Execution {
  assert((state.head?.height ?? -1) + 1 === height, `block ${height} on a database at height ${state.head?.height}`)
  sink = undefined
  const content = contentOf(body)
  const { outcomes, ids, pages, gas, members } = executeBlock(engine, state.pages, { height, timeMs, seed }, content)
  const changed = pages.changed().map(([number, bytes]) => ({ number, bytes, hash: pageHash(number, bytes) }))
  tree.update(
    pages.pageCount,
    changed.map(({ number, hash }) => [number, hash]),
  )
  state.append({ height, pageCount: pages.pageCount, timeMs, seed, stateRoot: tree.root }, changed)
  const hashes = content.kind === 'executions' ? content.transactions.map(transactionHash) : []
  return {
    height,
    transactionsRoot: merkleRoot(hashes),
    resultsRoot: merkleRoot(outcomes.map(outcomeHash)),
    stateRoot: tree.root,
    hashes,
    ids,
    results: encodeOutcomes(outcomes),
    gas,
    ...(members === undefined ? {} : { members }),
  }
}

function answer(reply: WriterReply): void {
  port.postMessage(reply)
}

function handle(request: WriterRequest): WriterReply | undefined {
  switch (request.kind) {
    case 'execute':
      return { kind: 'executed', execution: execute(request) }
    case 'rewind':
      sink = undefined
      state.rewind(request.to)
      tree = plant()
      return { kind: 'rewound', height: state.head?.height }
    case 'members':
      return { kind: 'members', members: membersOf(engine, state.pages) }
    case 'hold':
      return { kind: 'held', heights: state.hold(request.heights) }
    case 'sync':
      state.sync()
      return { kind: 'synced' }
    case 'receive':
      sink = state.receive(request.target)
      return { kind: 'receiving', isBlank: sink.isBlank }
    case 'take':
      return { kind: 'took', taken: must(sink, 'a reception has begun').take(request.ask, request.answer) }
    case 'finish':
      return { kind: 'finished', height: finish() }
    case 'close':
      state.close()
      port.close()
      return undefined
  }
}

port.on('message', (request: WriterRequest) => {
  try {
    const reply = handle(request)
    if (reply !== undefined) answer(reply)
  } catch (error) {
    const { message, code } = error as { message?: unknown; code?: unknown }
    answer({ kind: 'failed', message: String(message), code: typeof code === 'string' ? code : 'SQL_ENGINE' })
  }
})

answer({ kind: 'opened', height: state.head?.height, arriving: state.arriving })
