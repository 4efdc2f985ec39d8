/**
 * Why a session ended early, or why an operation was refused.
 * - `DISCONNECTED`: the connection is gone.
 * - `TIMEOUT`: the other side sent nothing, or made no room, for the state's `timeoutMs`.
 * - `VIOLATION`: a message that is not legal in this state, or an operation that is not.
 * - `DECODE`: a legal message whose body is malformed.
 * - `ABORTED`: one side gave up; `got` says whose words these are and what they say.
 * - `LIMIT`: something is larger, or there is more of it, than allowed.
 * - `CONSUMED`: a channel was used twice. The session itself goes on.
 */
export type SessionCode = 'DISCONNECTED' | 'TIMEOUT' | 'VIOLATION' | 'DECODE' | 'ABORTED' | 'LIMIT' | 'CONSUMED'

/** What every operation of a session rejects with. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionCode
  /** The protocol's name. */
  readonly protocol: string
  /** Name of the state in which it happened. */
  readonly state: string
  /** What should have come. */
  readonly expected: string
  /** What came instead. A peer's words among it are cut to a bounded length. */
  readonly got: string

  constructor(
    code: SessionCode,
    where: { readonly protocol: string; readonly state: string },
    mismatch: { readonly expected: string; readonly got: string },
    options?: ErrorOptions,
  ) {
    super(`${where.protocol}: ${code} in ${where.state}: ${mismatch.expected} expected, got ${mismatch.got}`, options)
    this.code = code
    this.protocol = where.protocol
    this.state = where.state
    this.expected = mismatch.expected
    this.got = mismatch.got
  }
}
