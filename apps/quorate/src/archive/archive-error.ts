/** Why an archive can't be used as it is. */
export type ArchiveErrorCode =
  /** It is of another ledger than genesis.json. */
  | 'ARCHIVE_LEDGER'
  /** There is nothing in it. */
  | 'ARCHIVE_EMPTY'
  /** Something in the target is no part of an archive that this software knows. */
  | 'ARCHIVE_FORMAT'
  /** It ends below the height that is wanted. */
  | 'ARCHIVE_ENDS'
  /** A segment is missing between others, or the heights of two don't fit. */
  | 'ARCHIVE_GAP'
  /** A segment, or a manifest, is not what it was or never was right. */
  | 'ARCHIVE_BAD'
  /** The next block is no longer kept by those who were asked. */
  | 'ARCHIVE_GONE'
  /** Nobody gave the next block. */
  | 'ARCHIVE_SOURCE'

/** Trouble with an archive. The message names segment, record and reason where there is one. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly code: ArchiveErrorCode

  constructor(code: ArchiveErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
