// The store's thread. Group commit: everything that arrived while one commit waited for the disk goes into the next, so
// the number of fsyncs does not grow with the number of appends. Questions are answered after the commit of what came
// before them.
//
// The first error is the last thing this thread says. After a failed fsync nobody knows what the disk holds, so going
// on, or trying again, could acknowledge what is lost.

import { assert } from '@quorate/kernel'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { StoreOptions } from './ledger-file.ts'
import { LedgerFile } from './ledger-file.ts'
import type { StoreRecord } from './record.ts'
import { recordBytes } from './record.ts'
import { toStoreError } from './store-error.ts'
import type { StoreReply, StoreRequest } from './store-message.ts'

/** A commit takes no further append once it holds this much. */
const COMMIT_BYTES_MAX = 64 * 1024 * 1024

const port = parentPort
assert(port !== null, 'runs as a worker thread')

function reply(message: StoreReply): void {
  port?.postMessage(message)
}

function open(): LedgerFile | undefined {
  try {
    return new LedgerFile(workerData as StoreOptions)
  } catch (error) {
    fail(error)
    return undefined
  }
}

function fail(error: unknown): void {
  const { code, message } = toStoreError(error, 'running', 'ledger store')
  reply({ kind: 'failed', code, message })
  port?.close()
}

function* recordsOf(appends: readonly Extract<StoreRequest, { kind: 'append' }>[]): Iterable<StoreRecord> {
  for (const append of appends) yield* append.records
}

/** The next request that is here already. */
function arrived(): StoreRequest | undefined {
  return port === null ? undefined : (receiveMessageOnPort(port)?.message as StoreRequest | undefined)
}

/** Serves the request and all that have arrived with it. True where the store was closed. */
function serve(file: LedgerFile, first: StoreRequest): boolean {
  const appends: Extract<StoreRequest, { kind: 'append' }>[] = []
  const reads: Extract<StoreRequest, { kind: 'read' }>[] = []
  let closing = false
  let size = 0
  for (let request: StoreRequest | undefined = first; request !== undefined;) {
    if (request.kind === 'append') {
      appends.push(request)
      for (const record of request.records) size += recordBytes(record)
    } else if (request.kind === 'read') reads.push(request)
    else closing = true
    request = size >= COMMIT_BYTES_MAX ? undefined : arrived()
  }
  if (appends.length > 0) {
    file.write(recordsOf(appends))
    reply({ kind: 'appended', ids: appends.map((append) => append.id) })
  }
  for (const { id, read } of reads) reply({ kind: 'answer', id, answer: file.read(read) })
  if (closing) {
    file.close()
    reply({ kind: 'closed' })
    port?.close()
  }
  return closing
}

function run(file: LedgerFile): void {
  let ended = false
  let tidying = false
  const guarded = (action: () => void): void => {
    if (ended) return
    try {
      action()
    } catch (error) {
      ended = true
      fail(error)
    }
  }
  const tidyLater = (): void => {
    if (tidying || ended || !file.isUntidy) return
    tidying = true
    // One step a turn, so that requests come in between.
    setImmediate(() => {
      tidying = false
      guarded(() => file.tidy())
      tidyLater()
    })
  }
  port?.on('message', (request: StoreRequest) => {
    guarded(() => {
      ended = serve(file, request)
    })
    tidyLater()
  })
  reply({ kind: 'opened' })
  tidyLater()
}

const file = open()
if (file !== undefined) run(file)
