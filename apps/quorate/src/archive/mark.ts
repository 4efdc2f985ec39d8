// The first thing written to a target, and the proof that it keeps its one rule: that what is there is not written over. A
// store that ignores the wish, as some that speak S3 do, would let two archivers spoil each other's work in silence.

import { utf8, utf8Text } from '@quorate/kernel'
import type { Digest } from '@quorate/types'
import { ArchiveError } from './archive-error.ts'
import type { Place } from './place.ts'
import { PlaceError } from './place.ts'

/** Name of the mark. */
export const MARK_NAME = 'archive.json'
const MARK_BYTES_MAX = 4096

/** Marks a target as the archive of `ledger`, or finds that it is. @throws ArchiveError ARCHIVE_LEDGER; PlaceError */
export async function markArchive(place: Place, ledger: Digest): Promise<void> {
  const mark = utf8(`${JSON.stringify({ format: 'quorate-archive', version: 1, ledger })}\n`)
  if ((await place.put(MARK_NAME, mark)) === 'written') {
    if ((await place.put(MARK_NAME, mark)) === 'exists') return
    throw new PlaceError(
      'ARCHIVE_UNSAFE',
      `${place.title}: the store writes over what is there; it can't keep an archive`,
    )
  }
  const bytes = await place.get(MARK_NAME, MARK_BYTES_MAX)
  const found = utf8Text(bytes ?? new Uint8Array(0))
  if (found === utf8Text(mark)) return
  const message = `${place.title}: ${MARK_NAME} says ${JSON.stringify(found?.trim())}, the ledger is ${ledger}`
  throw new ArchiveError('ARCHIVE_LEDGER', message)
}
