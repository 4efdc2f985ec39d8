// What stands beside each segment: a page of JSON that says which blocks are in it, so that nobody has to read the segment
// to know. It follows from the segment alone, byte for byte: one that was lost is made again, and two archivers that make it
// make the same. It also holds the segment's genesis and reconfigure blocks, so that the manifests together are the ledger's view
// chain: whoever continues an archive, or begins to read in its middle, takes the committee from there.

import { fromBase64, toBase64 } from '@quorate/hrana'
import type { Result } from '@quorate/kernel'
import { bytesEqual, err, must, ok, sha256, utf8, utf8Text } from '@quorate/kernel'
import type { CertifiedBlock, Digest, Height, WholeBlock } from '@quorate/types'
import { blockHash, decodeBody, decodeHeader, height, parseDigest } from '@quorate/types'
import type { Preamble } from './segment.ts'

const FORMAT = 'quorate-segment'
const VERSION = 1

/** Most bytes of a manifest. */
export const MANIFEST_BYTES_MAX: number = 128 * 1024 * 1024

/** A manifest's content. */
export interface Manifest {
  readonly ledger: Digest
  readonly first: Height
  /** Hash of the block before the first. */
  readonly previous: Digest
  readonly last: Height
  /** Hash of the last block. */
  readonly hash: Digest
  /** The segment's size, and its SHA-256. */
  readonly bytes: number
  readonly sha256: string
  /** Its genesis and reconfigure blocks, in order. */
  readonly views: readonly CertifiedBlock[]
}

function seats(block: WholeBlock): boolean {
  const body = decodeBody(block.body)
  return body.ok && (body.value.kind === 'genesis' || body.value.kind === 'reconfigure')
}

/** The manifest of a segment that was read or made. */
export function manifestOf(bytes: Uint8Array, preamble: Preamble, blocks: readonly WholeBlock[]): Manifest {
  const [first, last] = [must(blocks[0], 'a segment has a block'), must(blocks.at(-1), 'a segment has a block')]
  const header = decodeHeader(first.header)
  return {
    ledger: preamble.ledger,
    first: preamble.first,
    previous: must(header.ok ? header.value.previous : undefined, 'a header in a segment decodes'),
    last: height(preamble.first + blocks.length - 1),
    hash: blockHash(last.header),
    bytes: bytes.length,
    sha256: sha256(bytes),
    views: blocks.filter(seats).map(({ header, body, certificate }) => ({ header, body, certificate })),
  }
}

/** A manifest as it is written: the same bytes for the same content. */
export function printManifest(manifest: Manifest): Uint8Array {
  const { ledger, first, previous, last, hash, bytes, sha256: sum } = manifest
  const views = manifest.views.map(({ header, body, certificate }) => ({
    header: toBase64(header),
    body: toBase64(body),
    certificate: toBase64(certificate),
  }))
  const json = { format: FORMAT, version: VERSION, ledger, first, previous, last, hash, bytes, sha256: sum, views }
  return utf8(`${JSON.stringify(json, undefined, 2)}\n`)
}

type Json = Readonly<Record<string, unknown>>

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

function viewOf(value: unknown): CertifiedBlock | undefined {
  const object = objectOf(value)
  const part = (name: string): Uint8Array | undefined => {
    const text = object?.[name]
    return typeof text === 'string' ? fromBase64(text) : undefined
  }
  const [header, body, certificate] = [part('header'), part('body'), part('certificate')]
  return header === undefined || body === undefined || certificate === undefined
    ? undefined
    : { header, body, certificate }
}

/** Reads a manifest, which has one form. It proves nothing; the message says what is wrong with it. */
export function parseManifest(bytes: Uint8Array): Result<Manifest, string> {
  let json: Json | undefined
  try {
    json = objectOf(JSON.parse(utf8Text(bytes) ?? ''))
  } catch {
    json = undefined
  }
  if (json === undefined) return err('it is not a JSON object')
  if (json['format'] !== FORMAT || json['version'] !== VERSION)
    return err(`it is not of format "${FORMAT}", version ${VERSION}`)
  const digest = (name: string): Digest | undefined => {
    const text = json[name]
    return typeof text === 'string' ? parseDigest(text) : undefined
  }
  const count = (name: string): number | undefined => {
    const value = json[name]
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
  }
  const [ledger, previous, hash, sum] = [digest('ledger'), digest('previous'), digest('hash'), digest('sha256')]
  const [first, last, size] = [count('first'), count('last'), count('bytes')]
  if (ledger === undefined || previous === undefined || hash === undefined || sum === undefined)
    return err('ledger, previous, hash and sha256 must be 64 lower-case hex digits each')
  if (first === undefined || last === undefined || size === undefined || last < first)
    return err('first, last and bytes must be whole numbers, and last not below first')
  const list = json['views']
  const views = Array.isArray(list) ? list.map(viewOf) : [undefined]
  const whole = views.filter((view) => view !== undefined)
  if (whole.length < views.length) return err('views must be blocks, with header, body and certificate in base64')
  const manifest: Manifest = {
    ledger,
    first: height(first),
    previous,
    last: height(last),
    hash,
    bytes: size,
    sha256: sum,
    views: whole,
  }
  // One content, one text: a change that nothing above sees is a change all the same.
  return bytesEqual(printManifest(manifest), bytes) ? ok(manifest) : err('it is not laid out as manifests are')
}
