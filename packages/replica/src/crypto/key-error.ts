/** Why a member key can't be used. Every message names the file. */
export type KeyErrorCode =
  /** No such file. */
  | 'KEY_MISSING'
  /** Creating would overwrite a key. */
  | 'KEY_EXISTS'
  /** Group or others may read the file. */
  | 'KEY_EXPOSED'
  /** Not a PEM PKCS#8 private key, or encrypted. */
  | 'KEY_MALFORMED'
  /** A private key, but not ed25519. */
  | 'KEY_TYPE'
  /** The operating system refused. */
  | 'KEY_IO'

/** A member key that can't be read or made. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
  readonly code: KeyErrorCode

  constructor(code: KeyErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
