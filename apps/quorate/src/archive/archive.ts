// An archive that is read: its segments in order, and the way to any of them.
//
// To continue an archive, or to read from its middle, one needs the committee of that height, which only the chain from
// genesis tells. Reading all of it first would make every start as long as the ledger. So the manifests hold the blocks that
// seat committees: from genesis.json they are followed and checked like any view chain, and the segment in question is then
// checked block by block with the committee found. A manifest that lies can only make that fail.

import { must } from '@quorate/kernel'
import type { Digest, Genesis, Seated, WholeBlock } from '@quorate/types'
import { ledgerId, millis } from '@quorate/types'
import { ArchiveError } from './archive-error.ts'
import type { CheckedBlock, Place as ChainPlace } from './chain.ts'
import { BEGINNING, Chain, seatedBy } from './chain.ts'
import type { Manifest } from './manifest.ts'
import { MANIFEST_BYTES_MAX, manifestOf, parseManifest, printManifest } from './manifest.ts'
import type { Place } from './place.ts'
import type { SegmentError } from './segment.ts'
import { blocksOf, readPreamble } from './segment.ts'

/** Most bytes of a segment that is read: one block may be larger than segments usually are. */
export const SEGMENT_BYTES_READ_MAX: number = 512 * 1024 * 1024
/** Looks at a target that has gaps before they are believed. */
const LOOKS_MAX = 3
/** Manifests fetched at a time. */
const MANIFESTS_AT_ONCE = 8

const DIGITS = 16
const NAME = /^(\d{16})\.(segment|json)$/

/** Name of the segment that begins at a height. */
export function segmentName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.segment`
}

/** Name of its manifest. */
export function manifestName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.json`
}

/** A block of an archive, checked. */
export interface ArchivedBlock {
  readonly block: WholeBlock
  readonly checked: CheckedBlock
  /** Number of its segment, from 0. */
  readonly segment: number
}

function bad(first: number, { code, record, message }: SegmentError): ArchiveError {
  const where = record === undefined ? 'preamble' : `record ${record} (height ${first + record})`
  return new ArchiveError('ARCHIVE_BAD', `${segmentName(first)}, ${where}: ${code}: ${message}`)
}

/** What is read of a segment without any check against the chain. */
function contentOf(first: number, bytes: Uint8Array): { readonly manifest: Manifest } {
  const preamble = readPreamble(bytes)
  if (!preamble.ok) throw bad(first, preamble.error)
  const blocks: WholeBlock[] = []
  for (const block of blocksOf(bytes, preamble.value)) {
    if (!block.ok) throw bad(first, block.error)
    blocks.push(block.value)
  }
  return { manifest: manifestOf(bytes, preamble.value, blocks) }
}

/** The archive of one ledger at a place. */
export class Archive {
  readonly place: Place
  readonly genesis: Genesis
  readonly ledger: Digest
  #manifests: readonly Manifest[] = []
  #unwritten: readonly Manifest[] = []

  private constructor(place: Place, genesis: Genesis) {
    this.place = place
    this.genesis = genesis
    this.ledger = ledgerId(genesis)
  }

  /**
   * Looks at what is there.
   * @throws PlaceError, ArchiveError
   */
  static async open(place: Place, genesis: Genesis): Promise<Archive> {
    const archive = new Archive(place, genesis)
    await archive.refresh()
    return archive
  }

  /** Of each segment, in order, without gaps. */
  get manifests(): readonly Manifest[] {
    return this.#manifests
  }

  /** Height of the last block; -1 where there is none. */
  get height(): number {
    return this.#manifests.at(-1)?.last ?? -1
  }

  /** Manifests that were not there and were made from their segments. */
  get unwritten(): readonly Manifest[] {
    return this.#unwritten
  }

  /** Looks again: others may have written. */
  async refresh(): Promise<void> {
    for (let look = 1; ; look += 1) {
      try {
        return await this.#look()
      } catch (error) {
        // A list made while others write may have what is newer and lack what is older.
        const isGap = error instanceof ArchiveError && error.code === 'ARCHIVE_GAP'
        if (!isGap || look === LOOKS_MAX) throw error
      }
    }
  }

  async #look(): Promise<void> {
    const names = await this.place.list()
    const firsts = (kind: string): number[] =>
      names.flatMap((name) => (NAME.exec(name)?.[2] === kind ? [Number(name.slice(0, DIGITS))] : []))
    const segments = firsts('segment').sort((a, b) => a - b)
    const described = new Set(firsts('json'))
    const stray = [...described].find((first) => !segments.includes(first))
    if (stray !== undefined)
      throw new ArchiveError('ARCHIVE_GAP', `${segmentName(stray)} is missing: its manifest is there`)
    const found: Manifest[] = []
    const unwritten: Manifest[] = []
    for (let at = 0; at < segments.length; at += MANIFESTS_AT_ONCE) {
      const some = segments.slice(at, at + MANIFESTS_AT_ONCE)
      found.push(...(await Promise.all(some.map((first) => this.#manifest(first, described.has(first), unwritten)))))
    }
    this.#checkRow(found)
    this.#manifests = found
    this.#unwritten = unwritten
  }

  /** Writes a manifest that is missing. */
  async describe(manifest: Manifest): Promise<void> {
    await this.place.put(manifestName(manifest.first), printManifest(manifest))
    this.#unwritten = this.#unwritten.filter((each) => each !== manifest)
  }

  /** A segment was written behind the last one: takes it in and writes its manifest. */
  async append(manifest: Manifest): Promise<void> {
    this.#manifests = [...this.#manifests, manifest]
    await this.describe(manifest)
  }

  /** The segment that holds a height; undefined where none does. */
  segmentOf(height: number): number | undefined {
    const index = this.#manifests.findIndex((manifest) => height >= manifest.first && height <= manifest.last)
    return index < 0 ? undefined : index
  }

  /**
   * The archive's blocks, each checked, from the beginning of segment `from` on. @throws ArchiveError at the first that is
   * not right, naming it; PlaceError
   */
  async *blocks(from: number): AsyncGenerator<ArchivedBlock> {
    const chain = new Chain(this.genesis, this.#placeBefore(from))
    let coming = this.#fetch(from)
    for (let index = from; index < this.#manifests.length; index += 1) {
      const manifest = must(this.#manifests[index], 'the segment is there')
      const bytes = await coming
      coming = this.#fetch(index + 1)
      // Whoever stops early must not be told of what it doesn't want.
      coming.catch(() => undefined)
      for (const each of this.#checked(manifest, bytes, chain)) yield { ...each, segment: index }
    }
  }

  /** Where the chain stands behind the last block, whose segment is checked on the way. */
  async end(): Promise<ChainPlace> {
    const last = this.#manifests.length - 1
    const manifest = this.#manifests[last]
    if (manifest === undefined) return BEGINNING
    const chain = new Chain(this.genesis, this.#placeBefore(last))
    const bytes = await this.#fetch(last)
    let count = 0
    for (const _ of this.#checked(manifest, bytes, chain)) count += 1
    must(count > 0 ? count : undefined, 'a segment has blocks')
    return chain.place
  }

  *#checked(
    manifest: Manifest,
    bytes: Uint8Array,
    chain: Chain,
  ): Generator<{ readonly block: WholeBlock; readonly checked: CheckedBlock }> {
    const { first } = manifest
    const preamble = readPreamble(bytes)
    if (!preamble.ok) throw bad(first, preamble.error)
    if (preamble.value.ledger !== this.ledger || preamble.value.first !== first) {
      const found = `ledger ${preamble.value.ledger}, height ${preamble.value.first}`
      throw new ArchiveError('ARCHIVE_BAD', `${segmentName(first)}, preamble: it says ${found}`)
    }
    const blocks: WholeBlock[] = []
    for (const block of blocksOf(bytes, preamble.value)) {
      if (!block.ok) throw bad(first, block.error)
      const checked = chain.add(block.value)
      if (!checked.ok) {
        const where = `record ${blocks.length} (height ${first + blocks.length})`
        const { code, message } = checked.error
        throw new ArchiveError('ARCHIVE_BAD', `${segmentName(first)}, ${where}: ${code}: ${message}`)
      }
      blocks.push(block.value)
      yield { block: block.value, checked: checked.value }
    }
    const made = printManifest(manifestOf(bytes, preamble.value, blocks))
    if (Buffer.compare(made, printManifest(manifest)) !== 0)
      throw new ArchiveError('ARCHIVE_BAD', `${manifestName(first)} is not the manifest of ${segmentName(first)}`)
  }

  /** Where the chain stands before a segment, by the manifests before it. */
  #placeBefore(index: number): ChainPlace {
    const before = this.#manifests[index - 1]
    if (before === undefined) return BEGINNING
    let seated: Seated | undefined
    for (const { first, views } of this.#manifests.slice(0, index)) {
      for (const block of views) {
        const next = seatedBy(block, this.genesis, seated)
        if (!next.ok) {
          const { code, message } = next.error
          throw new ArchiveError('ARCHIVE_BAD', `${manifestName(first)}, views: ${code}: ${message}`)
        }
        seated = next.value
      }
    }
    return { height: before.last, hash: before.hash, timeMs: millis(0), seated }
  }

  async #fetch(index: number): Promise<Uint8Array> {
    const first = this.#manifests[index]?.first
    if (first === undefined) return new Uint8Array(0)
    const bytes = await this.place.get(segmentName(first), SEGMENT_BYTES_READ_MAX)
    if (bytes === undefined) throw new ArchiveError('ARCHIVE_GAP', `${segmentName(first)} is missing`)
    return bytes
  }

  async #manifest(first: number, isThere: boolean, unwritten: Manifest[]): Promise<Manifest> {
    const bytes = isThere ? await this.place.get(manifestName(first), MANIFEST_BYTES_MAX) : undefined
    if (bytes === undefined) {
      const segment = await this.place.get(segmentName(first), SEGMENT_BYTES_READ_MAX)
      if (segment === undefined) throw new ArchiveError('ARCHIVE_GAP', `${segmentName(first)} is missing`)
      const { manifest } = contentOf(first, segment)
      unwritten.push(manifest)
      return manifest
    }
    const manifest = parseManifest(bytes)
    if (!manifest.ok) throw new ArchiveError('ARCHIVE_FORMAT', `${manifestName(first)}: ${manifest.error}`)
    return manifest.value
  }

  /** Segments of one ledger, each beginning where the one before ends. */
  #checkRow(manifests: readonly Manifest[]): void {
    let [next, hash]: [number, Digest | undefined] = [0, undefined]
    for (const manifest of manifests) {
      const { first, last, ledger, previous } = manifest
      const name = segmentName(first)
      if (ledger !== this.ledger)
        throw new ArchiveError('ARCHIVE_LEDGER', `${name} is of ledger ${ledger}, genesis.json founds ${this.ledger}`)
      if (first > next)
        throw new ArchiveError('ARCHIVE_GAP', `${segmentName(next)} is missing: the next one there is ${name}`)
      if (first < next) throw new ArchiveError('ARCHIVE_GAP', `${name} begins below ${next}, where the one before ends`)
      if (hash !== undefined && previous !== hash)
        throw new ArchiveError('ARCHIVE_BAD', `${name} stands on block ${previous}, the one before ends with ${hash}`)
      ;[next, hash] = [last + 1, manifest.hash]
    }
  }
}
