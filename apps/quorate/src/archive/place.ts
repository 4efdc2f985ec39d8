// Where an archive is kept: names and bytes, each name written once. That one rule is all that keeps two archivers on one
// target apart, so every kind of place must keep it by itself, also across crashes: a name is there with all of its
// bytes, durable, or not at all.

/** Why a place can't be used. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError'
  /**
   * ARCHIVE_PLACE: the system or the store refused. ARCHIVE_DENIED: credentials are missing or wrong. ARCHIVE_UNSAFE: the store
   * writes over what is there, although it was asked not to. ARCHIVE_TOO_LARGE: more bytes than what is asked for may have.
   */
  readonly code: 'ARCHIVE_PLACE' | 'ARCHIVE_DENIED' | 'ARCHIVE_UNSAFE' | 'ARCHIVE_TOO_LARGE'

  constructor(code: PlaceError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** A place for an archive. All promises may reject with PlaceError. */
export interface Place {
  /** For people. */
  readonly title: string
  /** All names, in no order. */
  list(): Promise<readonly string[]>
  /** The bytes of a name; undefined where it is not there. At most `bytesMax`, or it rejects. */
  get(name: string, bytesMax: number): Promise<Uint8Array | undefined>
  /** Writes a name unless it is there; resolves when it is durable. */
  put(name: string, bytes: Uint8Array): Promise<'written' | 'exists'>
}
