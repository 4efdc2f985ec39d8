// A reader's thread: reads at any retained height, and interactive sessions on snapshots of their own.

import { parentPort, workerData } from 'node:worker_threads'
import { decode, must } from '@quorate/kernel'
import { LocalTrouble, Reader, Session } from '@quorate/sql-state'
import type { Height } from '@quorate/types'
import { encodeOutcome, readProgram } from '@quorate/types'
import { loadEngine } from './load-engine.ts'
import type { ReaderReply, ReaderRequest, SqlWorkerOptions } from './messages.ts'
import { StateReader } from './state-file.ts'

/** Heights kept open: the newest is asked for again and again. */
const OPEN_HEIGHTS_MAX = 3

/** Interactive sessions at once: each holds its changed pages and a page cache in the engine's heap. */
const SESSIONS_MAX = 512

const port = must(parentPort ?? undefined, 'an SQL reader runs as a thread')
const { folder } = workerData as SqlWorkerOptions
const engine = await loadEngine()
let state: StateReader | undefined
const readers = new Map<Height, Reader>()
const sessions = new Map<number, Session>()

/** The file appears with the first block. */
function stateReader(): StateReader {
  state ??= new StateReader(folder)
  return state
}

function readerAt(height: Height): Reader | undefined {
  const open = readers.get(height)
  if (open !== undefined) return open
  const at = stateReader().at(height)
  if (at === undefined) return undefined
  const reader = new Reader(engine, stateReader().pages(at), at)
  readers.set(height, reader)
  for (const oldest of readers.keys()) {
    if (readers.size <= OPEN_HEIGHTS_MAX) break
    forget(oldest)
  }
  return reader
}

function forget(height: Height): void {
  readers.get(height)?.close()
  readers.delete(height)
}

function read({ height, program }: ReaderRequest & { kind: 'read' }): ReaderReply {
  const reader = readerAt(height)
  if (reader === undefined) return { kind: 'gone' }
  const decoded = decode(program, readProgram)
  if (!decoded.ok) return { kind: 'failed', message: decoded.error.message }
  const result = reader.read(decoded.value)
  return result.kind === 'writes' ? result : { kind: 'outcome', outcome: encodeOutcome(result.outcome) }
}

function open({ session, height, seed, isReadonly }: ReaderRequest & { kind: 'open' }): ReaderReply {
  if (sessions.size >= SESSIONS_MAX)
    return { kind: 'failed', message: `more than ${SESSIONS_MAX} interactive transactions` }
  const at = stateReader().at(height)
  if (at === undefined) return { kind: 'gone' }
  sessions.set(session, new Session(engine, stateReader().pages(at), { timeMs: at.timeMs, seed, isReadonly }))
  return { kind: 'opened' }
}

function close(number: number): ReaderReply {
  sessions.get(number)?.close()
  sessions.delete(number)
  return { kind: 'closed' }
}

function inSession(request: ReaderRequest & { kind: 'step' | 'describe' | 'recording' }): ReaderReply {
  const session = sessions.get(request.session)
  if (session === undefined) return { kind: 'failed', message: `no session ${request.session}` }
  switch (request.kind) {
    case 'step': {
      const step = session.step(request.statement)
      if (step.kind === 'closed') close(request.session)
      return { kind: 'stepped', step, open: step.kind === 'open' }
    }
    case 'describe':
      return { kind: 'described', reply: session.describe(request.sql) }
    case 'recording':
      return { kind: 'recorded', recording: session.recording() }
  }
}

function handle(request: ReaderRequest): ReaderReply {
  switch (request.kind) {
    case 'read':
      return read(request)
    case 'open':
      return open(request)
    case 'step':
    case 'describe':
    case 'recording':
      return inSession(request)
    case 'close':
      return close(request.session)
  }
}

port.on('message', ({ id, request }: { readonly id: number; readonly request: ReaderRequest }) => {
  let reply: ReaderReply
  try {
    reply = handle(request)
  } catch (error) {
    // The engine is broken, and with it every snapshot on it: the thread ends, and another takes its place.
    if (error instanceof LocalTrouble) throw error
    // Reading must never stop the replica: this request fails, and the snapshot it ran on is not used again.
    reply = { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    if (request.kind === 'read') forget(request.height)
    else close(request.session)
  }
  port.postMessage({ id, reply })
})
