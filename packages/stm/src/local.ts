import type { AtomicallyOptions } from './atomically.ts'
import { run, runSync } from './atomically.ts'
import type { Tx } from './transaction.ts'
import { LOCAL } from './tvar.ts'

/**
 * Runs `body` as one transaction on this thread's variables: all of it happens at one moment, or none of it. It may run
 * several times, so it does nothing but compute and use `tx`; `tx.afterCommit` is for the rest. It may await, one thing
 * at a time; what it reads stays one consistent state. Resolves with what the body returned, once that is committed.
 * @throws (as rejections) StmError `TIMEOUT`, `BLOCKED_FOREVER`, `NESTED`, `INTERLEAVED`, `MIXED`, `AFTER_COMMIT`,
 *   `INVALID`; the signal's reason; what the body throws or aborts with.
 */
export function atomically<T>(body: (tx: Tx) => T | PromiseLike<T>, options?: AtomicallyOptions): Promise<T> {
  return run(LOCAL, body, options)
}

/**
 * Runs a synchronous body as one transaction, at once.
 * @throws StmError `WOULD_BLOCK` if it retries, `ASYNC_BODY` if it returns a promise, `NESTED`, `MIXED`, `AFTER_COMMIT`; what
 *   the body throws or aborts with.
 */
export function atomicallySync<T>(body: (tx: Tx) => T): T {
  return runSync(LOCAL, body)
}
