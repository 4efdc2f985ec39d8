import type { Digest } from '@quorate/types'
import type { Archive } from './archive.ts'
import { ArchiveError } from './archive-error.ts'

/** What a whole archive proves. */
export interface ArchiveProof {
  readonly height: number
  readonly hash: Digest
  readonly stateRoot: Digest
  readonly timeMs: number
  readonly segments: number
  readonly bytes: number
  /** Committees that certified blocks, the founders' as one. */
  readonly views: number
  /** Fewest and most signers of a block, and the seats of its committee. */
  readonly fewest: { readonly signers: number; readonly seats: number; readonly height: number }
  readonly most: { readonly signers: number; readonly seats: number; readonly height: number }
  /** Names of manifests that are missing; the next `quorate archive` writes them. */
  readonly unwritten: number
}

/**
 * Checks every block of an archive, from genesis.json alone.
 * @throws ArchiveError naming the first bad segment, record and reason; PlaceError
 */
export async function verifyArchive(
  archive: Archive,
  onBlock: (height: number, to: number) => void,
): Promise<ArchiveProof> {
  let last: Pick<ArchiveProof, 'height' | 'hash' | 'stateRoot' | 'timeMs'> | undefined
  let [fewest, most]: (ArchiveProof['fewest'] | undefined)[] = []
  const views = new Set<string>()
  for await (const { checked } of archive.blocks(0)) {
    const { height, hash, header, signers, seats } = checked
    const one = { signers, seats, height }
    if (fewest === undefined || signers < fewest.signers) fewest = one
    if (most === undefined || signers > most.signers) most = one
    views.add(header.view)
    last = { height, hash, stateRoot: header.stateRoot, timeMs: header.timeMs }
    onBlock(height, archive.height)
  }
  if (last === undefined || fewest === undefined || most === undefined)
    throw new ArchiveError('ARCHIVE_EMPTY', `${archive.place.title} holds no segment`)
  return {
    ...last,
    segments: archive.manifests.length,
    bytes: archive.manifests.reduce((sum, { bytes }) => sum + bytes, 0),
    views: views.size,
    fewest,
    most,
    unwritten: archive.unwritten.length,
  }
}
