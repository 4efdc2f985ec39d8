/** A transactional variable of some memory: a `TVar` of this thread, or a `SharedTVar` that threads share. */
export abstract class Variable<T> {
  /** The value as committed now, outside of any transaction. */
  abstract get value(): T

  /**
   * The memory it lives in; a transaction stays within one.
   * @internal
   */
  abstract get memory(): object

  /**
   * The value as it was at `snapshot`, or `GONE` if that is not kept any more.
   * @internal
   */
  abstract readAt(snapshot: number): T | typeof GONE
}

/** What a variable answers when the version that a transaction needs is gone: the transaction must run again. */
export const GONE: unique symbol = Symbol('gone')
