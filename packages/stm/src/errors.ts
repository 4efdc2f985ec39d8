/**
 * Why a transaction could not be run or was ended. Stable: programs may switch on it.
 *
 * - `WOULD_BLOCK`: `atomicallySync` reached `retry` and was not told how long to wait.
 * - `BLOCKED_FOREVER`: `retry` before anything was read, with neither a timeout nor a signal: nothing could wake it.
 * - `TIMEOUT`: `timeoutMs` passed before the commit.
 * - `ENDED`: a transaction was used after its end.
 * - `NESTED`: a transaction was started inside the synchronous part of another one's body; `tx.nested` is for that.
 * - `INTERLEAVED`: two `nested` or `orElse` scopes of one transaction overlap without one enclosing the other.
 * - `ASYNC_BODY`: `atomicallySync` was given a body that returns a promise.
 * - `MIXED`: a transaction touched variables of two memories.
 * - `AFTER_COMMIT`: an `afterCommit` action threw; the transaction itself is committed.
 * - `LEFT`: what `retry` and `abort` throw to leave the body. Nobody receives it unless a body catches it.
 * - `INVALID`: an argument out of its range.
 * - `LOCK_HELD`: another thread has held a shared heap's commit lock beyond its bound: it died or hangs.
 * - `HEAP_FULL`: a shared heap has no room for another variable.
 * - `TOO_LARGE`: a value does not fit into its shared variable.
 */
export type StmErrorCode =
  | 'WOULD_BLOCK'
  | 'BLOCKED_FOREVER'
  | 'TIMEOUT'
  | 'ENDED'
  | 'NESTED'
  | 'INTERLEAVED'
  | 'ASYNC_BODY'
  | 'MIXED'
  | 'AFTER_COMMIT'
  | 'LEFT'
  | 'INVALID'
  | 'LOCK_HELD'
  | 'HEAP_FULL'
  | 'TOO_LARGE'

/** Every error this package makes itself. What a body throws or aborts with comes out as it is. */
export class StmError extends Error {
  override readonly name = 'StmError'
  readonly code: StmErrorCode

  constructor(code: StmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
