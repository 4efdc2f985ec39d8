import type { Result } from './result.ts'

/** A broken invariant of our own: a bug or corrupt local state. A peer's or client's bytes can never raise it. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Stops the replica when `condition` is false. Use it for our own invariants only; what a peer sends is a `Result`. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what)
}

/** The value, or an assertion: for look-ups that our own invariants guarantee. */
export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AssertionError(what)
  return value
}

/** The value of a result that our own invariants make good, such as decoding what we encoded ourselves. */
export function unwrap<T>(result: Result<T, { readonly message: string }>, what: string): T {
  if (!result.ok) throw new AssertionError(`${what}: ${result.error.message}`)
  return result.value
}

/** Ends every `switch` over a union: the compiler proves that no case is left. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
