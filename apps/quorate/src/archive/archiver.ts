// Copies a ledger into an archive, block by block, each checked before it is kept, and cut into segments that are written once.
//
// Two archivers on one target race for each segment's name, and one of them loses. What the loser had gathered is then in the
// winner's segment, or will be in the next: it looks at what is there, checks it, and goes on behind it. So the target is
// always one row of segments, whoever wrote which.
//
// A segment is closed when it is full, when there is nothing more to copy, and, while following, when its oldest block
// has waited long enough.

import { must } from '@quorate/kernel'
import type { WholeBlock } from '@quorate/types'
import { height } from '@quorate/types'
import { segmentName } from './archive.ts'
import type { Archive } from './archive.ts'
import { ArchiveError } from './archive-error.ts'
import { Chain } from './chain.ts'
import type { Manifest } from './manifest.ts'
import { manifestOf } from './manifest.ts'
import { markArchive } from './mark.ts'
import { PlaceError } from './place.ts'
import { encodeSegment, PREAMBLE_BYTES, readPreamble, recordBytes, SEGMENT_LIMITS } from './segment.ts'
import type { Sources } from './source.ts'

/** How to archive. */
export interface ArchiverOptions {
  /** Most blocks of a segment, up to `SEGMENT_LIMITS.blocksMax`. */
  readonly blocksMax: number
  /** Go on when everything there is has been copied: a block then waits so long, in milliseconds, for its segment to be closed. */
  readonly followMs: number | undefined
  /** Ends it: what is gathered is written, and that is all. */
  readonly signal: AbortSignal
  /** A segment was written. `tip` is the newest height that the source has. */
  readonly onSegment: (manifest: Manifest, tip: number) => void
  /** Something went wrong that may pass. */
  readonly onTrouble: (message: string) => void
}

/** Pause between two looks for new blocks. */
const LOOK_MS = 500
/** Pauses after failures in a row, and how many there may be unless it follows. */
const FAILURE_MS_MIN = 200
const FAILURE_MS_MAX = 5000
const FAILURES_MAX = 6

/** One run over one archive. */
export class Archiver {
  readonly #archive: Archive
  readonly #sources: Sources
  readonly #options: ArchiverOptions
  #chain: Chain
  #blocks: WholeBlock[] = []
  #bytes = PREAMBLE_BYTES
  /** When the oldest gathered block came. */
  #sinceMs = 0
  #tip = -1
  #failures = 0
  /** Lowest height that a source which has pruned the next block still keeps; of all that were asked in a row. */
  #gone: { asked: number; lowest: number | undefined } = { asked: 0, lowest: undefined }

  constructor(archive: Archive, sources: Sources, options: ArchiverOptions) {
    this.#archive = archive
    this.#sources = sources
    this.#options = options
    this.#chain = new Chain(archive.genesis)
  }

  /** Runs to the end, or until it is told to stop. @throws ArchiveError, PlaceError */
  async run(): Promise<void> {
    await markArchive(this.#archive.place, this.#archive.ledger)
    await this.#resume()
    const { signal, followMs } = this.#options
    while (!signal.aborted) {
      const hasMore = await this.#gather()
      const isOld = followMs !== undefined && Date.now() - this.#sinceMs >= followMs
      if (isOld && this.#blocks.length > 0) await this.#close()
      if (hasMore) continue
      if (followMs === undefined) break
      await this.#pause(Math.min(LOOK_MS, followMs))
    }
    if (this.#blocks.length > 0) await this.#close()
  }

  /** Stands behind what is there. */
  async #resume(): Promise<void> {
    this.#chain = new Chain(this.#archive.genesis, await this.#archive.end())
    for (const manifest of this.#archive.unwritten) await this.#archive.describe(manifest)
    this.#blocks = []
    this.#bytes = PREAMBLE_BYTES
  }

  /** Takes what the source has next. False where it has nothing more now. */
  async #gather(): Promise<boolean> {
    const next = this.#chain.place.height + 1
    const given = await this.#sources.ask(next)
    switch (given.kind) {
      case 'failed':
        return this.#failed(given.message)
      case 'gone':
        return this.#isGone(next, given.lowest)
      case 'blocks':
        break
    }
    if (given.blocks.length === 0 && given.tip >= next) return this.#failed(`it has block ${given.tip}, and gives none`)
    this.#tip = given.tip
    this.#gone = { asked: 0, lowest: undefined }
    for (const block of given.blocks) {
      const checked = this.#chain.add(block)
      if (!checked.ok) {
        const { code, message } = checked.error
        return this.#failed(`its block ${this.#chain.place.height + 1} is none: ${code}: ${message}`)
      }
      this.#failures = 0
      // Others were quicker: what is left of this answer is in their segment, or comes again.
      if (!(await this.#keep(block))) return true
    }
    return this.#chain.place.height < given.tip
  }

  /** False where what was gathered is void. */
  async #keep(block: WholeBlock): Promise<boolean> {
    const bytes = recordBytes(block)
    if (this.#blocks.length > 0 && this.#bytes + bytes > SEGMENT_LIMITS.bytesMax && !(await this.#close())) return false
    if (this.#blocks.length === 0) this.#sinceMs = Date.now()
    this.#blocks.push(block)
    this.#bytes += bytes
    return this.#blocks.length < this.#options.blocksMax || this.#close()
  }

  /** Writes what is gathered as a segment. False where others did before. */
  async #close(): Promise<boolean> {
    const archive = this.#archive
    const first = height(archive.height + 1)
    const bytes = encodeSegment(archive.ledger, first, this.#blocks)
    if ((await archive.place.put(segmentName(first), bytes)) === 'exists') {
      this.#options.onTrouble(`${segmentName(first)} was written by somebody else; going on behind it`)
      await archive.refresh()
      if (archive.height < first) {
        const message = `${archive.place.title}: ${segmentName(first)} is there, it says, and does not list it`
        throw new PlaceError('ARCHIVE_PLACE', message)
      }
      await this.#resume()
      return false
    }
    const preamble = readPreamble(bytes)
    const manifest = manifestOf(bytes, must(preamble.ok ? preamble.value : undefined, 'our own segment'), this.#blocks)
    await archive.append(manifest)
    this.#blocks = []
    this.#bytes = PREAMBLE_BYTES
    this.#options.onSegment(manifest, this.#tip)
    return true
  }

  async #failed(message: string): Promise<boolean> {
    const what = `${this.#sources.current.title}: ${message}`
    this.#sources.next()
    this.#failures += 1
    const isLast = this.#options.followMs === undefined && this.#failures >= FAILURES_MAX * this.#sources.count
    if (isLast) throw new ArchiveError('ARCHIVE_SOURCE', `no block ${this.#chain.place.height + 1}: ${what}`)
    this.#options.onTrouble(what)
    // Others are asked at once.
    if (this.#failures % this.#sources.count !== 0) return true
    const rounds = Math.floor(this.#failures / this.#sources.count)
    await this.#pause(Math.min(FAILURE_MS_MAX, FAILURE_MS_MIN * 2 ** Math.min(rounds, 10)))
    return true
  }

  #isGone(next: number, lowest: number | undefined): boolean {
    const { title } = this.#sources.current
    const least =
      this.#gone.lowest === undefined || (lowest ?? Infinity) < this.#gone.lowest ? lowest : this.#gone.lowest
    this.#gone = { asked: this.#gone.asked + 1, lowest: least }
    this.#sources.next()
    if (this.#gone.asked < this.#sources.count) return true
    const kept = least === undefined ? '' : `; the lowest height still held is ${least}`
    throw new ArchiveError('ARCHIVE_GONE', `block ${next} is no longer kept by ${title}, nor by others named${kept}`)
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#options
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end)
    })
  }
}
