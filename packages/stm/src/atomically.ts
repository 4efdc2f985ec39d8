// Running a body until it commits.
//
// The first attempt is made at once, in the caller's stack. If the body is synchronous and commits, which is what nearly
// all do, that is all, and nothing but the transaction itself was allocated. Otherwise a `Run` takes over: it makes
// further attempts until one commits or aborts, or time is over. It is a small state machine and not an `async` function,
// so that a wake-up leads to the next attempt in one step.

import { StmError } from './errors.ts'
import { CONFLICTS_MAX } from './line.ts'
import type { Attempt, Memory, Waiter, WaitingPlace } from './memory.ts'
import { ABORT, CONFLICT, ENDED, isThenable, OPEN, RETRY, Transaction } from './transaction.ts'
import type { Tx } from './transaction.ts'

/** Bounds on a call of `atomically`. */
export interface AtomicallyOptions {
  /** Gives up when it aborts: rejects with its `reason`. */
  readonly signal?: AbortSignal | undefined
  /** Gives up after so many milliseconds, 0 to 2^31 - 1: rejects with `TIMEOUT`. With 0 it hardly waits. */
  readonly timeoutMs?: number | undefined
}

/** The longest delay that timers know, in milliseconds. */
export const TIMEOUT_MS_MAX: number = 2 ** 31 - 1

/** Whether the synchronous part of some body is running. */
let inside = false

/** Runs the synchronous part of `body`; what it returned, or the error it threw, goes into the transaction's fate. */
function call<T>(body: (tx: Tx) => T, tx: Transaction): T {
  inside = true
  try {
    return body(tx)
  } finally {
    inside = false
  }
}

function nestedError(): StmError {
  return new StmError('NESTED', 'a transaction was started inside the body of another; use tx.nested there')
}

function timeoutError(timeoutMs: number | undefined): StmError {
  return new StmError('TIMEOUT', `the transaction did not commit within ${timeoutMs} ms`)
}

/** Runs all actions; one that throws keeps no other from running. */
function runActions(actions: readonly (() => void)[]): void {
  const causes: unknown[] = []
  for (const action of actions) {
    try {
      action()
    } catch (error) {
      causes.push(error)
    }
  }
  if (causes.length === 0) return
  const cause = causes.length === 1 ? causes[0] : new AggregateError(causes)
  throw new StmError('AFTER_COMMIT', `${causes.length} of ${actions.length} afterCommit actions threw`, { cause })
}

/**
 * Runs a synchronous body at once, in `memory`. `block` sleeps until a change wakes the attempt that it is given, or throws.
 * @throws StmError `WOULD_BLOCK`, `ASYNC_BODY`, `NESTED`, `AFTER_COMMIT`; what the body throws or aborts with.
 */
export function runSync<T>(memory: Memory, body: (tx: Tx) => T, block?: (attempt: Attempt) => void): T {
  if (inside) throw nestedError()
  for (let conflicts = 0; ; conflicts += 1) {
    const tx = new Transaction(memory, memory.begin(conflicts >= CONFLICTS_MAX))
    try {
      const value = call(body, tx)
      if (tx.state === OPEN) {
        if (isThenable(value)) throw asyncBody(value)
        if (memory.commit(tx)) {
          memory.end(tx)
          const actions = tx.end()
          if (actions !== undefined) runActions(actions)
          return value
        }
      }
    } catch (error) {
      const { state } = tx
      if (state === OPEN || state === ENDED) {
        memory.end(tx)
        tx.end()
        throw error
      }
    }
    memory.end(tx)
    try {
      if (tx.state === ABORT) throw tx.reason
      if (tx.state === RETRY) {
        if (block === undefined) throw wouldBlock()
        block(tx)
      }
    } finally {
      tx.end()
    }
  }
}

function wouldBlock(): StmError {
  return new StmError('WOULD_BLOCK', 'atomicallySync can not wait, and the body retries')
}

function asyncBody(result: PromiseLike<unknown>): StmError {
  // Nobody will look at it any more.
  result.then(undefined, () => undefined)
  return new StmError('ASYNC_BODY', 'atomicallySync takes a synchronous body, and this one returned a promise')
}

/**
 * Runs `body` in `memory` until it commits.
 * @throws (as rejections) StmError `TIMEOUT`, `BLOCKED_FOREVER`, `NESTED`, `AFTER_COMMIT`, `INVALID`; the signal's reason;
 *   what the body throws or aborts with.
 */
export function run<T>(
  memory: Memory,
  body: (tx: Tx) => T | PromiseLike<T>,
  options: AtomicallyOptions | undefined,
): Promise<T> {
  if (inside) return Promise.reject(nestedError())
  const invalid = options === undefined ? undefined : invalidity(options)
  if (invalid !== undefined) return Promise.reject(invalid)
  if (options?.signal?.aborted === true) return Promise.reject(reasonOf(options.signal))
  const tx = new Transaction(memory, memory.begin(false))
  let result: T | PromiseLike<T>
  let isDone = false
  try {
    result = call(body, tx)
    isDone = tx.state === OPEN && !isThenable(result) && !memory.isHeld(tx, undefined) && memory.commit(tx)
  } catch (error) {
    return new Promise((resolve, reject) => new Run(memory, body, options, { resolve, reject }).threw(tx, error))
  }
  if (!isDone) {
    return new Promise((resolve, reject) => new Run(memory, body, options, { resolve, reject }).returned(tx, result))
  }
  const actions = tx.end()
  return actions === undefined ? Promise.resolve(result) : settleAfter(actions, result)
}

async function settleAfter<T>(actions: readonly (() => void)[], result: T | PromiseLike<T>): Promise<T> {
  runActions(actions)
  return result
}

function invalidity({ timeoutMs }: AtomicallyOptions): StmError | undefined {
  if (timeoutMs === undefined || (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX)) return undefined
  return new StmError('INVALID', `timeoutMs is ${timeoutMs}, not 0 to ${TIMEOUT_MS_MAX}`)
}

function reasonOf(signal: AbortSignal): Error {
  // A signal's reason may be anything; it is passed on as it is.
  return signal.reason as Error
}

interface Outcome<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

let runs = 0

/** One call of `atomically` whose first attempt was not the end of it. */
class Run<T> implements Waiter {
  readonly order: number
  readonly #memory: Memory
  readonly #body: (tx: Tx) => T | PromiseLike<T>
  readonly #options: AtomicallyOptions | undefined
  readonly #outcome: Outcome<T>
  readonly #timer: NodeJS.Timeout | undefined
  readonly #onAbort: (() => void) | undefined
  #conflicts = 0
  #tx: Transaction | undefined
  /** What to do when woken, if it isn't another attempt. */
  #next: (() => void) | undefined = undefined
  places: readonly WaitingPlace[] | undefined = undefined
  #isSettled = false

  constructor(
    memory: Memory,
    body: (tx: Tx) => T | PromiseLike<T>,
    options: AtomicallyOptions | undefined,
    outcome: Outcome<T>,
  ) {
    runs += 1
    this.order = runs
    this.#memory = memory
    this.#body = body
    this.#options = options
    this.#outcome = outcome
    if (options?.timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.#reject(timeoutError(options.timeoutMs)), options.timeoutMs)
    }
    const signal = options?.signal
    if (signal !== undefined) {
      this.#onAbort = () => this.#reject(reasonOf(signal))
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  wake(): void {
    if (this.#isSettled) return
    const next = this.#next
    this.#next = undefined
    if (next === undefined) this.#attempt()
    else next()
  }

  #attempt(): void {
    let tx: Transaction
    try {
      tx = new Transaction(this.#memory, this.#memory.begin(this.#isFavoured))
    } catch (error) {
      return this.#reject(error)
    }
    let result: T | PromiseLike<T>
    try {
      result = call(this.#body, tx)
    } catch (error) {
      return this.threw(tx, error)
    }
    this.returned(tx, result)
  }

  /** The synchronous part of the body returned `result`. */
  returned(tx: Transaction, result: T | PromiseLike<T>): void {
    this.#tx = tx
    if (!isThenable(result)) return this.#decide(tx, result)
    this.#memory.suspend(tx)
    // Also a thenable of somebody's own keeps the rules then.
    void Promise.resolve(result).then(
      (value) => this.#decide(tx, value),
      (error: unknown) => this.threw(tx, error),
    )
  }

  /** The body threw, or its promise was rejected. */
  threw(tx: Transaction, error: unknown): void {
    this.#tx = tx
    if (this.#isSettled) return
    if (tx.state === OPEN) return this.#reject(error)
    this.#decideUnlessOpen(tx)
  }

  #decide(tx: Transaction, value: T): void {
    if (this.#isSettled) return
    if (tx.state !== OPEN) return this.#decideUnlessOpen(tx)
    try {
      if (this.#memory.isHeld(tx, this)) {
        this.#next = () => this.#decide(tx, value)
        return
      }
      if (!this.#memory.commit(tx)) return this.#conflict(tx)
      const actions = this.#end(tx)
      this.#settle()
      if (actions !== undefined) runActions(actions)
    } catch (error) {
      this.#settle()
      return this.#outcome.reject(error)
    }
    this.#outcome.resolve(value)
  }

  #decideUnlessOpen(tx: Transaction): void {
    if (tx.state === CONFLICT) return this.#conflict(tx)
    if (tx.state === RETRY) return this.#sleep(tx)
    this.#reject(tx.reason)
  }

  #conflict(tx: Transaction): void {
    this.#conflicts += 1
    this.#memory.lost(tx, this, this.#isFavoured)
    this.#end(tx)
    if (this.#memory.mayStart(this)) this.#again()
  }

  #sleep(tx: Transaction): void {
    const canEnd = this.#options?.timeoutMs !== undefined || this.#options?.signal !== undefined
    if (!canEnd && tx.log.reads().length === 0) {
      return this.#reject(new StmError('BLOCKED_FOREVER', 'retry before anything was read, without timeout or signal'))
    }
    this.#memory.cancel(this)
    const sleeps = this.#memory.wait(tx, this)
    this.#end(tx)
    if (!sleeps) this.#again()
  }

  #again(): void {
    queueMicrotask(() => {
      if (!this.#isSettled) this.#attempt()
    })
  }

  get #isFavoured(): boolean {
    return this.#conflicts >= CONFLICTS_MAX
  }

  #end(tx: Transaction): readonly (() => void)[] | undefined {
    this.#memory.end(tx)
    this.#tx = undefined
    return tx.end()
  }

  #reject(error: unknown): void {
    if (this.#isSettled) return
    this.#settle()
    this.#outcome.reject(error)
  }

  /** Nothing of this call is left anywhere. */
  #settle(): void {
    this.#isSettled = true
    if (this.#tx !== undefined) this.#end(this.#tx)
    this.#memory.cancel(this)
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.#options?.signal?.removeEventListener('abort', this.#onAbort)
  }
}
