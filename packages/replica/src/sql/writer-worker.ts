// The writer's thread: executes blocks one after the other and keeps state.db. Whatever it throws is local trouble: the
// answer says so, and the replica stops.

import { parentPort, workerData } from 'node:worker_threads'
import { assert, must } from '@quorate/kernel'
import type { BlockContent } from '@quorate/sql-state'
import { executeBlock, pageHash, StateTree } from '@quorate/sql-state'
import {
  decodeBody,
  decodeGenesis,
  hashOf,
  merkleRoot,
  outcomeHash,
  transactionHash,
  transactionsOf,
} from '@quorate/types'
import type { Execution } from '../host/ports.ts'
import { loadEngine } from './load-engine.ts'
import type { SqlWorkerOptions, WriterReply, WriterRequest } from './messages.ts'
import { encodeOutcomes } from './outcome-list.ts'
import { StateFile } from './state-file.ts'

const port = must(parentPort ?? undefined, 'the SQL writer runs as a thread')
const { folder } = workerData as SqlWorkerOptions
const state = new StateFile(folder)
const engine = await loadEngine()
let tree = plant()

function plant(): StateTree {
  const fresh = new StateTree()
  fresh.update(state.head?.pageCount ?? 0, state.hashes())
  assert(
    state.head === undefined || fresh.root === state.head.stateRoot,
    `state.db hashes to ${fresh.root}, it says ${state.head?.stateRoot}`,
  )
  return fresh
}

function contentOf(body: Uint8Array): BlockContent {
  const decoded = decodeBody(body)
  assert(decoded.ok, 'a body to be executed decodes')
  if (decoded.value.kind === 'executions') return { kind: 'executions', transactions: transactionsOf(decoded.value) }
  const genesis = decodeGenesis(decoded.value.genesis)
  assert(genesis.ok, 'a genesis body holds a genesis')
  const ledger = hashOf('genesis', decoded.value.genesis)
  return { kind: 'genesis', ledger, members: genesis.value.founders, sql: genesis.value.sql }
}

function execute({ height, timeMs, seed, body }: WriterRequest & { kind: 'execute' }): Execution {
  assert((state.head?.height ?? -1) + 1 === height, `block ${height} on a database at height ${state.head?.height}`)
  const content = contentOf(body)
  const { outcomes, ids, pages, gas } = executeBlock(engine, state.pages, { height, timeMs, seed }, content)
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
  }
}

function answer(reply: WriterReply): void {
  port.postMessage(reply)
}

port.on('message', (request: WriterRequest) => {
  try {
    switch (request.kind) {
      case 'execute':
        answer({ kind: 'executed', execution: execute(request) })
        return
      case 'rewind':
        state.rewind(request.to)
        tree = plant()
        answer({ kind: 'rewound', height: state.head?.height })
        return
      case 'close':
        state.close()
        port.close()
    }
  } catch (error) {
    const { message, code } = error as { message?: unknown; code?: unknown }
    answer({ kind: 'failed', message: String(message), code: typeof code === 'string' ? code : 'SQL_ENGINE' })
  }
})

answer({ kind: 'opened', height: state.head?.height, stateRoot: state.head?.stateRoot })
