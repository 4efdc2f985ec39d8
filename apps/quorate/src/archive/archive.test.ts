// Goal: an archive holds the whole ledger exactly once, whoever writes it and however often they are stopped; and whatever is wrong
// with it is named. Method: a small ledger of real signatures, sources that lie or lack blocks, places that break at each
// step, two archivers at once, and every kind of damage.

import { utf8 } from '@quorate/kernel'
import type { Height, WholeBlock } from '@quorate/types'
import { encodeWholeBlock, ledgerId } from '@quorate/types'
import { beforeEach, expect, test } from 'vitest'
import { Archive } from './archive.ts'
import type { ArchiverOptions } from './archiver.ts'
import { Archiver } from './archiver.ts'
import type { Place } from './place.ts'
import { PlaceError } from './place.ts'
import { blocksOf, encodeSegment, readPreamble, SEGMENT_LIMITS } from './segment.ts'
import type { Given, Source } from './source.ts'
import { Sources } from './source.ts'
import { S3Place, s3Options } from './s3-place.ts'
import { FakeS3 } from './testing/fake-s3.ts'
import { smallLedger } from './testing/small-ledger.ts'
import { verifyArchive } from './verify-archive.ts'

const { genesis, blocks, others } = smallLedger({ blocks: 33 })

/** A place in memory: the others have tests of their own. */
class Memory implements Place {
  readonly title = 'memory'
  readonly files = new Map<string, Uint8Array>()

  list(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()])
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(name)?.slice())
  }

  put(name: string, bytes: Uint8Array): Promise<'written' | 'exists'> {
    if (this.files.has(name)) return Promise.resolve('exists')
    this.files.set(name, bytes.slice())
    return Promise.resolve('written')
  }
}

let memory: Memory

beforeEach(() => {
  memory = new Memory()
})

/** A source of these blocks, a few at a time. */
function sourceOf(all: readonly WholeBlock[], title = 'source', atOnce = 6): Source {
  return {
    title,
    blocks: (from: Height): Promise<Given> =>
      Promise.resolve({ kind: 'blocks', blocks: all.slice(from, from + atOnce), tip: all.length - 1 }),
  }
}

interface Run {
  readonly place?: Place
  readonly sources?: readonly Source[]
  readonly options?: Partial<ArchiverOptions>
}

async function archive({ place, sources, options }: Run = {}): Promise<{ troubles: readonly string[] }> {
  const troubles: string[] = []
  const opened = await Archive.open(place ?? memory, genesis)
  const archiver = new Archiver(opened, new Sources(sources ?? [sourceOf(blocks)]), {
    blocksMax: 7,
    followMs: undefined,
    signal: new AbortController().signal,
    onSegment: () => undefined,
    onTrouble: (message) => troubles.push(message),
    ...options,
  })
  await archiver.run()
  return { troubles }
}

const names = (kind: string): readonly string[] =>
  [...memory.files.keys()].filter((name) => name.endsWith(kind) && name !== 'archive.json').toSorted()

function fileOf(name: string): Uint8Array {
  const bytes = memory.files.get(name)
  if (bytes === undefined) throw new Error(`no ${name}`)
  return bytes
}

function verify(): ReturnType<typeof verifyArchive> {
  return Archive.open(memory, genesis).then((opened) => verifyArchive(opened, () => undefined))
}

/** All blocks that the segments hold, in the order of their names. */
function kept(): readonly WholeBlock[] {
  return names('.segment').flatMap((name) => {
    const bytes = fileOf(name)
    const preamble = readPreamble(bytes)
    if (!preamble.ok) throw new Error(preamble.error.message)
    return [...blocksOf(bytes, preamble.value)].map((block) => {
      if (!block.ok) throw new Error(block.error.message)
      return block.value
    })
  })
}

const headers = (all: readonly WholeBlock[]): readonly string[] =>
  all.map((block) => Buffer.from(block.header).toString('base64'))

test('the whole ledger, in segments, and what it proves', async () => {
  await archive()
  expect(names('.segment').map((name) => Number.parseInt(name, 10))).toEqual([0, 7, 14, 21, 28])
  expect(names('.json')).toEqual(names('.segment').map((name) => name.replace('.segment', '.json')))
  expect(kept().map(encodeWholeBlock)).toEqual(blocks.map(encodeWholeBlock))
  const signed = { signers: 3, seats: 4, height: 0 }
  expect(await verify()).toMatchObject({
    height: 32,
    segments: 5,
    views: 8,
    fewest: signed,
    most: signed,
    unwritten: 0,
  })
})

test('a later run adds what came since, and changes nothing', async () => {
  await archive({ sources: [sourceOf(blocks.slice(0, 16))] })
  expect(names('.segment')).toHaveLength(3)
  const before = [...memory.files]
  await archive()
  await archive()
  for (const [name, bytes] of before) expect(fileOf(name), name).toEqual(bytes)
  expect(headers(kept())).toEqual(headers(blocks))
  expect((await verify()).height).toBe(32)
})

/** A place that breaks at its `step`th writing: before it, or after. */
function breaking(step: number, isAfter: boolean): Place {
  const inner = memory
  let count = 0
  return {
    title: inner.title,
    list: () => inner.list(),
    get: (name) => inner.get(name),
    put: async (name, bytes) => {
      count += 1
      if (count === step && !isAfter) throw new PlaceError('ARCHIVE_PLACE', 'broken')
      const done = await inner.put(name, bytes)
      if (count === step) throw new PlaceError('ARCHIVE_PLACE', 'broken')
      return done
    },
  }
}

test('stopped at any step, it goes on and every block is there once', async () => {
  const sources = [sourceOf(blocks.slice(0, 16))]
  for (const [step, isAfter] of Array.from({ length: 16 }, (_, i) => [1 + Math.floor(i / 2), i % 2 === 1] as const)) {
    memory = new Memory()
    await expect(archive({ sources, place: breaking(step, isAfter) })).rejects.toThrow('broken')
    await archive({ sources })
    expect(headers(kept()), `${step} ${isAfter}`).toEqual(headers(blocks.slice(0, 16)))
    expect(names('.json')).toHaveLength(3)
  }
  expect((await verify()).unwritten).toBe(0)
})

test('two archivers with other certificates and other bounds share one target', async () => {
  const first = archive({ sources: [sourceOf(blocks, 'one', 3)], options: { blocksMax: 4 } })
  const second = archive({ sources: [sourceOf(others, 'two', 5)], options: { blocksMax: 6 } })
  await Promise.all([first, second])
  expect(headers(kept())).toEqual(headers(blocks))
  expect((await verify()).height).toBe(32)
})

test('a source that lies, withholds or fails is left for another, and named', async () => {
  const bad = blocks.map((block, at) => (at === 9 ? { ...block, results: blocks[3]!.results } : block))
  const silent: Source = { title: 'silent', blocks: () => Promise.resolve({ kind: 'blocks', blocks: [], tip: 32 }) }
  const broken: Source = { title: 'broken', blocks: () => Promise.resolve({ kind: 'failed', message: 'no route' }) }
  const sources = [sourceOf(bad, 'liar'), silent, broken, sourceOf(blocks, 'honest')]
  const { troubles } = await archive({ sources })
  expect(troubles).toEqual([
    expect.stringMatching(/^liar: its block 9 is none: WRONG_RESULTS: the results have the root/),
    'silent: it has block 32, and gives none',
    'broken: no route',
  ])
  expect((await verify()).height).toBe(32)
})

test('a bucket, with lost answers and pauses', async () => {
  const store = await FakeS3.start()
  try {
    const open = (): Place => new S3Place(s3Options('s3://ledgers/archive', store.env))
    await archive({ place: open(), sources: [sourceOf(blocks.slice(0, 12))] })
    // A list, two manifests, the mark twice, the last segment; then the next segment.
    store.mishaps.push('slow-down', ...Array.from({ length: 6 }, () => 'none' as const), 'lost-answer')
    const { troubles } = await archive({ place: open(), options: { blocksMax: 12 } })
    expect(troubles).toEqual(['0000000000000012.segment was written by somebody else; going on behind it'])
    const opened = await Archive.open(open(), genesis)
    expect(await verifyArchive(opened, () => undefined)).toMatchObject({ height: 32, segments: 4 })
  } finally {
    await store.close()
  }
})

test('where all are pruned, the lowest height still held is told', async () => {
  await archive({ sources: [sourceOf(blocks.slice(0, 10))] })
  const pruned = (lowest: number): Source => ({
    title: `from ${lowest}`,
    blocks: () => Promise.resolve({ kind: 'gone', lowest, message: 'gone' }),
  })
  await expect(archive({ sources: [pruned(25), pruned(20), pruned(30)] })).rejects.toMatchObject({
    code: 'ARCHIVE_GONE',
    message: expect.stringMatching(/block 10 .* the lowest height still held is 20$/),
  })
  await archive({ sources: [pruned(25), sourceOf(blocks)] })
  expect((await verify()).height).toBe(32)
})

test('while following, a block waits no longer than it may; a signal ends it in order', async () => {
  const end = new AbortController()
  const growing = { all: blocks.slice(0, 3) }
  const source: Source = { title: 'growing', blocks: (from) => sourceOf(growing.all).blocks(from) }
  const seen: number[] = []
  await archive({
    sources: [source],
    options: {
      followMs: 5,
      signal: end.signal,
      onSegment: ({ last }) => {
        seen.push(last)
        growing.all = last === 2 ? blocks.slice(0, 5) : blocks.slice(0, 6)
        if (last >= 4) end.abort()
      },
    },
  })
  expect(seen).toEqual([2, 4])
  expect((await verify()).height).toBe(4)
})

test('a segment has a bound in bytes', async () => {
  const large = smallLedger({ name: 'large', blocks: 20, viewBlocks: 1000, bytes: 900_000 })
  const opened = await Archive.open(memory, large.genesis)
  const options = { blocksMax: 1024, followMs: undefined, signal: new AbortController().signal }
  const quiet = { onSegment: () => undefined, onTrouble: () => undefined }
  await new Archiver(opened, new Sources([sourceOf(large.blocks)]), { ...options, ...quiet }).run()
  expect(opened.manifests).toHaveLength(2)
  for (const { bytes } of opened.manifests) expect(bytes).toBeLessThanOrEqual(SEGMENT_LIMITS.bytesMax)
})

test('a manifest that is missing is made again, the same', async () => {
  await archive()
  const name = names('.json')[2]!
  const before = fileOf(name)
  memory.files.delete(name)
  expect((await verify()).unwritten).toBe(1)
  await archive()
  expect(fileOf(name)).toEqual(before)
})

function flip(name: string, at: number): void {
  const bytes = fileOf(name)
  bytes[at] = bytes[at]! ^ 1
}

test('damage is named by segment, record and reason', async () => {
  await archive()
  flip(names('.segment')[2]!, 2000)
  await expect(verify()).rejects.toMatchObject({
    code: 'ARCHIVE_BAD',
    message: expect.stringMatching(/^0000000000000014\.segment, record 1 \(height 15\): DAMAGED: /),
  })
})

test('a forged block is named, though every sum and manifest fits', async () => {
  await archive()
  const forged = blocks
    .slice(14, 21)
    .map((block, i) => (i === 3 ? { ...block, certificate: blocks[2]!.certificate } : block))
  const name = names('.segment')[2]!
  memory.files.set(name, encodeSegment(ledgerId(genesis), 14 as Height, forged))
  memory.files.delete(name.replace('.segment', '.json'))
  await expect(verify()).rejects.toMatchObject({
    code: 'ARCHIVE_BAD',
    message: expect.stringMatching(/^0000000000000014\.segment, record 3 \(height 17\): NOT_CERTIFIED: /),
  })
})

test('what is missing, of another ledger, or no manifest, is named', async () => {
  await archive()
  const [, second = '', third = ''] = names('.segment')
  const bytes = fileOf(second)
  memory.files.delete(second)
  await expect(verify()).rejects.toMatchObject({
    code: 'ARCHIVE_GAP',
    message: `${second} is missing: its manifest is there`,
  })
  memory.files.delete(second.replace('.segment', '.json'))
  await expect(verify()).rejects.toMatchObject({
    code: 'ARCHIVE_GAP',
    message: `${second} is missing: the next one there is ${third}`,
  })
  memory.files.set(second, bytes)
  expect((await verify()).height).toBe(32)
  const manifest = third.replace('.segment', '.json')
  const text = Buffer.from(fileOf(manifest)).toString('utf8')
  memory.files.set(manifest, utf8(text.replace(/"sha256": "./, '"sha256": "x')))
  await expect(verify()).rejects.toMatchObject({ code: 'ARCHIVE_FORMAT' })
  memory.files.set(manifest, utf8(text.replace(/"bytes": \d+/, '"bytes": 1')))
  await expect(verify()).rejects.toThrow(`${manifest} is not the manifest of ${third}`)
  const other = smallLedger({ name: 'other', blocks: 1 })
  await expect(Archive.open(memory, other.genesis)).rejects.toMatchObject({ code: 'ARCHIVE_LEDGER' })
})

test('nothing is nothing', async () => {
  await expect(verify()).rejects.toMatchObject({ code: 'ARCHIVE_EMPTY' })
})
