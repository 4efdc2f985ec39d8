// A replica's data folder from an archive: every block is checked, executed and compared. It may be stopped at any moment, and
// goes on where it was.

import { Rebuild, REBUILD_BATCH_MAX } from '@quorate/replica'
import type { Digest, WholeBlock } from '@quorate/types'
import type { Archive } from './archive.ts'
import { ArchiveError } from './archive-error.ts'

/** How to restore. */
export interface RestoreOptions {
  readonly archive: Archive
  readonly dataDir: string
  /** The last height; undefined for all there is. */
  readonly toHeight: number | undefined
  readonly signal: AbortSignal
  /** Blocks up to `at` are in the folder. `again`: they were there, and are only executed again. */
  readonly onProgress: (at: number, to: number, again: boolean) => void
}

/** What is in the folder afterwards. */
export interface Restored {
  readonly height: number
  readonly stateRoot: Digest | undefined
  /** Blocks that were added. */
  readonly added: number
}

/** Bytes of blocks after which a batch is closed. */
const BATCH_BYTES = 16 * 1024 * 1024

/** @throws ArchiveError, PlaceError, RebuildError, StoreError, SqlThreadError, RecoveryError */
export async function restoreArchive(options: RestoreOptions): Promise<Restored> {
  const { archive, dataDir, toHeight, onProgress } = options
  const to = toHeight ?? archive.height
  if (archive.height < 0) throw new ArchiveError('ARCHIVE_EMPTY', `${archive.place.title} holds no segment`)
  if (to > archive.height)
    throw new ArchiveError('ARCHIVE_ENDS', `the archive ends at height ${archive.height}, wanted is ${to}`)
  const rebuild = await Rebuild.open(dataDir, archive.genesis, (at, tip) => onProgress(at, tip, true))
  try {
    const before = rebuild.next
    if (before <= to) await fill(rebuild, options, to)
    return { height: rebuild.next - 1, stateRoot: rebuild.stateRoot, added: rebuild.next - before }
  } finally {
    await rebuild.close()
  }
}

async function fill(rebuild: Rebuild, { archive, signal, onProgress }: RestoreOptions, to: number): Promise<void> {
  const segment = archive.segmentOf(Math.max(0, rebuild.next - 1)) ?? 0
  let batch: WholeBlock[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    await rebuild.add(batch)
    batch = []
    bytes = 0
    onProgress(rebuild.next - 1, to, false)
  }
  for await (const { block, checked } of archive.blocks(segment)) {
    if (signal.aborted || checked.height > to) break
    if (checked.height === rebuild.next - 1 && batch.length === 0) await rebuild.meet(block)
    if (checked.height < rebuild.next) continue
    batch.push(block)
    bytes += block.body.length + block.results.length
    if (batch.length === REBUILD_BATCH_MAX || bytes >= BATCH_BYTES) await flush()
  }
  if (batch.length > 0) await flush()
}
