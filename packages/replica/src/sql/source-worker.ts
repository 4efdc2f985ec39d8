// The thread that answers peers who ask for the database: reading and proving 128 pages takes milliseconds, for which neither
// votes nor clients' reads should wait.

import { parentPort, workerData } from 'node:worker_threads'
import { must } from '@quorate/kernel'
import type { SourceReply, SourceRequest, SqlWorkerOptions } from './messages.ts'
import { StateReader } from './state-file.ts'
import { StateSource } from './state-source.ts'

const port = must(parentPort ?? undefined, 'the state source runs as a thread')
const { folder } = workerData as SqlWorkerOptions
const source = new StateSource(new StateReader(folder))

port.on('message', ({ id, ask }: SourceRequest) => {
  try {
    const answer = source.answer(ask)
    const given: Uint8Array[] = []
    if (answer.kind !== 'refused') given.push(answer.proof, answer.kind === 'pages' ? answer.pages : answer.hashes)
    const buffers = new Set(given.map((bytes) => bytes.buffer as ArrayBuffer))
    port.postMessage({ kind: 'answer', id, answer } satisfies SourceReply, [...buffers])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    port.postMessage({ kind: 'failed', id, message } satisfies SourceReply)
  }
})
