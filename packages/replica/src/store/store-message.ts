import type { StoreAnswers, StoreRead, StoreRecord } from './record.ts'
import type { StoreErrorCode } from './store-error.ts'

/** To the store's thread. */
export type StoreRequest =
  | { readonly kind: 'append'; readonly id: number; readonly records: readonly StoreRecord[] }
  | { readonly kind: 'read'; readonly id: number; readonly read: StoreRead }
  | { readonly kind: 'close' }

/** From the store's thread. */
export type StoreReply =
  | { readonly kind: 'opened' }
  /** These appends are durable. */
  | { readonly kind: 'appended'; readonly ids: readonly number[] }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: StoreAnswers[StoreRead['kind']] }
  /** The end: nothing asked before or after will be answered. */
  | { readonly kind: 'failed'; readonly code: StoreErrorCode; readonly message: string }
  | { readonly kind: 'closed' }
