/** What went wrong with a request. Codes of the server (SQLITE_CONSTRAINT, ID_REUSED, ...) come through as they are. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  /**
   * Stable code. Own codes: UNREACHABLE (no answer from any replica; nothing or an unknown thing was done),
   * OUTCOME_UNKNOWN (a write was sent and no attempt brought its outcome: send it again with the same id), BAD_ANSWER
   * (not what the protocol says).
   */
  readonly code: string
  /** Id of the transaction, where the request was one. */
  readonly id: string | undefined

  constructor(code: string, message: string, id?: string) {
    super(message)
    this.code = code
    this.id = id
  }
}
