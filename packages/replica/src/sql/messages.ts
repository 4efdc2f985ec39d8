// What crosses between the replica's thread and the SQL threads. Programs and outcomes travel as canonical bytes.

import type { Result } from '@quorate/kernel'
import type { Digest, Height, LedgerMember, Reply, StateAnswer, StateAsk, Statement } from '@quorate/types'
import type { SessionRecording, SessionStep } from '@quorate/sql-state'
import type { Topic } from '../feed/entry.ts'
import type { Execution } from '../host/ports.ts'
import type { StateHeight } from './state-rows.ts'
import type { Taken, WrongAnswer } from './state-sink.ts'

/** What an SQL thread is started with. */
export interface SqlWorkerOptions {
  readonly folder: string
}

/** To the writer. */
export type WriterRequest =
  | {
      readonly kind: 'execute'
      readonly height: Height
      readonly timeMs: number
      readonly seed: Digest
      readonly body: Uint8Array
    }
  | { readonly kind: 'rewind'; readonly to: Height | undefined }
  | { readonly kind: 'hold'; readonly heights: readonly Height[] }
  | { readonly kind: 'sync' }
  | { readonly kind: 'receive'; readonly target: StateHeight }
  | { readonly kind: 'take'; readonly ask: StateAsk; readonly answer: StateAnswer }
  | { readonly kind: 'finish' }
  | { readonly kind: 'members' }
  | { readonly kind: 'close' }

/** From the writer, in the order of the requests. */
export type WriterReply =
  | { readonly kind: 'opened'; readonly height: Height | undefined; readonly arriving: StateHeight | undefined }
  | { readonly kind: 'executed'; readonly execution: Execution }
  | { readonly kind: 'rewound'; readonly height: Height | undefined }
  | { readonly kind: 'held'; readonly heights: readonly Height[] }
  | { readonly kind: 'synced' }
  | { readonly kind: 'receiving'; readonly isBlank: boolean }
  | { readonly kind: 'took'; readonly taken: Result<Taken, WrongAnswer> }
  | { readonly kind: 'finished'; readonly height: Height }
  | { readonly kind: 'members'; readonly members: readonly LedgerMember[] }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string }

/** To a reader. `session` is a number that the asking side chose. */
export type ReaderRequest =
  | { readonly kind: 'read'; readonly height: Height; readonly program: Uint8Array }
  | {
      readonly kind: 'open'
      readonly session: number
      readonly height: Height
      readonly seed: Digest
      readonly isReadonly: boolean
    }
  | { readonly kind: 'step'; readonly session: number; readonly statement: Statement }
  | { readonly kind: 'describe'; readonly session: number; readonly sql: string }
  | { readonly kind: 'recording'; readonly session: number }
  | { readonly kind: 'close'; readonly session: number }

/** From a reader. */
export type ReaderReply =
  | { readonly kind: 'outcome'; readonly outcome: Uint8Array }
  | { readonly kind: 'writes' }
  /** The height is not retained any more. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'stepped'; readonly step: SessionStep; readonly open: boolean }
  | { readonly kind: 'described'; readonly reply: Reply }
  | { readonly kind: 'recorded'; readonly recording: SessionRecording | undefined }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly message: string }

/** To the thread that answers peers who ask for the database. */
export interface SourceRequest {
  readonly id: number
  readonly ask: StateAsk
}

/** From it, in any order. */
export type SourceReply =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: StateAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }

/** To the thread of the feeds: a certified block as it is stored. */
export interface FeedRequest {
  readonly topic: Topic
  readonly height: Height
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly results: Uint8Array
}
